# SPDX-License-Identifier: GPL-3.0-or-later
"""Dragging of faces over the preview: boxes are moved, scaled and turned, points come along softly."""

import math
from typing import Any, NamedTuple

import bpy

from .. import compat, selection
from ..engine import access, session
from ..swap.source_range import StripError
from ..translations import translate
from . import overlay, tracks
from .geometry import FaceBox, Point, drag_box, drag_points, find_part, find_point, span_box

REACH_PX = 10.0
"""Distance on the screen within which a handle or a point is taken hold of."""
MIN_DRAG_PX = 2.0
NEW = "new"
STATUS = "Drag a face by its middle, corners, handle or points.   Ctrl: new face.   Escape: end"


class Hold(NamedTuple):
    """Hold of something: a part of a box, a point of a mesh (its number), or a new box.

    Attributes:
        track: None for a new face.
        part: of ``geometry.find_part``, ``NEW``, or empty for a point.
        point: its number.
        start: where it was taken hold of, in pixels of the clip.
        box: as it was.
        points: of the face, as they were.
    """

    track: int | None
    frame: int
    part: str
    point: int
    start: Point
    box: FaceBox
    points: list[Point]

    def drag(self, now: Point) -> tuple[FaceBox, dict[int, Point]]:
        """The box, and the points that come along, when it is dragged somewhere."""
        if self.part == NEW:
            return span_box(self.start, now), {}
        if self.part:
            return drag_box(self.box, self.part, self.start, now), {}
        return self.box, drag_points(self.points, self.point, now, self.box.width)


def take_hold(strip: Any, frame: int, point: Point, tolerance: float, *, adds: bool = False) -> Hold | None:
    """Takes hold of what is at a point of the clip; None where there is nothing.

    Args:
        strip: whose faces they are.
        frame: of its file.
        point: in pixels of the clip.
        tolerance: likewise.
        adds: whether a new box begins there.
    """
    if adds:
        return Hold(None, frame, NEW, -1, point, span_box(point, point), [])
    found = tracks.view_of(strip).found
    faces = tracks.faces_at(strip, frame)
    if strip.recaster.show_points and found is not None:
        for track, box in faces:
            points = found.points.get((track.track, frame), [])
            nearest = find_point(points, point, tolerance)
            if nearest is not None:
                return Hold(track.track, frame, "", nearest, point, box, points)
    for track, box in faces:
        part = find_part(box, point, tolerance)
        if part:
            return Hold(track.track, frame, part, -1, point, box, [])
    return None


def let_go(strip: Any, scene: Any, hold: Hold, now: Point) -> None:
    """Makes a correction of what was dragged (StripError)."""
    box, moved = hold.drag(now)
    frame = hold.frame
    dragged = (hold.track, frame, box, moved)
    if moved:
        points = [{"index": at, "x": x, "y": y} for at, (x, y) in sorted(moved.items())]
        about = {"track": hold.track, "points": points}
        tracks.correct(
            strip,
            scene,
            translate("Move Points"),
            lambda shift: {"points": {**about, "frame": frame - shift}},
            points_from=frame,
            dragged=dragged,
        )
        return
    sides = {"left": box.left, "top": box.top, "width": box.width, "height": box.height, "angle": box.angle}
    tracks.correct(
        strip,
        scene,
        translate("Place Face"),
        lambda shift: {"box": {**sides, "frame": frame - shift}},
        points_from=frame,
        dragged=dragged,
    )


