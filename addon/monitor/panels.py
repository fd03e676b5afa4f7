# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of what the monitor shows."""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat, selection
from ..config import preferences
from ..drawing import SequencerPanel, button_row, words
from ..state import addon_state
from ..swap.placement import container_of, results_of
from ..translations import translate
from . import operators, update_on_change
from .comparison import NAMES
from .preview_drawing import WIPE

RENDERED = "View > Sequence Render Image takes it as it is shown here, Render > Render Image as it is"


class RECASTER_PT_monitor(SequencerPanel, bpy.types.Panel):
    """Choose what the preview shows of a strip and its swap."""

    bl_idname = "RECASTER_PT_monitor"
    bl_label = "In the Preview"
    bl_parent_id = "RECASTER_PT_swap"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is a strip to show."""
        return selection.chosen_strip(context) is not None

    def draw(self, context: Any) -> None:
        """Before, swap or wipe; its line; what else is drawn there."""
        draw_comparison(self.layout, context)


def draw_comparison(layout: Any, context: Any) -> None:
    """Draws what the preview shows of the strip whose settings are shown."""
    strip = selection.chosen_strip(context)
    scene = compat.scene_of(context)
    manager = context.window_manager
    grid = button_row(layout)
    for name in NAMES:
        grid.row(align=True).prop_enum(manager, "recaster_shows", name)
    results = results_of(container_of(scene, strip), strip)
    if any(one.recaster.held for one in results):
        words(layout, translate(RENDERED), icon="INFO")
    if addon_state.monitor.shows == WIPE:
        layout.prop(manager, "recaster_line", slider=True)
        if any(one.recaster.held == "" and not one.mute for one in results):
            text = translate("A result whose crop or blending is animated can't be wiped")
            words(layout, text, icon="INFO")
    layout.operator(operators.RECASTER_OT_pick_person.bl_idname, icon="EYEDROPPER")
    layout.prop(preferences(), "update_on_change")
    if preferences().update_on_change and (why := update_on_change.why_not(strip)):
        words(layout, why, icon="INFO")


CLASSES = (RECASTER_PT_monitor,)
