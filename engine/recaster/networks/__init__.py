"""Keras networks, their presets, losses and perceptual backbones, and how weights are kept."""

import os

# TensorFlow greets on stderr as soon as it is imported; what goes wrong still shows.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
