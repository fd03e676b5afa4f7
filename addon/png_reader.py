# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of engines (PNG, ISO/IEC 15948) decoded in threads: Blender's own reader would hold up its window.

Of PNG's kinds those are read that engines write: 8 bits, RGB or RGBA, not interlaced.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from recaster.errors import EngineError

from .translations import translate

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {2: 3, 6: 4}
"""By PNG's number of a kind of colour."""
MAX_PIXELS = 40_000_000
"""Of one picture; reading one takes some 20 bytes of memory for each."""

DAMAGED = "The picture that the engine sent is damaged: try again"


@dataclass(frozen=True)
class Picture:
    """A decoded picture: (height, width, 4) uint8 RGBA, the lowest row first."""

    pixels: np.ndarray

    def floats(self) -> np.ndarray:
        """The same from 0 to 1, as float32, which take four times the memory."""
        return np.multiply(self.pixels, np.float32(1 / 255), dtype=np.float32)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def fit(self, most: int) -> Picture:
        """The same with no more than about so many pixels; whole squares of pixels become one."""
        height, width = self.pixels.shape[:2]
        step = 1
        while (height // step) * (width // step) > most:
            step += 1
        if step == 1 or min(height, width) < step:
            return self
        rows = height // step * step
        columns = width // step * step
        blocks = self.pixels[:rows, :columns].reshape(rows // step, step, columns // step, step, 4)
        return Picture(np.rint(blocks.mean(axis=(1, 3), dtype=np.float32)).astype(np.uint8))


def read_png(data: bytes) -> Picture:
    """Decodes a PNG (EngineError where it is damaged, or of another kind)."""
    width, height, channels, packed = _chunks(data)
    stride = 1 + width * channels
    try:
        reader = zlib.decompressobj()
        raw = reader.decompress(packed, height * stride)
    except zlib.error:
        raise EngineError(translate(DAMAGED)) from None
    if len(raw) != height * stride:
        raise EngineError(translate(DAMAGED))
    rows = np.frombuffer(raw, np.uint8).reshape(height, stride)
    image = _unfilter(rows[:, 0], rows[:, 1:].reshape(height, width, channels))
    pixels = np.full((height, width, 4), 255, np.uint8)
    pixels[..., :channels] = image[::-1]
    return Picture(pixels)


def _chunks(data: bytes) -> tuple[int, int, int, bytes]:
    """Width, height, channels, and the packed rows."""
    if not data.startswith(SIGNATURE):
        raise EngineError(translate(DAMAGED))
    at = len(SIGNATURE)
    header = b""
    packed = []
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IHDR":
            header = data[at + 8 : at + 8 + length]
        elif kind == b"IDAT":
            packed.append(data[at + 8 : at + 8 + length])
        at += 12 + length
    if len(header) != 13:
        raise EngineError(translate(DAMAGED))
    width, height, bits, kind_of_colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if bits != 8 or kind_of_colour not in CHANNELS or interlaced or not 0 < width * height <= MAX_PIXELS:
        raise EngineError(translate("The picture that the engine sent isn't of a kind that can be shown"))
    return width, height, CHANNELS[kind_of_colour], b"".join(packed)


def _unfilter(filters: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Takes PNG's filters off: (height, width, channels) uint8.

    A pixel needs those to the left, above, and above to the left. All pixels of one diagonal, a row further
    down each a column further left, are known before the next: they are computed at once.
    """
    height, width, channels = rows.shape
    if filters.max(initial=0) > 4:
        raise EngineError(translate(DAMAGED))
    steps = height + width - 1
    # Diagonals as rows; zeros before them for what lies beside the picture.
    slanted = np.zeros((steps, height, channels), np.uint8)
    for row in range(height):
        slanted[row : row + width, row] = rows[row]
    known = np.zeros((steps + 2, height + 1, channels), np.int16)
    kinds = [np.flatnonzero(filters == kind) for kind in range(5)]
    for step in range(steps):
        first = max(0, step - width + 1)
        last = min(height, step + 1)
        left = known[step + 1, 1:]
        above = known[step + 1, :-1]
        corner = known[step, :-1]
        into = known[step + 2, 1:]
        into[first:last] = slanted[step, first:last]
        for kind, of_kind in enumerate(kinds):
            if kind == 0 or not of_kind.size:
                continue
            low, high = np.searchsorted(of_kind, (first, last))
            at = of_kind[low:high]
            if at.size:
                into[at] += _predict(kind, left[at], above[at], corner[at])
        into[first:last] &= 255
    image = np.empty_like(rows)
    for row in range(height):
        image[row] = known[row + 2 : row + 2 + width, row + 1]
    return image


def _predict(kind: int, left: np.ndarray, above: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """The values that a filter takes pixels to be near."""
    if kind == 1:
        return left
    if kind == 2:
        return above
    if kind == 3:
        return (left + above) >> 1
    to_left = np.abs(above - corner)
    to_above = np.abs(left - corner)
    to_corner = np.abs(left + above - 2 * corner)
    of_two = np.where(to_left <= to_above, left, above)
    nearest = np.minimum(to_left, to_above)
    return np.where(nearest <= to_corner, of_two, corner)
