"""Stubs of proto/recaster/internal/v1, made by scripts/generate_stubs; not to be edited."""
