# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of the sequencer; whoever wants others changes them in the preferences, as all keys of Blender."""

from __future__ import annotations

from typing import Any

import bpy

from . import compat

KEYS = (
    ("sequencer.recaster_preview", {"type": "F", "alt": True}),
    ("sequencer.recaster_swap", {"type": "F", "alt": True, "shift": True}),
    ("sequencer.recaster_compare", {"type": "B", "alt": True}),
)
"""Operators, and keys that neither Blender's own keymap nor the industry-compatible one has there."""

LINE = ("recaster.drag_line", {"type": "LEFTMOUSE"})
"""Over the preview; away from the line of a wipe the mouse does what it always does."""

_made: list[tuple[Any, Any]] = []


def register() -> None:
    """Adds them; Blender without a window has no keys."""
    known = bpy.context.window_manager.keyconfigs.addon
    if known is None:
        return
    keymap = known.keymaps.new(name=compat.sequencer_keymap(), space_type="SEQUENCE_EDITOR")
    for operator, key in KEYS:
        _made.append((keymap, keymap.keymap_items.new(operator, value="PRESS", **key)))
    keymap = known.keymaps.new(name=compat.preview_keymap(), space_type="SEQUENCE_EDITOR")
    _made.append((keymap, keymap.keymap_items.new(LINE[0], value="PRESS", **LINE[1])))


def unregister() -> None:
    """Takes them away."""
    for keymap, key in _made:
        keymap.keymap_items.remove(key)
    _made.clear()


def draw(layout: Any, context: Any) -> None:
    """Draws them, to be changed."""
    import rna_keymap_ui

    user = context.window_manager.keyconfigs.user
    keymap = user.keymaps.get(compat.sequencer_keymap()) if user is not None else None
    if keymap is None:
        return
    wanted = [operator for operator, _ in KEYS]
    for key in [one for one in keymap.keymap_items if one.idname in wanted]:
        layout.context_pointer_set("keymap", keymap)
        rna_keymap_ui.draw_kmi([], user, keymap, key, layout, 0)
