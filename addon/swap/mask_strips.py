# SPDX-License-Identifier: GPL-3.0-or-later
"""Mask strips as masks of a clip: what they show over its strip, in the clip's own pixels."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Any

from .. import compat
from ..picture_place import placement_of
from ..translations import translate
from .lone_strips import list_rendered, mend_corners, render_in_steps, render_scene, scene_of_strip
from .source_range import StripError, file_index, time_scalar_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path


def list_mask_strips(scene: Any) -> list[Any]:
    """Lists a scene's mask strips by name."""
    return sorted(
        (one for one in compat.all_strips(scene) if one.type == "MASK"), key=lambda strip: str(strip.name)
    )


def render_mask_strip(
    name: str, find: Callable[[], Any], size: tuple[int, int], indices: range, folder: Path
) -> Generator[int, None, Callable[[], list[Path]]]:
    """Renders a mask strip for frames of the file of a strip over which it lies, in steps.

    Args:
        name: of the mask strip; whether it is muted doesn't matter, and where it isn't shown is no mask.
        find: returns the strip with the clip, in the same scene (StripError).
        size: of the clip.
        indices: frames of the file.
        folder: for the pictures.

    Yields:
        How many frames of the file are done.

    Returns:
        What makes and lists the pictures; for threads.

    Raises:
        StripError: there is no such strip any more, or it could not be rendered.
    """
    strip = find()
    scene = strip.id_data
    resolution = scene.render.resolution_x, scene.render.resolution_y
    moments = _find_moments(strip, scene, indices)
    place = placement_of(strip, scene, size)
    frames = _shown_frames(_mask_strip(scene, name), moments)

    def render(some: range) -> None:
        scene = find().id_data
        with scene_of_strip(_mask_strip(scene, name), scene, resolution, some) as (alone, copy):
            copy.blend_type = "ALPHA_OVER"
            render_scene(alone, folder)

    for done in render_in_steps(frames, render):
        yield done * len(indices) // len(frames)
    rendered = list_rendered(folder)
    if len(rendered) != len(frames):
        raise StripError(
            translate("The mask strip {name} could not be rendered: render it once yourself", name=name)
        )

    def make() -> list[Path]:
        from .mask_warp import bring_pictures

        shown = dict(zip(frames, mend_corners(rendered), strict=True))
        return bring_pictures(shown, moments, place, resolution, folder.with_name(f"{folder.name}_brought"))

    return make


def _mask_strip(scene: Any, name: str) -> Any:
    """A scene's mask strip of a name (StripError)."""
    masks = [one for one in list_mask_strips(scene) if one.name == name]
    if not masks:
        raise StripError(
            translate("Choose another mask strip: {name} isn't in this scene any more", name=name)
        )
    return masks[0]


def _shown_frames(mask: Any, moments: list[int]) -> range:
    """Frames of the timeline that are needed of a mask strip; none where it isn't shown."""
    around = [mask]
    while (parent := around[-1].parent_meta()) is not None:
        around.append(parent)
    first = max(0, min(moments), *map(compat.left_handle, around))
    return range(first, max(first, min(max(moments) + 1, *map(compat.right_handle, around))))


def _find_moments(strip: Any, scene: Any, indices: range) -> list[int]:
    """Finds when each frame of a file is shown first, or, where it isn't, the nearest before it that is."""
    if compat.retimed(strip):
        from .retimed_frames import find_shown_frames  # numpy is loaded for these alone

        shown = find_shown_frames(strip, scene)
    else:
        scalar = time_scalar_of(strip, scene)
        start = compat.content_start(strip)
        span = range(start, start + max(1, compat.content_span(strip)))
        shown = {frame: file_index(strip, scalar, frame) for frame in span}
    first: dict[int, int] = {}
    for frame, index in shown.items():
        first.setdefault(index, frame)
    known = sorted(first)
    return [first[known[max(bisect.bisect_right(known, index) - 1, 0)]] for index in indices]
