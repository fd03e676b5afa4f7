"""Pictures of engines, decoded without Blender."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import PIL.Image
import pytest
from tests.addon.installs import load

from recaster.errors import EngineError

png_reader: Any
[png_reader] = load("png_reader")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    rows: list[bytes], size: tuple[int, int], *, bits: int = 8, kind: int = 2, packed: bytes = b""
) -> bytes:
    header = struct.pack(">IIBBBBB", *size, bits, kind, 0, 0, 0)
    data = packed or zlib.compress(b"".join(rows))
    return png_reader.SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("channels", [3, 4])
def test_every_filter_is_taken_off(channels: int) -> None:
    size = 19, 23
    given = np.random.default_rng(1).integers(0, 256, (size[1], size[0] * channels)).astype(np.uint8)
    data = png(
        [bytes([at % 5]) + row.tobytes() for at, row in enumerate(given)], size, kind=2 * channels - 4 or 2
    )
    data = (
        data
        if channels == 3
        else png([bytes([at % 5]) + row.tobytes() for at, row in enumerate(given)], size, kind=6)
    )
    wanted = np.asarray(PIL.Image.open(io.BytesIO(data)))
    got = png_reader.read_png(data)
    assert got.size == size
    assert np.array_equal(got.pixels[::-1, :, :channels], wanted)
    assert channels == 4 or (got.pixels[..., 3] == 255).all()
    assert np.array_equal(np.rint(got.floats() * 255), got.pixels)
    assert got.floats().dtype == np.float32


def test_large_pictures_are_made_smaller() -> None:
    pixels = np.zeros((40, 60, 4), np.uint8)
    pixels[:, ::2] = 200
    small = png_reader.Picture(pixels).fit(700)
    assert small.size == (30, 20)
    assert (small.pixels == 100).all()
    assert png_reader.Picture(pixels).fit(2400).pixels is pixels


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a",
        png([b"\0\1\2\3"], (2, 1)),
        png([b"\7\1\2\3"], (1, 1)),
        png([], (1, 1), packed=b"no zlib"),
        png([b"\0\1"], (1, 1), bits=16, kind=0),
        png([b"\0"], (100_000, 100_000)),
        png_reader.SIGNATURE,
    ],
)
def test_other_data_are_refused(data: bytes) -> None:
    with pytest.raises(EngineError, match="The picture that the engine sent"):
        png_reader.read_png(data)
