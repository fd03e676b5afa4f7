"""Masks of a clip, learned of a few frames that an artist corrected."""
