"""HDR10's static metadata: mastering display (SMPTE ST 2086) and content light level (CTA-861.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from av.sidedata.sidedata import Type

from recaster.errors import OutputError
from recaster.isobmff.boxes import UnsupportedMovieError, build_box, child_boxes, read_movie, unpack

if TYPE_CHECKING:
    from pathlib import Path

CHROMATICITY_UNIT: Final = Fraction(1, 50_000)
"""Unit of CIE 1931 coordinates, in HEVC's messages and in boxes alike."""
LUMINANCE_UNIT: Final = Fraction(1, 10_000)
"""In cd/m2."""
MAX_UINT16: Final = 2**16 - 1
MAX_UINT32: Final = 2**32 - 1
_SIDE_DATA_INTS: Final = 22
"""FFmpeg's structure: 10 fractions (red, green, blue, white, minimum, maximum), and two flags."""
_PARENTS: Final = (b"trak", b"mdia", b"minf", b"stbl")


@dataclass(frozen=True)
class MasteringDisplay:
    """The display that a clip was graded on.

    Attributes:
        chromaticities: x and y of green, blue, red and white, in ``CHROMATICITY_UNIT``.
        max_luminance: in ``LUMINANCE_UNIT``.
        min_luminance: in ``LUMINANCE_UNIT``.
    """

    chromaticities: tuple[int, ...]
    max_luminance: int
    min_luminance: int


@dataclass(frozen=True)
class HdrMetadata:
    """Static metadata of an HDR10 clip; None where the clip states none.

    Attributes:
        display: the display it was graded on.
        light: the brightest pixel and the brightest frame's average, in cd/m2.
    """

    display: MasteringDisplay | None = None
    light: tuple[int, int] | None = None

    def describe(self) -> str:
        """Describes it in words: "graded at 0.005 to 1000 cd/m2; MaxCLL 1000, MaxFALL 400"."""
        notes = []
        if self.display is not None:
            darkest = float(self.display.min_luminance * LUMINANCE_UNIT)
            brightest = float(self.display.max_luminance * LUMINANCE_UNIT)
            notes.append(f"graded at {darkest:g} to {brightest:g} cd/m2")
        if self.light is not None:
            notes.append(f"MaxCLL {self.light[0]}, MaxFALL {self.light[1]}")
        return "; ".join(notes)

    def encoder_params(self, separator: str) -> str:
        """Writes it as x265 takes it: ``master-display=G(x,y)...:max-cll=A,B``."""
        params = []
        if self.display is not None:
            pairs = zip(self.display.chromaticities[::2], self.display.chromaticities[1::2], strict=True)
            primaries = "".join(
                f"{name}({x},{y})" for name, (x, y) in zip(("G", "B", "R", "WP"), pairs, strict=True)
            )
            params.append(
                f"master-display={primaries}L({self.display.max_luminance},{self.display.min_luminance})"
            )
        if self.light is not None:
            params.append(f"max-cll={self.light[0]},{self.light[1]}")
        return separator.join(params)

    def boxes(self) -> bytes:
        """Builds the boxes ``mdcv`` and ``clli`` of a sample entry (ISO/IEC 14496-12)."""
        boxes = b""
        if self.display is not None:
            display = (*self.display.chromaticities, self.display.max_luminance, self.display.min_luminance)
            boxes += build_box(b"mdcv", struct.pack(">8H2I", *display))
        if self.light is not None:
            boxes += build_box(b"clli", struct.pack(">2H", *self.light))
        return boxes


def read_hdr_metadata(picture: Any) -> HdrMetadata | None:
    """Reads the static metadata of a decoded picture; None where it has none that can be written."""
    display = _read_display(picture.side_data.get(Type.MASTERING_DISPLAY_METADATA))
    light = picture.side_data.get(Type.CONTENT_LIGHT_LEVEL)
    brightest = None
    if light is not None:
        most, average = (int(value) for value in np.frombuffer(bytes(light), np.uint32)[:2])
        brightest = (most, average) if max(most, average) <= MAX_UINT16 else None
    return None if display is None and brightest is None else HdrMetadata(display, brightest)


def _read_display(data: Any) -> MasteringDisplay | None:
    if data is None:
        return None
    values = np.frombuffer(bytes(data), np.int32)[:_SIDE_DATA_INTS].tolist()
    if not (values[20] and values[21]):  # states its colours and its luminance
        return None
    fractions = [Fraction(values[at], values[at + 1] or 1) for at in range(0, 20, 2)]
    red, green, blue, white = (fractions[at : at + 2] for at in (0, 2, 4, 6))
    coordinates = tuple(round(value / CHROMATICITY_UNIT) for value in (*green, *blue, *red, *white))
    min_luminance, max_luminance = (round(value / LUMINANCE_UNIT) for value in fractions[8:])
    if not all(0 <= value <= MAX_UINT16 for value in coordinates):
        return None
    if not 0 <= min_luminance <= max_luminance <= MAX_UINT32:
        return None
    return MasteringDisplay(coordinates, max_luminance, min_luminance)


def add_hdr_boxes(path: Path, metadata: HdrMetadata) -> None:
    """Adds static metadata to the picture of a MOV or MP4 file whose index is its last box, in place.

    libavformat takes it from a file of the same stream, and PyAV has no other way to give it.

    Raises:
        OutputError: the file isn't one that was just written here.
    """
    try:
        with path.open("r+b") as file:
            movie = read_movie(file)
            start = movie.size - len(movie.moov) - 8
            file.seek(start)
            file.write(build_box(b"moov", _insert(movie.moov, _PARENTS, metadata.boxes())))
    except UnsupportedMovieError as error:
        raise OutputError(f"{path}: its HDR metadata can't be written ({error})") from error


def _insert(data: bytes, parents: tuple[bytes, ...], added: bytes) -> bytes:
    """Copies the boxes of ``data`` with ``added`` at the end of the first track's first sample entry."""
    copies = []
    for child in child_boxes(data):
        payload = child.payload
        if parents and child.kind == parents[0]:
            payload = _insert(payload, parents[1:], added)
        elif not parents and child.kind == b"stsd":
            (size,) = unpack("I", payload, 8)
            entry = struct.pack(">I", size + len(added)) + payload[12 : 8 + size]
            payload = payload[:8] + entry + added + payload[8 + size :]
        copies.append(build_box(child.kind, payload))
    return b"".join(copies)
