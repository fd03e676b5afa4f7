# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that all panels of the sidebar's tab share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from . import messages

if TYPE_CHECKING:
    from .engine import jobs

TAB = "Recaster"
WRAP = 12
WRAP_FIRST = 42
"""Fewest characters of a line of a longer text; panels don't wrap by themselves; and where there is none."""
LETTER = 6.6
"""Width of a letter on an ordinary screen, in pixels, on average."""
MARGIN = 60
ICON = 20
BUTTON = 40
"""Pixels around a panel's texts, of an icon, and of a box with a button in it."""


class SequencerPanel:
    """A panel of the tab."""

    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = TAB


class StripTabPanel:
    """A panel among the properties of the active strip; earlier than Blender 5.0 they have no tab there."""

    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "strip"


def icon_number(name: str) -> int:
    """The number of one of Blender's icons, for where pictures are drawn."""
    icons = bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items
    return int(icons[name].value)


def button_row(layout: Any) -> Any:
    """A row of buttons, several where the panel is too narrow; each is put in a row of it, for its width."""
    return layout.grid_flow(row_major=True, columns=0, even_columns=True, even_rows=True, align=True)


def draw_line(layout: Any, line: jobs.StatusLine, spare: int = 0) -> None:
    """A title, and a bar or a word; ``spare``: as in ``words``."""
    layout.label(text=line.title, icon=line.icon, translate=False)
    if line.share is not None:
        layout.progress(factor=line.share, text=line.text, translate=False)
    else:
        words(layout, line.text, spare=spare)
    if line.trouble:
        words(layout, line.trouble, spare=spare)


def words(layout: Any, text: str, icon: str = "NONE", *, share: float = 1.0, spare: int = 0) -> None:
    """A longer text, translated already, a line at a time.

    ``share``: of the panel's width that there is for it; ``spare``: pixels that there aren't, for buttons.
    """
    import textwrap

    region = bpy.context.region
    scale = bpy.context.preferences.system.ui_scale
    room = WRAP_FIRST
    if region is not None:
        inside = (region.width / scale - MARGIN) * share - spare - (0 if icon == "NONE" else ICON)
        room = int(inside / LETTER)
    column = layout.column(align=True)
    for at, line in enumerate(textwrap.wrap(messages.sentence(text), max(WRAP, room))):
        column.label(text=line, icon=icon if at == 0 or icon == "NONE" else "BLANK1", translate=False)
