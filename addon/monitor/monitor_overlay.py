# SPDX-License-Identifier: GPL-3.0-or-later
"""Previewed frames, the line of a wipe and a note, drawn over the monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .. import compat, selection
from ..engine import session
from ..state import addon_state
from ..swap import previews
from ..swap.source_range import is_known, time_scalar_of
from .preview_drawing import drawing_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..mend.geometry import Point

LINE_WIDTH = 2.0
LINE_COLOR = (1.0, 1.0, 1.0, 0.9)
SHADOW = (0.0, 0.0, 0.0, 0.55)
INK = (1.0, 1.0, 1.0, 1.0)
TEXT_SIZE = 12
MARGIN = 12
PADDING = 5

_handler: Any = None


def shown_strip(context: Any) -> tuple[Any, Any]:
    """The scene and the strip whose settings are shown; twice None without one."""
    scene = compat.scene_of(context)
    strip = selection.chosen_strip(context) if scene is not None and scene.sequence_editor else None
    return (None, None) if strip is None else (scene, strip)


def update() -> None:
    """Looks at the files of the strips that are drawn over, once: no time for that while drawing."""
    if session.is_editing():
        return
    for context in compat.editing_contexts():
        scene, strip = shown_strip(context)
        if strip is not None and not is_known(strip, scene):
            time_scalar_of(strip, scene)
            session.redraw_previews()


def _draw() -> None:
    """Draws all of it, as Blender calls it for each preview."""
    context = bpy.context
    scene, strip = shown_strip(context)
    if (
        strip is None
        or context.space_data.display_mode != "IMAGE"
        or (context.screen is not None and context.screen.is_animation_playing)
    ):
        return
    drawing = drawing_of(strip, scene)
    if drawing is None:
        return
    region = context.region

    def place(share: Point) -> Point:
        x, y = region.view2d.view_to_region(*drawing.to_view(share), clip=False)
        return float(x), float(y)

    import gpu

    gpu.state.blend_set("ALPHA")
    if drawing.sides is not None:
        _draw_picture(drawing.sides.corners, drawing.brightness, previews.view_of(strip), place)
    if drawing.line is not None:
        ends = [place((drawing.line, drawing.whole.top)), place((drawing.line, drawing.whole.bottom))]
        _draw_line(ends, (region.width, region.height))
    if drawing.note:
        _draw_note(drawing.note)
    gpu.state.blend_set("NONE")


def _draw_picture(
    corners: tuple[Point, ...], brightness: float, about: Any, place: Callable[[Point], Point]
) -> None:
    import gpu
    from gpu_extras.batch import batch_for_shader

    shader = gpu.shader.from_builtin("IMAGE_COLOR")
    batch = batch_for_shader(
        shader,
        "TRI_FAN",
        {"pos": [place(one) for one in corners], "texCoord": [(x, 1.0 - y) for x, y in corners]},
    )
    shader.uniform_sampler("image", _texture_of(about))
    shader.uniform_float("color", (brightness, brightness, brightness, 1.0))
    batch.draw(shader)


def _texture_of(about: Any) -> Any:
    """The texture of a preview; made once, of pixels that a thread has made ready."""
    import gpu

    picture = about.picture
    known = addon_state.monitor.textures.get(about.icon)
    if known is None or known[0] is not picture:
        width, height = picture.size
        pixels = gpu.types.Buffer("FLOAT", width * height * 4, picture.floats().reshape(-1))
        texture = gpu.types.GPUTexture((width, height), format="RGBA8", data=pixels)
        known = addon_state.monitor.textures[about.icon] = picture, texture
    return known[1]


def _draw_line(ends: list[Point], size: tuple[int, int]) -> None:
    import gpu
    from gpu_extras.batch import batch_for_shader

    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    shader.uniform_float("viewportSize", size)
    for width, color in ((LINE_WIDTH + 2, SHADOW), (LINE_WIDTH, LINE_COLOR)):
        shader.uniform_float("lineWidth", width)
        shader.uniform_float("color", color)
        batch_for_shader(shader, "LINES", {"pos": [(*one, 0.0) for one in ends]}).draw(shader)


def _draw_note(text: str) -> None:
    """Draws words in the lower left corner."""
    import blf
    import gpu
    from gpu_extras.batch import batch_for_shader

    scale = bpy.context.preferences.system.ui_scale
    blf.size(0, TEXT_SIZE * scale)
    width, height = blf.dimensions(0, text)
    left = bottom = MARGIN * scale
    pad = PADDING * scale
    box = [
        (left - pad, bottom - pad),
        (left + width + pad, bottom - pad),
        (left + width + pad, bottom + height + pad),
        (left - pad, bottom + height + pad),
    ]
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.uniform_float("color", SHADOW)
    batch_for_shader(shader, "TRI_FAN", {"pos": [(*one, 0.0) for one in box]}).draw(shader)
    blf.color(0, *INK)
    blf.position(0, left, bottom, 0)
    blf.draw(0, text)


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
