"""Benchmarks of training, speed, detection and the picture, each in processes of its own where it counts."""
