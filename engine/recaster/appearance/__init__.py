"""Appearance of a face in a picture, of source and target alike: textures, light, softness, occlusion."""
