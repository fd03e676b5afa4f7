"""Messages and services generated from proto/recaster/v1."""
