"""The right to use a face, and what a swap says of itself: identities, audit log, policy, manifests."""
