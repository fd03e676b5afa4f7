# SPDX-License-Identifier: GPL-3.0-or-later
"""Sidebars and previews redrawn when an operator has ended: Blender redraws where it was pressed alone."""

import bpy

from ..engine import session
from ..state import addon_state


def update() -> None:
    """Redraws sidebars and previews when an operator has ended."""
    operators = bpy.context.window_manager.operators
    last = (len(operators), operators[-1].as_pointer() if operators else 0)
    if last != addon_state.last_operator:
        addon_state.last_operator = last
        session.redraw()
        session.redraw_previews()
