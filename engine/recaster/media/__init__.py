"""Clips as timed frames: probe, read, write, compare. Knows nothing of faces."""
