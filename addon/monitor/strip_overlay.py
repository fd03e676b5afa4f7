# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks of swaps drawn on the timeline."""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat
from . import strip_states
from .strip_states import CHANGED, FAILED, GHOST, PROGRESS, StripMark

Color = tuple[float, float, float, float]
Rectangle = tuple[float, float, float, float]
BAR = (0.30, 0.75, 1.0, 0.95)
BAR_GROUND = (0.0, 0.0, 0.0, 0.5)
GHOST_FILL = (0.30, 0.75, 1.0, 0.16)
GHOST_EDGE = (0.30, 0.75, 1.0, 0.55)
FAILED_EDGE = (0.95, 0.22, 0.18, 1.0)
CHANGED_FILL = (1.0, 0.75, 0.15, 1.0)
STRIP_BOTTOM = 0.05
STRIP_TOP = 0.95
"""Of a channel, between which a strip lies."""
BAR_HEIGHT = 0.12
EDGE_PX = 2.0
MARK_PX = 9.0

_handler: Any = None


def rectangles_of(mark: StripMark, box: Rectangle, scale: float) -> list[tuple[Rectangle, Color]]:
    """Rectangles that show a mark, in pixels: left, bottom, right, top.

    Args:
        mark: what is shown.
        box: where the strip lies, or will.
        scale: of the user interface.
    """
    left, bottom, right, top = box
    if mark.kind == PROGRESS:
        upper = bottom + max(BAR_HEIGHT * (top - bottom), 3 * scale)
        done = left + mark.share * (right - left)
        return [((left, bottom, right, upper), BAR_GROUND), ((left, bottom, done, upper), BAR)]
    if mark.kind == GHOST:
        return [(box, GHOST_FILL), *((edge, GHOST_EDGE) for edge in _edges(box, scale))]
    if mark.kind == FAILED:
        return [(edge, FAILED_EDGE) for edge in _edges(box, EDGE_PX * scale)]
    side = min(MARK_PX * scale, (right - left) / 2, (top - bottom) / 2)
    return [((right - side, top - side, right, top), CHANGED_FILL)] if mark.kind == CHANGED else []


def _edges(box: Rectangle, width: float) -> list[Rectangle]:
    left, bottom, right, top = box
    return [
        (left, bottom, right, bottom + width),
        (left, top - width, right, top),
        (left, bottom, left + width, top),
        (right - width, bottom, right, top),
    ]


def _draw() -> None:
    """Draws the marks, as Blender calls it for each timeline."""
    context = bpy.context
    scene = compat.scene_of(context)
    if scene is None or scene.sequence_editor is None:
        return
    region = context.region
    edges = [region.view2d.region_to_view(x, 0)[0] for x in (0, region.width)]
    marks = strip_states.marks_of(scene, *edges)
    if not marks:
        return
    scale = context.preferences.system.ui_scale
    corners: list[tuple[float, float]] = []
    colors: list[Color] = []
    for mark in marks:
        low = region.view2d.view_to_region(mark.left, mark.channel + STRIP_BOTTOM, clip=False)
        high = region.view2d.view_to_region(mark.right, mark.channel + STRIP_TOP, clip=False)
        if high[0] < 0 or low[0] > region.width or high[1] < 0 or low[1] > region.height:
            continue
        for (left, bottom, right, top), color in rectangles_of(mark, (*low, *high), scale):
            corners += [(left, bottom), (right, bottom), (right, top)]
            corners += [(left, bottom), (right, top), (left, top)]
            colors += [color] * 6
    if corners:
        _fill(corners, colors)


def _fill(corners: list[tuple[float, float]], colors: list[Color]) -> None:
    import gpu
    from gpu_extras.batch import batch_for_shader

    shader = gpu.shader.from_builtin("FLAT_COLOR")
    gpu.state.blend_set("ALPHA")
    batch_for_shader(shader, "TRIS", {"pos": [(*one, 0.0) for one in corners], "color": colors}).draw(shader)
    gpu.state.blend_set("NONE")


def register() -> None:
    """Begins to draw."""
    global _handler  # noqa: PLW0603 - Blender wants it back to stop drawing
    _handler = bpy.types.SpaceSequenceEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def unregister() -> None:
    """Stops drawing."""
    global _handler  # noqa: PLW0603
    if _handler is not None:
        bpy.types.SpaceSequenceEditor.draw_handler_remove(_handler, "WINDOW")
        _handler = None
