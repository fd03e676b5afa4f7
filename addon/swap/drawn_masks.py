# SPDX-License-Identifier: GPL-3.0-or-later
"""Masks that artists drew in Blender: rendered as grey pictures of a strip's frames, for the engine.

The first frame of a mask (its *Start*) is the first of the strip's file, as in the Clip Editor, and as a mask
strip plays it that begins where the file would.
"""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat
from ..config import cache_folder
from .source_range import StripError
from .strip_pictures import ZIP_SUFFIX, list_pictures, pack_strip_pictures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recaster.client import Client

    from ..engine.connection import BackgroundWork
    from .source_range import SourceRange
    from .strip_choices import StripChoices

KINDS = ("keep_out", "keep_in")
"""Choices on a strip that are masks, as the engine's options call them."""
FIRST_FRAME = 1
"""Frame of the timeline at which a mask is rendered from its first frame on."""


@dataclass(frozen=True)
class DrawnMasks:
    """Rendered masks by their kinds, as zips of pictures; no strip needs Blender's data for them any more."""

    files: tuple[tuple[str, Path], ...] = ()


def render_masks(strip: Any, choices: StripChoices, source: SourceRange) -> DrawnMasks:
    """Renders the masks that are chosen for a strip, for frames of its file.

    Blender's data belong to its main thread, which is busy meanwhile.

    Raises:
        StripError: a mask isn't there any more, or the strip is retimed.
    """
    chosen = [(kind, name) for kind in KINDS if (name := getattr(choices, kind))]
    if not chosen:
        return DrawnMasks()
    if source.count is None:
        raise StripError(f"Remove the retiming: masks can't follow it ({strip.name})")
    first = source.first
    if source.pictures:
        first = next(at for at, one in enumerate(strip.elements) if one.filename == source.files[0].name)
    size = _size_of(strip)
    files = []
    for kind, name in chosen:
        mask = bpy.data.masks.get(name)
        if mask is None:
            raise StripError(f"Choose another mask: {name} isn't in this file any more")
        files.append((kind, _render(mask, size, range(first, first + source.count))))
    return DrawnMasks(tuple(files))


def upload_masks(client: Client, work: BackgroundWork, masks: DrawnMasks, options: Any) -> None:
    """Brings rendered masks to the engine and names them in the options of a swap; for threads."""
    for kind, packed in masks.files:
        setattr(options, kind, client.take_clip(packed, work.report))
    for _, packed in masks.files:
        packed.unlink(missing_ok=True)


def _size_of(strip: Any) -> tuple[int, int]:
    """Width and height of a strip's pictures."""
    element = strip.elements[0] if strip.elements else None
    size = (0, 0) if element is None else (element.orig_width, element.orig_height)
    if not all(size):
        raise StripError(f"Show the strip once: the size of its pictures isn't known ({strip.name})")
    return size


def _render(mask: Any, size: tuple[int, int], frames: range) -> Path:
    """Renders a mask as grey pictures, one for each frame, and packs them."""
    cache = cache_folder() / "masks"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder, _scene_of(mask, size, frames) as scene:
        scene.render.filepath = f"{folder}/"
        bpy.ops.render.render(animation=True, scene=scene.name)
        pictures = [Path(folder) / name for name in list_pictures(Path(folder) / "any.png")]
        if len(pictures) != len(frames):
            raise StripError(f"The mask {mask.name} could not be rendered: render it once yourself")
        packed = cache / f"{uuid.uuid4().hex}{ZIP_SUFFIX}"
        pack_strip_pictures(pictures, packed)
    return packed


@contextlib.contextmanager
def _scene_of(mask: Any, size: tuple[int, int], frames: range) -> Iterator[Any]:
    """A scene that shows a mask alone, as grey; gone afterwards."""
    scene = bpy.data.scenes.new("Recaster mask")
    end = mask.frame_end
    try:
        # Beyond its end a mask strip stands still.
        mask.frame_end = max(end, mask.frame_start + frames.stop - 1)
        strip = compat.new_mask(scene.sequence_editor_create(), mask, FIRST_FRAME)
        compat.set_handles(strip, FIRST_FRAME, FIRST_FRAME + frames.stop)
        render = scene.render
        render.resolution_x, render.resolution_y = size
        render.resolution_percentage = 100
        render.use_sequencer = True
        render.use_compositing = False
        render.use_file_extension = True
        compat.write_grey_pictures(render.image_settings)
        scene.view_settings.view_transform = "Standard"
        scene.frame_start = FIRST_FRAME + frames.start
        scene.frame_end = FIRST_FRAME + frames.stop - 1
        yield scene
    finally:
        mask.frame_end = end
        bpy.data.scenes.remove(scene)
