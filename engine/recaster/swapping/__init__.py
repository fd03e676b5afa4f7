"""Putting a face on: swap, mask, match colour, composite, and the pipeline over a clip."""
