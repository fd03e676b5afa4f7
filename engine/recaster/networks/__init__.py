"""Keras networks, losses and perceptual backbones."""

import os

# TensorFlow greets on stderr as soon as it is imported; what goes wrong still shows.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# TensorFlow switches oneDNN on by itself on some CPUs only. On the others too a step of guided-128 then
# takes three quarters of the time.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
