# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators in the monitor: comparing, moving the wipe's line, choosing a person by a click."""

import math
from typing import Any

import bpy
from bpy.props import EnumProperty

from .. import selection
from ..engine import access
from ..mend.dragging import is_over_preview, place_in_clip
from ..state import addon_state
from ..swap import cast
from ..swap.source_range import StripError
from ..swap.tasks import every_strip
from ..translations import translate
from . import comparison, picking
from .monitor_overlay import shown_strip
from .preview_drawing import WIPE, drawing_of

REACH_PX = 8.0
"""Distance on the screen within which the line is taken hold of."""
NEXT = "next"


class RECASTER_OT_compare(bpy.types.Operator):
    """Show the strip before its swap, the swap, or both beside a line, in the preview"""

    bl_idname = "sequencer.recaster_compare"
    bl_label = "Compare Face Swap"
    bl_options = {"REGISTER"}

    shows: EnumProperty(
        name="Show",
        items=(
            (NEXT, "Next", "Go from one to the next"),
            *((one[0], one[1], one[2]) for one in comparison.CHOICES),
        ),
    )

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is a strip to compare."""
        if shown_strip(context)[1] is None:
            cls.poll_message_set(translate("Select a movie or image strip in the sequencer"))
            return False
        return True

    def execute(self, _context: Any) -> set[str]:
        """Shows it."""
        names = comparison.NAMES
        now = names.index(addon_state.monitor.shows)
        comparison.show(names[(now + 1) % len(names)] if self.shows == NEXT else self.shows)
        return {"FINISHED"}


class RECASTER_OT_drag_line(bpy.types.Operator):
    """Drag the line of the wipe over the preview"""

    bl_idname = "recaster.drag_line"
    bl_label = "Drag Wipe Line"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is one."""
        if addon_state.monitor.shows == WIPE and shown_strip(context)[1] is not None:
            return True
        cls.poll_message_set(translate("Choose Wipe first, with a strip selected"))
        return False

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Takes hold of it, where the mouse is near."""
        scene, strip = shown_strip(context)
        drawing = drawing_of(strip, scene)
        region = context.region
        if drawing is None or drawing.line is None or region.type != "PREVIEW":
            return {"PASS_THROUGH"}
        ends = [region.view2d.view_to_region(*one, clip=False) for one in drawing.line_ends]
        if distance((event.mouse_region_x, event.mouse_region_y), *ends) > REACH_PX:
            return {"PASS_THROUGH"}
        self._before = addon_state.monitor.line
        context.window_manager.modal_handler_add(self)
        context.window.cursor_modal_set("MOVE_X")
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Drags it; Escape and the right button put it back."""
        scene, strip = shown_strip(context)
        drawing = None if strip is None else drawing_of(strip, scene)
        is_over = event.type == "LEFTMOUSE" and event.value == "RELEASE"
        if drawing is None or is_over or event.type in {"ESC", "RIGHTMOUSE"}:
            if event.type in {"ESC", "RIGHTMOUSE"}:
                comparison.move_line(self._before)
            context.window.cursor_modal_restore()
            return {"FINISHED"}
        if event.type == "MOUSEMOVE":
            region = context.region
            here = region.view2d.region_to_view(event.mouse_x - region.x, event.mouse_y - region.y)
            comparison.move_line(drawing.line_at(here))
        return {"RUNNING_MODAL"}


def distance(point: Any, one: Any, other: Any) -> float:
    """Distance of a point from the line between two others."""
    across = other[0] - one[0], other[1] - one[1]
    length = across[0] ** 2 + across[1] ** 2
    along = (point[0] - one[0]) * across[0] + (point[1] - one[1]) * across[1]
    share = min(max(along / length, 0.0), 1.0) if length else 0.0
    return math.dist(point, (one[0] + share * across[0], one[1] + share * across[1]))


class RECASTER_OT_pick_person(bpy.types.Operator):
    """Click a face in the preview: that person is swapped. Escape ends"""

    bl_idname = "recaster.pick_person"
    bl_label = "Pick in Preview"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is a movie to look at, and an engine."""
        strip = selection.chosen_strip(context)
        if strip is None or strip.type != "MOVIE":
            cls.poll_message_set(translate("Select a movie strip in the sequencer"))
            return False
        return access.poll_can_edit(cls)

    def invoke(self, context: Any, _event: Any) -> set[str]:
        """Looks for faces where that wasn't done yet, and waits for the mouse."""
        scene, strip = shown_strip(context)
        self._showed = strip.recaster.show_faces
        self._about = scene.name, strip.name
        try:
            picking.look(strip, scene)
        except StripError as error:
            strip.recaster.show_faces = self._showed
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        context.window_manager.modal_handler_add(self)
        context.window.cursor_modal_set("EYEDROPPER")
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Takes a click on a face."""
        scene, strip = shown_strip(context)
        is_same = strip is not None and (scene.name, strip.name) == self._about
        if not is_same or event.type in {"ESC", "RIGHTMOUSE", "RET"}:
            return self._end(context, {"CANCELLED"})
        if event.type != "LEFTMOUSE" or event.value != "PRESS" or not is_over_preview(context, event):
            return {"PASS_THROUGH"}
        if picking.is_looking(strip):
            self.report({"INFO"}, translate("The faces are still being looked for"))
            return {"RUNNING_MODAL"}
        place = place_in_clip(context, event, strip, scene)
        if place is None:
            self.report({"INFO"}, translate("No faces were found: press Escape"))
            return {"RUNNING_MODAL"}
        person = picking.person_at(strip, scene, place[0])
        if person is None:
            self.report({"INFO"}, translate("Nobody who was found is there: click a face, or press Escape"))
            return {"RUNNING_MODAL"}
        cast.choose_person(strip, person)
        return self._end(context, {"FINISHED"})

    def _end(self, context: Any, done: set[str]) -> set[str]:
        for scene, strip in every_strip():
            if (scene.name, strip.name) == self._about:
                strip.recaster.show_faces = self._showed
        context.window.cursor_modal_restore()
        return done


CLASSES = (RECASTER_OT_compare, RECASTER_OT_drag_line, RECASTER_OT_pick_person)
