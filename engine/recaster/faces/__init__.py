"""Faces in frames: detectors, landmarkers, identity, tracks, smoothing and alignment."""
