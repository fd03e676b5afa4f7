"""Presets, and models on disk: folders, zips, named arrays; needs no TensorFlow."""
