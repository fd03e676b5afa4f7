"""Keras networks, their presets, losses and perceptual backbones, and how weights are kept."""
