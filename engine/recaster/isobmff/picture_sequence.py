"""Picture sequences as MOV files whose samples are the picture files, byte for byte."""

from __future__ import annotations

import itertools
import struct
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from recaster.errors import InputError
from recaster.files import atomic_file
from recaster.isobmff.boxes import (
    build_box,
    build_full_box,
    build_media_data_header,
    build_table,
    pack_numbers,
    pack_u32,
    read_spans,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction
    from pathlib import Path

MAX_PICTURES: Final = 1 << 20
MAX_JPEG_SEGMENTS: Final = 1000
MAX_PNG_CHUNKS: Final = 1 << 20
MAX_PICTURE_BYTES: Final = 1 << 32
"""Bytes of one picture, at which a sample's size no longer fits."""
PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
SIZED_MARKERS: Final = frozenset(range(0xC0, 0xFF)) - frozenset(range(0xD0, 0xD9))
FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG: segments with a length, and those that say how a picture is coded."""
READABLE_MARKERS: Final = (0xC0, 0xC1, 0xC2)
HELP: Final = "PNG and JPEG pictures make a clip; save it as PNG, or make a clip of the pictures first"
BROKEN: Final = "is a broken picture; save it again"
EXIF: Final = "holds EXIF data, which a clip can't; save it without"
PNG_SAMPLES: Final = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
MATRIX: Final = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """Properties that all pictures of a clip share; ``code`` is the sample entry's type in a MOV."""

    code: bytes
    width: int
    height: int
    samples: str
    depth: int

    def __str__(self) -> str:
        """Describes the format for an error message."""
        name = "PNG" if self.code == b"png " else "JPEG"
        return f"a {name} of {self.width} x {self.height} ({self.samples})"


def movie_from_pictures(paths: Sequence[Path], rate: Fraction, out: Path) -> None:
    """Writes pictures as a MOV, without encoding them again.

    Args:
        paths: PNG or JPEG files, one a frame, all of one size and kind; one that comes again is stored once.
        out: the clip; its name ends in ``.mov``.

    Raises:
        InputError: a picture can't be read or doesn't fit to the others, or the rate can't be used.
        OutputError: ``out`` can't be written.
    """
    if not 0 < rate.numerator < 1 << 31 or rate.denominator >= 1 << 31:
        raise InputError(f"{out}: a rate of {rate} frames a second can't be written; use another")
    if not 1 <= len(paths) <= MAX_PICTURES:
        raise InputError(f"{out}: a clip is made of 1 to {MAX_PICTURES} pictures, not of {len(paths)}")
    first, _ = _kind(paths[0])
    lengths: dict[Path, int] = {}
    for path in dict.fromkeys(paths):
        kind, lengths[path] = _kind(path)
        if kind != first:
            raise InputError(f"{path}: is {kind}, but the first is {first}; all must be alike")
    places = dict(zip(lengths, itertools.accumulate(lengths.values(), initial=0), strict=False))
    samples = array("Q", map(lengths.__getitem__, paths))
    chunk_offsets = array("Q", map(places.__getitem__, paths))
    with atomic_file(out) as temporary, temporary.open("wb") as file:
        file.write(_head(first, rate, samples, chunk_offsets, sum(lengths.values())))
        for path, length in lengths.items():
            for data in read_spans(path, [(0, length)]):
                file.write(data)


def _kind(path: Path) -> tuple[PictureFormat, int]:
    """Returns a picture's format, and its size in bytes."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            start = file.read(len(PNG_SIGNATURE))
            if start == PNG_SIGNATURE:
                kind = _png(path, file)
            elif start[:3] == b"\xff\xd8\xff":
                kind = _jpeg(path, file)
            else:
                raise InputError(f"{path}: is no picture that can be used; {HELP}")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    if not (0 < kind.width < 1 << 16 and 0 < kind.height < 1 << 16) or size >= MAX_PICTURE_BYTES:
        raise InputError(f"{path}: is broken or too large; {HELP}")
    return kind, size


def _png(path: Path, file: BinaryIO) -> PictureFormat:
    """Reads a PNG chunk by chunk: it is whole when the last is there."""
    kind: PictureFormat | None = None
    for number in range(MAX_PNG_CHUNKS):
        head = file.read(8)
        length, name = struct.unpack(">I4s", head.ljust(8, b"\0"))
        if (number == 0) != (name == b"IHDR"):
            break
        if name == b"eXIf":
            raise InputError(f"{path}: {EXIF}")
        if number == 0:
            width, height, bits, colour = struct.unpack_from(">IIBB", file.read(17).ljust(17, b"\0"))
            samples = f"{bits} bits, {PNG_SAMPLES.get(colour, 'unknown samples')}"
            kind = PictureFormat(b"png ", width, height, samples, 32 if colour & 4 else 24)
        elif name == b"IEND" and kind is not None and len(file.read(4)) == 4:
            return kind
        else:
            file.seek(length + 4, 1)
    raise InputError(f"{path}: {BROKEN}")


def _jpeg(path: Path, file: BinaryIO) -> PictureFormat:
    """Reads a JPEG's frame header (ITU-T T.81, annex B)."""
    file.seek(2)
    for _ in range(MAX_JPEG_SEGMENTS):
        marker = file.read(2)
        while marker[1:] == b"\xff":  # fill bytes
            marker = marker[1:] + file.read(1)
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] not in SIZED_MARKERS:
            break
        length = int.from_bytes(file.read(2), "big")
        inside = file.tell()
        if marker[1] == 0xE1 and file.read(6) == b"Exif\0\0":
            raise InputError(f"{path}: {EXIF}")
        if marker[1] not in FRAME_MARKERS:
            file.seek(inside + max(length - 2, 0))
            continue
        head = file.read(max(length - 2, 0))
        if len(head) < 6 or len(head) < 6 + 3 * head[5]:
            break
        bits, height, width, components = struct.unpack_from(">BHHB", head)
        if marker[1] not in READABLE_MARKERS or bits != 8 or components not in (1, 3):
            raise InputError(f"{path}: is a JPEG that can't be used (CMYK, lossless or 12 bits); {HELP}")
        sampling = " ".join(f"{each >> 4}x{each & 15}" for each in head[7 : 6 + 3 * components : 3])
        return PictureFormat(b"jpeg", width, height, sampling, 24)
    raise InputError(f"{path}: {BROKEN}")


