# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that all panels of the sidebar's tab share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from . import messages

if TYPE_CHECKING:
    from .engine import jobs

TAB = "Recaster"
WRAP = 30
WRAP_FIRST = 42
"""Fewest characters of a line of a longer text; panels don't wrap by themselves; and where there is none."""
LETTER = 6.6
"""Width of a letter on an ordinary screen, in pixels, on average."""
MARGIN = 60


class SequencerPanel:
    """A panel of the tab."""

    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = TAB


def draw_line(layout: Any, line: jobs.StatusLine) -> None:
    """A title, and a bar or a word."""
    layout.label(text=line.title, icon=line.icon)
    if line.share is not None:
        layout.progress(factor=line.share, text=line.text)
    else:
        layout.label(text=line.text)
    if line.trouble:
        words(layout, line.trouble)


def words(layout: Any, text: str, icon: str = "NONE") -> None:
    """A longer text, a line at a time."""
    import textwrap

    region = bpy.context.region
    scale = bpy.context.preferences.system.ui_scale
    room = WRAP_FIRST if region is None else int((region.width / scale - MARGIN) / LETTER)
    column = layout.column(align=True)
    for at, line in enumerate(textwrap.wrap(messages.sentence(text), max(WRAP, room))):
        column.label(text=line, icon=icon if at == 0 or icon == "NONE" else "BLANK1")
