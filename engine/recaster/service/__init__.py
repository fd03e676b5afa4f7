"""The engine as a gRPC service; it never loads a network, nor looks into what clients send."""
