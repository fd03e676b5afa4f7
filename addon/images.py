# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures in panels: faces, previews, loss curves."""

from __future__ import annotations

import array
import math
import time
from typing import TYPE_CHECKING, Any

import bpy
import bpy.utils.previews

from recaster.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

    from .png_reader import Picture

PREVIEW = "Recaster Preview"
CURVE_SIZE = (512, 384)
MARGIN = 8
INK = (0.32, 0.62, 1.0, 1.0)
GRID = (1.0, 1.0, 1.0, 0.12)
PAPER = (0.0, 0.0, 0.0, 0.35)
MAX_ICON_PX = 1024
DOTS = {"green": (0.25, 0.75, 0.35), "yellow": (0.95, 0.75, 0.2), "red": (0.9, 0.25, 0.2)}
DOT_SIZE = 32
DOT_RADIUS = 9.0
LINE_ICON_PX = 64
"""Longer side of the copy that lines of text and menus show; before Blender 5 they don't shrink a picture."""
MAX_ICON_PIXELS = 1024 * 1024
"""Of pictures that threads make ready: larger ones take Blender long to take over."""
LOAD_S = 0.01
"""Seconds that pictures are loaded in one go."""

_pictures: Any = None
_waiting: dict[str, Path] = {}
"""Picture files that are to be icons, by name."""


def register() -> None:
    """Makes room for pictures."""
    global _pictures  # noqa: PLW0603 - Blender wants the collection to be removed
    _pictures = bpy.utils.previews.new()
    covers = _disc_covers()
    for name, color in DOTS.items():
        made = _pictures.new(dot(name))
        pixels = array.array("f", [value * cover for cover in covers for value in (*color, 1.0)])
        made.icon_size = made.image_size = (DOT_SIZE, DOT_SIZE)
        made.icon_pixels_float.foreach_set(pixels)
        made.image_pixels_float.foreach_set(pixels)


def unregister() -> None:
    """Lets them go."""
    global _pictures  # noqa: PLW0603
    bpy.utils.previews.remove(_pictures)
    _pictures = None
    _waiting.clear()


def icon(name: str | Path) -> int:
    """Returns the icon that was loaded under a name; 0 where nothing was. Panels may only ask."""
    found = _pictures.get(str(name))
    return 0 if found is None else int(found.icon_id)


def dot(name: str) -> str:
    """The name of a dot of ``DOTS`` among the pictures."""
    return f"dot {name}"


def has(name: str | Path) -> bool:
    """Tells if a picture was loaded under a name, or is about to be; without a window it has no number."""
    return str(name) in _pictures or str(name) in _waiting


def load(path: Path) -> None:
    """Makes a picture file an icon, once; one that can't be read is none."""
    if not has(path):
        draw(str(path), path)


def draw(name: str, path: Path) -> None:
    """Makes a picture file an icon under a name, in place of an earlier one; ``load_waiting`` does it."""
    _waiting[name] = path


def load_waiting() -> bool:
    """Loads some of the pictures that wait for it; Blender reads them in its main thread alone."""
    last = time.monotonic() + LOAD_S
    comes = bool(_waiting)
    while _waiting and time.monotonic() < last:
        name = next(iter(_waiting))
        path = _waiting.pop(name)
        if path.is_file():
            _load(_pictures.get(name) or _pictures.new(name), path)
    return comes


def draw_pixels(name: str, pixels: np.ndarray) -> None:
    """Makes a picture an icon under a name: (height, width, 4) float32 RGBA, the lowest row first."""
    made = _pictures.get(name) or _pictures.new(name)
    made.image_size = pixels.shape[1::-1]
    made.image_pixels_float.foreach_set(pixels.ravel())


def forget(name: str) -> None:
    """Takes the icon of a name away."""
    if name in _pictures:
        del _pictures[name]


def read(data: bytes) -> Picture:
    """Decodes a picture that an engine made (EngineError where it is none); for threads."""
    from .png_reader import read_png

    return read_png(data)


def _disc_covers() -> list[float]:
    """Coverage of DOT_SIZE x DOT_SIZE pixels by a disc."""
    middle = (DOT_SIZE - 1) / 2
    places = [at - middle for at in range(DOT_SIZE)]
    edge = DOT_RADIUS + 0.5
    return [min(max(edge - math.hypot(x, y), 0.0), 1.0) for y in places for x in places]


def keep(data: bytes, folder: Path, suffix: str) -> Path:
    """Keeps a picture in a file that has a name which only these bytes have; for threads."""
    folder.mkdir(parents=True, exist_ok=True)
    import hashlib  # here: Blender's start would wait for it

    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}{suffix}"
    if not path.is_file():
        with atomic_file(path) as temporary:
            temporary.write_bytes(data)
    return path


def curve(steps: Sequence[int], values: Sequence[float]) -> np.ndarray:
    """A loss over steps, logarithmic: (height, width, 4) float32 RGBA, the lowest row first; for threads."""
    import numpy as np

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
        made.image_size = tuple(image.size)
        made.image_pixels_float.foreach_set(_pixels_of(image))
        shrink = max(1.0, max(image.size) / LINE_ICON_PX)
        image.scale(*(max(1, int(side / shrink)) for side in image.size))
        made.icon_size = tuple(image.size)
        made.icon_pixels_float.foreach_set(_pixels_of(image))
    finally:
        bpy.data.images.remove(image)


def _pixels_of(image: Any) -> array.array[float]:
    """The pixels of an image of Blender's: RGBA, the lowest row first."""
    pixels = array.array("f", bytes(16 * image.size[0] * image.size[1]))
    image.pixels.foreach_get(pixels)
    return pixels
