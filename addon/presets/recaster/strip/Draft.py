# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: INP001 - Blender runs it, and shows its name
"""Settings for a first look: every other frame, and all else as a new strip has it."""

import bpy

bpy.types.RECASTER_PT_strip_presets.settings(bpy.context).draft = True
