# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces over the sequencer's preview: boxes, points and names, grey where a face isn't swapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from .. import compat, selection
from ..picture_place import placement_of
from ..swap.source_range import StripError, file_frame, is_known
from ..translations import translate
from .tracks import TrackView, faces_at, is_swapped, view_of

if TYPE_CHECKING:
    from .geometry import FaceBox, Point, Segment

Colour = tuple[float, float, float, float]
SWAPPED: Colour = (0.2, 0.85, 0.4, 1.0)
OTHER: Colour = (0.55, 0.55, 0.55, 0.9)
UNKNOWN: Colour = (0.95, 0.75, 0.2, 1.0)
DRAGGED: Colour = (1.0, 1.0, 1.0, 1.0)
PAPER: Colour = (0.0, 0.0, 0.0, 0.7)
LINE_WIDTH = 1.5
POINT_SIZE = 3.0
GRIP_SIZE = 7.0
TEXT_SIZE = 12

_handler: Any = None


class Drawing(NamedTuple):
    """Lines, points and words for one face, in pixels of the clip."""

    segments: list[Segment]
    points: list[Point]
    colour: Colour
    label: str
    place: Point
    grips: list[Point]
    """Places to drag it by."""


def shown_frame(strip: Any, scene: Any) -> int | None:
    """The frame of a strip's file at the playhead; None where it isn't shown, or can't be told."""
    try:
        return file_frame(strip, scene, scene.frame_current)
    except StripError:
        return None


def drawn_frame(strip: Any, scene: Any) -> int | None:
    """The same for whatever draws: None also where the file wasn't looked at yet."""
    return shown_frame(strip, scene) if is_known(strip, scene) else None


def drawings_of(strip: Any, scene: Any) -> list[Drawing]:
    """All that is drawn over the preview at the playhead."""
    view = view_of(strip)
    frame = drawn_frame(strip, scene)
    if view.found is None or frame is None or not strip.recaster.show_faces:
        return []
    held = [view.dragged] if view.dragged else []
    held += reversed(view.placed if view.work is not None else ())  # until the engine has applied them
    made = []
    for track, known in faces_at(strip, frame):
        box = known
        dragged = next((one for one in held if one[:2] == (track.track, frame)), None)
        points = list(view.found.points.get((track.track, frame), ())) if strip.recaster.show_points else []
        if dragged is not None:
            box = dragged[2]
            points = [dragged[3].get(at, point) for at, point in enumerate(points)]
        made.append(_draw_face(strip, track, box, points, is_dragged=dragged is not None))
    new = [one[2] for one in held if one[:2] == (None, frame)]
    return made + [
        Drawing(box.segments(), [], DRAGGED, translate("New face"), (box.left, box.top), box.grips())
        for box in new
    ]


def _draw_face(
    strip: Any, track: TrackView, box: FaceBox, points: list[Point], *, is_dragged: bool
) -> Drawing:
    colour = {True: SWAPPED, False: OTHER, None: UNKNOWN}[is_swapped(strip, track)]
    return Drawing(
        box.segments(),
        points,
        DRAGGED if is_dragged else colour,
        track.label,
        (box.left, box.top),
        box.grips(),
    )


def _draw() -> None:
    """Draws them, as Blender calls it for each preview."""
    context = bpy.context
    scene = compat.scene_of(context)
    strip = selection.chosen_strip(context) if scene is not None and scene.sequence_editor else None
    if strip is None or strip.type != "MOVIE" or context.space_data.display_mode != "IMAGE":
        return
    drawings = drawings_of(strip, scene)
    if not drawings:
        return
    found = view_of(strip).found
    placement = placement_of(strip, scene, found.size)
    view = context.region.view2d

    def place(point: Point) -> Point:
        x, y = view.view_to_region(*placement.to_view(point), clip=False)
        return float(x), float(y)

    for drawing in drawings:
        _draw_with_gpu(drawing, place, (context.region.width, context.region.height))


def _draw_with_gpu(drawing: Drawing, place: Any, size: tuple[int, int]) -> None:
    import blf
    import gpu
    from gpu_extras.batch import batch_for_shader

    gpu.state.blend_set("ALPHA")
    lines = [(*place(point), 0.0) for segment in drawing.segments for point in segment]
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    shader.uniform_float("viewportSize", size)
    shader.uniform_float("lineWidth", LINE_WIDTH)
    shader.uniform_float("color", drawing.colour)
    batch_for_shader(shader, "LINES", {"pos": lines}).draw(shader)
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.uniform_float("color", drawing.colour)
    for points, width in ((drawing.points, POINT_SIZE), (drawing.grips, GRIP_SIZE)):
        gpu.state.point_size_set(width)
        batch_for_shader(shader, "POINTS", {"pos": [(*place(point), 0.0) for point in points]}).draw(shader)
    x, y = place(drawing.place)
    blf.size(0, TEXT_SIZE * bpy.context.preferences.system.ui_scale)
    width, height = blf.dimensions(0, drawing.label)
    corners = [
        (x + across, y + up, 0.0) for up in (GRIP_SIZE, GRIP_SIZE + height + 8) for across in (0, width + 8)
    ]
    shader.uniform_float("color", PAPER)  # or it can't be read over hair
    batch_for_shader(shader, "TRI_STRIP", {"pos": corners}).draw(shader)
    blf.color(0, *drawing.colour)
    blf.position(0, x + 4, y + GRIP_SIZE + 4, 0)
    blf.draw(0, drawing.label)
    gpu.state.blend_set("NONE")


def register() -> None:
    """Begins to draw."""
    global _handler  # noqa: PLW0603 - Blender wants it back to stop drawing
    _handler = bpy.types.SpaceSequenceEditor.draw_handler_add(_draw, (), "PREVIEW", "POST_PIXEL")


def unregister() -> None:
    """Stops drawing."""
    global _handler  # noqa: PLW0603
    if _handler is not None:
        bpy.types.SpaceSequenceEditor.draw_handler_remove(_handler, "PREVIEW")
        _handler = None