def _head(
    kind: PictureFormat, rate: Fraction, lengths: array[int], chunk_offsets: array[int], total: int
) -> bytes:
    """Builds all that comes before the pictures, which are ``total`` bytes; offsets are among those."""
    ftyp = build_box(b"ftyp", b"qt  ", bytes(4), b"qt  ")
    before = len(ftyp) + len(_moov(kind, rate, lengths, chunk_offsets)) + len(build_media_data_header(0))
    moov = _moov(kind, rate, lengths, array("Q", (place + before for place in chunk_offsets)))
    return ftyp + moov + build_media_data_header(total)


def _moov(kind: PictureFormat, rate: Fraction, lengths: array[int], chunk_offsets: array[int]) -> bytes:
    count = len(lengths)
    duration = rate.denominator * count
    times = struct.pack(">QQIQ", 0, 0, rate.numerator, duration)
    loudness = struct.pack(">IH10x", 1 << 16, 1 << 8)
    mvhd = build_full_box(b"mvhd", 1, 0, times, loudness, MATRIX, bytes(24), pack_u32(2))
    shown = struct.pack(">QQIIQ16x", 0, 0, 1, 0, duration)
    tkhd = build_full_box(b"tkhd", 1, 3, shown, MATRIX, pack_u32(kind.width << 16, kind.height << 16))
    stbl = build_box(
        b"stbl",
        build_full_box(b"stsd", 0, 0, pack_u32(1), _entry(kind)),
        build_full_box(b"stts", 0, 0, pack_u32(1, count, rate.denominator)),
        build_full_box(b"stsc", 0, 0, pack_u32(1, 1, 1, 1)),
        build_full_box(b"stsz", 0, 0, pack_u32(0, count), pack_numbers(array("I", lengths))),
        build_table(b"co64", chunk_offsets),
    )
    vmhd = build_full_box(b"vmhd", 0, 1, struct.pack(">H6x", 0x40))
    data_handler = build_full_box(b"hdlr", 0, 0, b"dhlralis", bytes(13))
    dref = build_full_box(b"dref", 0, 0, pack_u32(1), build_full_box(b"alis", 0, 1))
    mdia = build_box(
        b"mdia",
        build_full_box(b"mdhd", 1, 0, times, struct.pack(">HH", 0x7FFF, 0)),
        build_full_box(b"hdlr", 0, 0, b"mhlrvide", bytes(13)),
        build_box(b"minf", vmhd, data_handler, build_box(b"dinf", dref), stbl),
    )
    return build_box(b"moov", mvhd, build_box(b"trak", tkhd, mdia))


def _entry(kind: PictureFormat) -> bytes:
    """Builds a visual sample entry: 72 dpi, no name, no palette."""
    dpi = 72 << 16
    form = ">6xH16xHHIIIH32xHh"
    return build_box(kind.code, struct.pack(form, 1, kind.width, kind.height, dpi, dpi, 0, 1, kind.depth, -1))
