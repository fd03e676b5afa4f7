# SPDX-License-Identifier: GPL-3.0-or-later
"""Strips rendered alone, as grey pictures, in a copy of their scene: it keeps how they lie in time."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat
from ..config import PACKAGE
from .strip_pictures import list_pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STEP_S = 0.03
"""Seconds that frames are rendered in one go while Blender's window goes on."""
RENDER_HANDLERS = (
    "render_init", "render_pre", "render_post", "render_stats", "render_write", "render_complete",
    "render_cancel",
)  # fmt: skip


@contextlib.contextmanager
def scene_of_strip(strip: Any, scene: Any, size: tuple[int, int], frames: range) -> Iterator[tuple[Any, Any]]:
    """A copy of a scene with a strip alone, and the strip's copy; gone afterwards.

    Args:
        strip: it may be in meta strips.
        scene: where it is.
        size: width and height of what is rendered.
        frames: of the timeline.
    """
    alone = scene.copy()
    try:
        names = []
        one = strip
        while one is not None:
            names.append(one.name)
            one = one.parent_meta()
        compat.remove_all_but(alone, names)
        write_grey(alone, size, frames)
        yield alone, next(one for one in compat.all_strips(alone) if one.name == names[0])
    finally:
        bpy.data.scenes.remove(alone)


def write_grey(scene: Any, size: tuple[int, int], frames: range) -> None:
    """Lets frames of a scene's sequencer be rendered as grey pictures, as they are stored."""
    render = scene.render
    render.resolution_x, render.resolution_y = size
    render.resolution_percentage = 100
    render.use_sequencer = True
    render.use_compositing = False
    render.use_file_extension = True
    render.use_stamp = render.use_border = render.use_crop_to_border = render.use_multiview = False
    render.dither_intensity = 0.0
    compat.write_grey_pictures(scene)
    scene.frame_start = frames.start
    scene.frame_end = frames.stop - 1
    scene.frame_step = 1


def render_scene(scene: Any, folder: Path) -> None:
    """Renders a scene's frames into a folder; Blender waits meanwhile, other add-ons hear nothing of it."""
    folder.mkdir(exist_ok=True)
    scene.render.filepath = f"{folder}/"
    with _own_handlers_alone():
        bpy.ops.render.render(animation=True, scene=scene.name)


@contextlib.contextmanager
def _own_handlers_alone() -> Iterator[None]:
    """Keeps handlers of renders that aren't the add-on's own from a render that nobody asked for."""
    lists = [getattr(bpy.app.handlers, name) for name in RENDER_HANDLERS]
    kept = [list(handlers) for handlers in lists]
    try:
        for handlers in lists:
            handlers[:] = [one for one in handlers if _is_own(one)]
        yield
    finally:
        for handlers, before in zip(lists, kept, strict=True):
            handlers[:] = before


def _is_own(handler: Any) -> bool:
    return str(getattr(handler, "__module__", "")).startswith(f"{PACKAGE}.")


def list_rendered(folder: Path) -> list[Path]:
    """Lists the pictures that ``render_scene`` made in a folder; none where it was never called."""
    return [folder / name for name in list_pictures(folder / "any.png")] if folder.is_dir() else []


def render_in_steps(frames: range, render: Callable[[range], None]) -> Iterator[int]:
    """Renders frames a few at a time, as many as take some STEP_S; yields after each how many are done."""
    done = 0
    count = 1
    while done < len(frames):
        begun = time.perf_counter()
        render(frames[done : done + count])
        spent = time.perf_counter() - begun
        done = min(done + count, len(frames))
        count = max(1, min(2 * count, int(count * STEP_S / max(spent, 1e-6))))
        yield done


def mend_corners(pictures: list[Path]) -> list[Path]:
    """Gives masks back the corner that some versions of Blender lose; returns the same files; for threads."""
    if compat.MASKS_LACK_A_CORNER:
        from ..grey_pictures import mend_corner

        for picture in pictures:
            mend_corner(picture)
    return pictures
