"""Judges of a swap that have no part in it, ground truth, and the figures that follow from both."""
