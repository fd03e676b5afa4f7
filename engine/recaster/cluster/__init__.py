"""Work of this program done by the machines of a Ray cluster, which share a storage."""
