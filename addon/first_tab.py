# SPDX-License-Identifier: GPL-3.0-or-later
"""The tab opened once beside the timeline: an add-on that was just installed shows where it is."""

from __future__ import annotations

import contextlib
from typing import Any

import bpy

from .config import preferences
from .drawing import TAB
from .state import addon_state

DRAWN_S = 0.3
"""Time for Blender to draw a sidebar that was opened: tabs can be chosen then."""


def show() -> None:
    """Opens it where that never happened before and a window has a timeline."""
    if bpy.app.background or preferences().tab_was_shown:
        return
    opened = open_sidebar()
    if opened is not None:
        preferences().tab_was_shown = True
        bpy.context.preferences.is_dirty = True
        addon_state.first_tab_area = opened.as_pointer()
        bpy.app.timers.register(choose_tab, first_interval=DRAWN_S)


def open_sidebar() -> Any | None:
    """Opens the sidebar of the largest timeline; returns its area, None where there is none."""
    timelines = [area for area in _sequencers() if area.spaces.active.view_type != "PREVIEW"]
    if not timelines:
        return None
    area = max(timelines, key=lambda one: one.width * one.height)
    area.spaces.active.show_region_ui = True
    return area


def choose_tab() -> None:
    """Brings the tab to the front in the sidebar that was opened for it, if that is still there."""
    for area in _sequencers():
        for region in area.regions if area.as_pointer() == addon_state.first_tab_area else ():
            if region.type == "UI" and area.spaces.active.show_region_ui:
                with contextlib.suppress(TypeError):  # not drawn yet: whoever opens it chooses
                    region.active_panel_category = TAB
                region.tag_redraw()


def unregister() -> None:
    """Gives up a tab that is still to be chosen: the add-on is disabled."""
    if bpy.app.timers.is_registered(choose_tab):
        bpy.app.timers.unregister(choose_tab)


def _sequencers() -> list[Any]:
    windows = bpy.context.window_manager.windows
    return [area for window in windows for area in window.screen.areas if area.type == "SEQUENCE_EDITOR"]
