"""Stubs of proto/recaster/v1, made by scripts/generate_stubs; not to be edited."""
