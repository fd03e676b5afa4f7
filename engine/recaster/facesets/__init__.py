"""Facesets, the training faces of one identity on disk: extract, clean, look at, import and export."""
