# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of masks: for each the choice between a mask and a mask strip, and which one."""

from __future__ import annotations

from typing import Any

from ..properties import MASKS
from ..translations import CONTEXT

TITLES = {"keep_out": "Keep Out", "keep_in": "Keep In"}
NAMES = 0.3


def draw_masks(layout: Any, strip: Any) -> None:
    """Draws the masks of a strip."""
    own = strip.recaster
    column = layout.column()
    column.use_property_split = False
    for name in MASKS:
        split = column.split(factor=NAMES)
        split.label(text=TITLES[name], text_ctxt=CONTEXT)
        row = split.row(align=True)
        row.prop(own, f"{name}_from", text="", icon_only=True)
        row.prop(own, f"{name}_strip" if getattr(own, f"{name}_from") == "strip" else name, text="")
