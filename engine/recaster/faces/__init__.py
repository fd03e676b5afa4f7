"""Faces in frames: detectors, landmarkers, embeddings, tracks, smoothing, alignment, geometry of meshes."""
