# SPDX-License-Identifier: GPL-3.0-or-later
"""Grey pictures of 8 bits: read as Blender rendered them, written as PNG."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import bpy
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


def read_grey(path: Path) -> np.ndarray:
    """Reads a picture file: (height, width) float32, 0 to 1, the highest row first."""
    image = bpy.data.images.load(str(path))
    try:
        width, height = image.size
        pixels = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(pixels)
    finally:
        bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1, :, 0]


def mend_corner(path: Path) -> None:
    """Lets the upper right pixel of a picture file be as the one beside it."""
    values = np.rint(read_grey(path) * 255).astype(np.uint8)
    values[0, -1] = values[0, -2]
    path.write_bytes(encode_grey(values))


def encode_grey(values: np.ndarray) -> bytes:
    """Encodes (height, width) uint8 as PNG."""
    height, width = values.shape
    rows = np.zeros((height, width + 1), np.uint8)  # a byte before each row says that it isn't filtered
    rows[:, 1:] = values
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows.tobytes(), 1)),
        (b"IEND", b""),
    )
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
