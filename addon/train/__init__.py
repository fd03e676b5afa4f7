# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces to learn from, and training."""
