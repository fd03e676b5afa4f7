"""Likeness: the model of one source identity, its neutral shape and textures, and faces drawn from it."""
