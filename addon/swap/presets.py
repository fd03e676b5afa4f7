# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of all of a strip's settings, but for whose faces are swapped: Blender's own, in a panel's header.

A look that has a name (``looks``) is a part of these, which the command line has, too.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel

from .. import selection
from ..engine import session
from ..properties import LOOK, RESULT
from ..translations import translate

NAMES = (*LOOK, *RESULT)
SUBFOLDER = "recaster/strip"
FOLDER = str(Path(__file__).parents[1])
"""Where the folder of shipped presets is."""


class RECASTER_PT_strip_presets(PresetPanel, bpy.types.Panel):
    """Presets of a strip's settings."""

    bl_label = "Swap Presets"
    preset_subdir = SUBFOLDER
    preset_operator = "script.execute_preset"
    preset_add_operator = "sequencer.recaster_add_preset"

    @staticmethod
    def settings(context: Any) -> Any:
        """The settings that presets are of; where no strip is chosen, a place for values that nothing reads.

        Presets that people keep are files that call this: its name and the class's stay as they are.
        """
        strip = selection.chosen_strip(context)
        return SimpleNamespace() if strip is None else strip.recaster

    @classmethod
    def reset_cb(cls, context: Any, _path: str) -> None:
        """Sets all back before a preset is set: it may name a few only."""
        strip = selection.chosen_strip(context)
        for name in NAMES if strip is not None else ():
            strip.recaster.property_unset(name)

    @classmethod
    def post_cb(cls, context: Any, _path: str) -> None:
        """Makes it a step to undo, which it isn't by itself."""
        if selection.chosen_strip(context) is None:
            return
        session.push_undo_step(translate("Recaster: Preset"))


class RECASTER_OT_add_preset(AddPresetBase, bpy.types.Operator):
    """Keep the strip's settings under a name, or remove those of a name"""

    bl_idname = "sequencer.recaster_add_preset"
    bl_label = "Add Swap Preset"
    preset_menu = "RECASTER_PT_strip_presets"
    preset_subdir = SUBFOLDER
    preset_defines = ("own=bpy.types.RECASTER_PT_strip_presets.settings(bpy.context)",)
    preset_values = tuple(f"own.{name}" for name in NAMES)

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if a strip's settings are shown."""
        return selection.poll_has_strip(cls, context)


def register() -> None:
    """Lets Blender find the shipped presets."""
    bpy.utils.register_preset_path(FOLDER)


def unregister() -> None:
    """Takes them away."""
    bpy.utils.unregister_preset_path(FOLDER)


CLASSES = (RECASTER_PT_strip_presets, RECASTER_OT_add_preset)
