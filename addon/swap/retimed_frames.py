# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of its file that a retimed strip shows: no property tells them, so Blender is let show numbers.

A copy of the scene, with nothing but the strip, plays a movie of as many frames that has each frame's number
painted into it, and is rendered, small. So whatever retiming does is followed to the frame.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recaster.isobmff import movie_from_pictures

from .. import compat
from ..config import cache_folder
from ..grey_pictures import encode_grey, read_grey
from ..translations import translate
from .lone_strips import list_rendered, render_scene, scene_of_strip
from .source_range import StripError, fraction, plain_length

if TYPE_CHECKING:
    from fractions import Fraction

BITS = 10
"""Of a frame's number that a picture shows, each as a column; the others are shown by another movie."""
COLUMN_PX = 4
HEIGHT_PX = 8
MAX_FRAMES = 20_000
"""Frames of the timeline that are looked at: Blender waits meanwhile."""
MAX_FILE_FRAMES = 1 << 2 * BITS
CHANGED = {"color_multiply": 1.0, "color_saturation": 1.0, "blend_alpha": 1.0, "multiply_alpha": False}
"""Properties of a strip that would change the numbers' colours."""


def find_shown_frames(strip: Any, scene: Any) -> dict[int, int]:
    """Finds the frame of its file that a movie strip shows at each frame of the timeline.

    Blender's data belong to its main thread, which is busy meanwhile.

    Raises:
        StripError: the file or the strip is too long, or shown before frame 0 only.
    """
    length = plain_length(strip, scene)
    # Nothing is rendered before frame 0.
    frames = range(max(compat.left_handle(strip), 0), compat.right_handle(strip))
    if not frames:
        raise StripError(
            translate("Move it to frame 0 or later: {strip} is retimed, and ends before", strip=strip.name)
        )
    if len(frames) > MAX_FRAMES:
        raise StripError(
            translate(
                "Split it: {strip} is retimed, and longer than {most} frames",
                strip=strip.name,
                most=MAX_FRAMES,
            )
        )
    if length > MAX_FILE_FRAMES:
        raise StripError(
            translate(
                "Remove the retiming: the file of {strip} is longer than {most} frames",
                strip=strip.name,
                most=MAX_FILE_FRAMES,
            )
        )
    numbers = _show_bits(strip, scene, frames, [number % (1 << BITS) for number in range(length)])
    if length > 1 << BITS:
        upper = _show_bits(strip, scene, frames, [number >> BITS for number in range(length)])
        numbers = [low + (high << BITS) for low, high in zip(numbers, upper, strict=True)]
    return dict(zip(frames, numbers, strict=True))


def _show_bits(strip: Any, scene: Any, frames: range, numbers: list[int]) -> list[int]:
    """Lets a strip show a number for each frame of its file; returns those that it shows (StripError)."""
    cache = cache_folder() / "numbers"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        movie = Path(folder) / "numbers.mov"
        _write_movie(movie, numbers, fraction(strip.fps).limit_denominator(1001))
        with scene_of_strip(strip, scene, (BITS * COLUMN_PX, HEIGHT_PX), frames) as (alone, copy):
            alone.animation_data_clear()
            copy.filepath = str(movie)
            _show_plainly(copy)
            render_scene(alone, Path(folder) / "shown")
        shown = list_rendered(Path(folder) / "shown")
        if len(shown) != len(frames):
            raise StripError(
                translate(
                    "Remove the retiming: which frames {strip} shows can't be found out", strip=strip.name
                )
            )
        return list(map(_read_number, shown))


def _show_plainly(strip: Any) -> None:
    """Lets a strip fill the picture, as its file has it."""
    strip.blend_type = "REPLACE"
    strip.use_flip_x = strip.use_flip_y = strip.use_proxy = strip.use_deinterlace = False
    for name, value in CHANGED.items():
        if hasattr(strip, name):
            setattr(strip, name, value)
    strip.modifiers.clear()
    transform = strip.transform
    transform.offset_x = transform.offset_y = 0
    transform.scale_x = transform.scale_y = 1.0
    transform.rotation = 0.0
    crop = strip.crop
    crop.min_x = crop.max_x = crop.min_y = crop.max_y = 0


def _write_movie(path: Path, numbers: list[int], rate: Fraction) -> None:
    """Writes a movie whose frames have numbers in them, as columns of black and white."""
    pictures = {number: path.with_name(f"{number}.png") for number in set(numbers)}
    for number, picture in pictures.items():
        bits = np.array([255 * (number >> at & 1) for at in range(BITS)], np.uint8)
        picture.write_bytes(encode_grey(np.tile(bits.repeat(COLUMN_PX), (HEIGHT_PX, 1))))
    movie_from_pictures([pictures[number] for number in numbers], rate, path)
    for picture in pictures.values():
        picture.unlink()


def _read_number(path: Path) -> int:
    """Reads the number that is in a rendered picture."""
    middles = read_grey(path)[HEIGHT_PX // 2, COLUMN_PX // 2 :: COLUMN_PX]
    return sum(1 << at for at, value in enumerate(middles) if value > 0.5)