class RECASTER_OT_drag_faces(bpy.types.Operator):
    """Drag boxes and points of faces over the preview. Ctrl begins a new box, Escape ends"""

    bl_idname = "recaster.drag_faces"
    bl_label = "Drag Faces"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there are faces to drag, and an engine."""
        strip = selection.chosen_strip(context)
        if strip is None or strip.type != "MOVIE" or tracks.view_of(strip).found is None:
            cls.poll_message_set(translate("Find the faces of a movie strip first"))
            return False
        return access.poll_can_edit(cls)

    def invoke(self, context: Any, _event: Any) -> set[str]:
        """Waits for the mouse."""
        strip = selection.chosen_strip(context)
        strip.recaster.show_faces = True
        self._hold: Hold | None = None
        self._begun: Point = (0.0, 0.0)
        context.window_manager.modal_handler_add(self)
        context.window.cursor_modal_set("CROSSHAIR")
        context.workspace.status_text_set(translate(STATUS))
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Takes hold of faces, drags them, and lets them go."""
        scene = compat.scene_of(context)
        strip = selection.chosen_strip(context)
        if strip is None or strip.type != "MOVIE" or (event.type in {"ESC", "RET"} and self._hold is None):
            return self._end(context)
        if event.type in {"ESC", "RIGHTMOUSE"} and self._hold is not None:
            self._show(strip, None)
            self._hold = None
            return {"RUNNING_MODAL"}
        place = place_in_clip(context, event, strip, scene)
        if event.type == "LEFTMOUSE" and event.value == "PRESS":
            return self._press(strip, scene, event, place)
        if self._hold is None:
            return {"PASS_THROUGH"}
        if event.type == "MOUSEMOVE" and place is not None:
            self._show(strip, place[0])
        elif event.type == "LEFTMOUSE" and event.value == "RELEASE":
            self._release(strip, scene, event, place)
        return {"RUNNING_MODAL"}

    def _press(self, strip: Any, scene: Any, event: Any, place: tuple[Point, float] | None) -> set[str]:
        frame = overlay.shown_frame(strip, scene)
        if place is None or frame is None:
            return {"PASS_THROUGH"}
        self._hold = take_hold(strip, frame, place[0], REACH_PX * place[1], adds=event.ctrl)
        self._begun = (event.mouse_x, event.mouse_y)
        return {"RUNNING_MODAL"} if self._hold is not None else {"PASS_THROUGH"}

    def _release(self, strip: Any, scene: Any, event: Any, place: tuple[Point, float] | None) -> None:
        hold = self._hold
        self._hold = None
        is_moved = math.dist(self._begun, (event.mouse_x, event.mouse_y)) >= MIN_DRAG_PX
        if hold is None or place is None or not is_moved:
            self._show(strip, None)
            return
        self._show(strip, None)
        try:
            let_go(strip, scene, hold, place[0])
        except StripError as error:
            self.report({"ERROR"}, str(error))

    def _show(self, strip: Any, now: Point | None) -> None:
        view = tracks.view_of(strip)
        hold = self._hold
        view.dragged = None if now is None or hold is None else (hold.track, hold.frame, *hold.drag(now))
        session.redraw_previews()

    def _end(self, context: Any) -> set[str]:
        context.window.cursor_modal_restore()
        context.workspace.status_text_set(None)
        return {"FINISHED"}


def place_in_clip(context: Any, event: Any, strip: Any, scene: Any) -> tuple[Point, float] | None:
    """The mouse's place in the clip, and pixels of the clip for each of the screen; None beside previews."""
    found = tracks.view_of(strip).found
    if found is None:
        return None
    placement = overlay.placement_of(strip, scene, found.size)
    for area in context.screen.areas:
        for region in area.regions if area.type == "SEQUENCE_EDITOR" else ():
            x = event.mouse_x - region.x
            y = event.mouse_y - region.y
            if region.type == "PREVIEW" and 0 <= x < region.width and 0 <= y < region.height:
                here = placement.to_clip(region.view2d.region_to_view(x, y))
                beside = placement.to_clip(region.view2d.region_to_view(x + 1, y))
                return here, math.dist(here, beside)
    return None


def is_over_preview(context: Any, event: Any) -> bool:
    """Tells if the mouse is over a sequencer's preview."""
    return any(
        region.type == "PREVIEW"
        and 0 <= event.mouse_x - region.x < region.width
        and 0 <= event.mouse_y - region.y < region.height
        for area in context.screen.areas
        for region in (area.regions if area.type == "SEQUENCE_EDITOR" else ())
    )


CLASSES = (RECASTER_OT_drag_faces,)
