# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: INP001 - Blender runs it, and shows its name
"""Settings as a new strip has them: nothing more is set after the reset that goes before every preset."""
