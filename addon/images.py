# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures in panels: faces, previews, loss curves."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import bpy
import bpy.utils.previews
import numpy as np

from recaster.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PREVIEW = "Recaster Preview"
CURVE_SIZE = (512, 384)
MARGIN = 8
INK = (0.32, 0.62, 1.0, 1.0)
GRID = (1.0, 1.0, 1.0, 0.12)
PAPER = (0.0, 0.0, 0.0, 0.35)
MAX_ICON_PX = 1024

_pictures: Any = None


def register() -> None:
    """Makes room for pictures."""
    global _pictures  # noqa: PLW0603 - Blender wants the collection to be removed
    _pictures = bpy.utils.previews.new()


def unregister() -> None:
    """Lets them go."""
    global _pictures  # noqa: PLW0603
    bpy.utils.previews.remove(_pictures)
    _pictures = None


def icon(name: str | Path) -> int:
    """Returns the icon that was loaded under a name; 0 where nothing was. Panels may only ask."""
    found = _pictures.get(str(name))
    return 0 if found is None else int(found.icon_id)


def load(path: Path) -> None:
    """Makes a picture file an icon, once; one that can't be read is none."""
    if str(path) not in _pictures:
        draw(str(path), path)


def draw(name: str, path: Path) -> None:
    """Makes a picture file an icon under a name, in place of an earlier one."""
    if path.is_file():
        _load(_pictures.get(name) or _pictures.new(name), path)


def draw_curve(name: str, steps: Sequence[int], values: Sequence[float]) -> None:
    """Makes a loss over steps an icon, in place of an earlier one."""
    made = _pictures.get(name) or _pictures.new(name)
    made.image_size = CURVE_SIZE
    made.image_pixels_float.foreach_set(curve(steps, values).ravel())


def keep(data: bytes, folder: Path, suffix: str) -> Path:
    """Keeps a picture in a file that has a name which only these bytes have; for threads."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}{suffix}"
    if not path.is_file():
        with atomic_file(path) as temporary:
            temporary.write_bytes(data)
    return path


def curve(steps: Sequence[int], values: Sequence[float]) -> np.ndarray:
    """A loss over steps, logarithmic: (height, width, 4) float32 RGBA, the lowest row first."""
    width, height = CURVE_SIZE
    picture = np.empty((height, width, 4), np.float32)
    picture[:] = PAPER
    for row in np.linspace(MARGIN, height - 1 - MARGIN, 5).astype(int):
        picture[row, :] = GRID
    if len(steps) < 2:
        return picture
    x = np.asarray(steps, np.float64)
    y = np.log(np.maximum(np.asarray(values, np.float64), 1e-9))
    x = MARGIN + (x - x[0]) / max(x[-1] - x[0], 1) * (width - 1 - 2 * MARGIN)
    low = float(y.min())
    high = float(y.max())
    y = MARGIN + (y - low) / max(high - low, 1e-9) * (height - 1 - 2 * MARGIN)
    columns = np.arange(math.ceil(x[0]), math.floor(x[-1]) + 1)
    rows = np.interp(columns, x, y)
    before = np.concatenate([rows[:1], rows[:-1]])
    for column, one, other in zip(columns, before, rows, strict=True):
        bottom, top = sorted((one, other))
        picture[int(bottom) - 1 : int(top) + 2, column] = INK
    return picture


def show_in_editors(path: Path) -> None:
    """Lets image editors that show a preview show this one."""
    image = bpy.data.images.get(PREVIEW)
    if image is not None:
        image.filepath = str(path)
        image.reload()


def show_text(name: str, said: str) -> None:
    """Shows a text in a text editor; a window opens where there is none."""
    text = bpy.data.texts.get(name) or bpy.data.texts.new(name)
    text.from_string(said)
    manager = bpy.context.window_manager
    areas = [area for window in manager.windows for area in window.screen.areas]
    area = next((one for one in areas if one.type == "TEXT_EDITOR"), None)
    if area is None and not bpy.app.background:
        bpy.ops.wm.window_new()
        area = manager.windows[-1].screen.areas[0]
        area.type = "TEXT_EDITOR"
    if area is not None:
        area.spaces.active.text = text


def show(path: Path) -> None:
    """Shows a picture file at its full size in an image editor; a window opens where there is none."""
    image = bpy.data.images.get(PREVIEW)
    if image is None:
        image = bpy.data.images.load(str(path))
        image.name = PREVIEW
    show_in_editors(path)
    manager = bpy.context.window_manager
    areas = [area for window in manager.windows for area in window.screen.areas]
    if any(area.type == "IMAGE_EDITOR" and area.spaces.active.image == image for area in areas):
        return
    if not bpy.app.background:
        bpy.ops.wm.window_new()
        area = manager.windows[-1].screen.areas[0]
        area.type = "IMAGE_EDITOR"
        area.spaces.active.image = image


def _load(made: Any, path: Path) -> None:
    """Fills an icon with a picture, larger than the 256 pixels that Blender's own loader keeps."""
    image = bpy.data.images.load(str(path))
    try:
        width, height = image.size
        if not width or not height:
            return
        shrink = max(1.0, max(width, height) / MAX_ICON_PX)
        if shrink > 1:
            image.scale(max(1, int(width / shrink)), max(1, int(height / shrink)))
        pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
        image.pixels.foreach_get(pixels)
        made.image_size = tuple(image.size)
        made.image_pixels_float.foreach_set(pixels)
    finally:
        bpy.data.images.remove(image)
