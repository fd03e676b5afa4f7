"""A sequence of pictures as a MOV whose samples are the picture files, byte for byte."""

from __future__ import annotations

import itertools
import struct
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from recaster.client.movies.atoms import atom, full, mdat_head, packed, stretches
from recaster.errors import InputError
from recaster.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction
    from pathlib import Path

MOST_PICTURES: Final = 1 << 20
MOST_SEGMENTS: Final = 1000
MOST_CHUNKS: Final = 1 << 20
LARGEST: Final = 1 << 32
"""Bytes of one picture, at which a sample's size no longer fits."""
PNG: Final = b"\x89PNG\r\n\x1a\n"
WITH_LENGTH: Final = frozenset(range(0xC0, 0xFF)) - frozenset(range(0xD0, 0xD9))
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG: segments with a length, and those that say how a picture is coded."""
READ: Final = (0xC0, 0xC1, 0xC2)
HELP: Final = "PNG and JPEG pictures make a clip; save it as PNG, or make a clip of the pictures first"
BROKEN: Final = "is a broken picture; save it again"
EXIF: Final = "holds EXIF data, which a clip can't; save it without"
PNG_SAMPLES: Final = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
MATRIX: Final = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)


@dataclass(frozen=True, slots=True)
class Kind:
    """What all pictures of a clip must have in common: ``code`` is the format's in a MOV."""

    code: bytes
    width: int
    height: int
    samples: str
    depth: int

    def __str__(self) -> str:
        """As an error says it."""
        name = "PNG" if self.code == b"png " else "JPEG"
        return f"a {name} of {self.width} x {self.height} ({self.samples})"


def from_pictures(paths: Sequence[Path], rate: Fraction, out: Path) -> None:
    """Write pictures as a MOV, without encoding them again.

    Args:
        paths: PNG or JPEG files, one a frame, all of one size and kind.
        rate: frames a second.
        out: the clip; its name ends in ``.mov``.

    Raises:
        InputError: a picture can't be read or doesn't fit to the others, or the rate can't be used.
        OutputError: ``out`` can't be written.
    """
    if not 0 < rate.numerator < 1 << 31 or rate.denominator >= 1 << 31:
        raise InputError(f"{out}: a rate of {rate} frames a second can't be written; use another")
    if not 1 <= len(paths) <= MOST_PICTURES:
        raise InputError(f"{out}: a clip is made of 1 to {MOST_PICTURES} pictures, not of {len(paths)}")
    first, length = _kind(paths[0])
    lengths = array("Q", [length])
    for path in paths[1:]:
        kind, length = _kind(path)
        if kind != first:
            raise InputError(f"{path}: is {kind}, but the first is {first}; all must be alike")
        lengths.append(length)
    with atomic_file(out) as temporary, temporary.open("wb") as file:
        file.write(_head(first, rate, lengths))
        for path, length in zip(paths, lengths, strict=True):
            for data in stretches(path, [(0, length)]):
                file.write(data)


def _kind(path: Path) -> tuple[Kind, int]:
    """What a picture is, and its bytes."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            start = file.read(len(PNG))
            if start == PNG:
                kind = _png(path, file)
            elif start[:3] == b"\xff\xd8\xff":
                kind = _jpeg(path, file)
            else:
                raise InputError(f"{path}: is no picture that can be used; {HELP}")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    if not (0 < kind.width < 1 << 16 and 0 < kind.height < 1 << 16) or size >= LARGEST:
        raise InputError(f"{path}: is broken or too large; {HELP}")
    return kind, size


def _png(path: Path, file: BinaryIO) -> Kind:
    """Go from chunk to chunk: a PNG is whole when the last is there."""
    kind: Kind | None = None
    for number in range(MOST_CHUNKS):
        head = file.read(8)
        length, name = struct.unpack(">I4s", head.ljust(8, b"\0"))
        if (number == 0) != (name == b"IHDR"):
            break
        if name == b"eXIf":
            raise InputError(f"{path}: {EXIF}")
        if number == 0:
            width, height, bits, colour = struct.unpack_from(">IIBB", file.read(17).ljust(17, b"\0"))
            samples = f"{bits} bits, {PNG_SAMPLES.get(colour, 'unknown samples')}"
            kind = Kind(b"png ", width, height, samples, 32 if colour & 4 else 24)
        elif name == b"IEND" and kind is not None and len(file.read(4)) == 4:
            return kind
        else:
            file.seek(length + 4, 1)
    raise InputError(f"{path}: {BROKEN}")


def _jpeg(path: Path, file: BinaryIO) -> Kind:
    """Look for the marker that says how a JPEG is coded (ITU-T T.81, annex B)."""
    file.seek(2)
    for _ in range(MOST_SEGMENTS):
        marker = file.read(2)
        while marker[1:] == b"\xff":  # fill bytes
            marker = marker[1:] + file.read(1)
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] not in WITH_LENGTH:
            break
        length = int.from_bytes(file.read(2), "big")
        inside = file.tell()
        if marker[1] == 0xE1 and file.read(6) == b"Exif\0\0":
            raise InputError(f"{path}: {EXIF}")
        if marker[1] not in FRAMES:
            file.seek(inside + max(length - 2, 0))
            continue
        head = file.read(max(length - 2, 0))
        if len(head) < 6 or len(head) < 6 + 3 * head[5]:
            break
        bits, height, width, components = struct.unpack_from(">BHHB", head)
        if marker[1] not in READ or bits != 8 or components not in (1, 3):
            raise InputError(f"{path}: is a JPEG that can't be used (CMYK, lossless or 12 bits); {HELP}")
        sampling = " ".join(f"{each >> 4}x{each & 15}" for each in head[7 : 6 + 3 * components : 3])
        return Kind(b"jpeg", width, height, sampling, 24)
    raise InputError(f"{path}: {BROKEN}")


def _head(kind: Kind, rate: Fraction, lengths: array[int]) -> bytes:
    """All that comes before the pictures."""
    brand = atom(b"ftyp", b"qt  ", bytes(4), b"qt  ")
    places = array("Q", itertools.accumulate(lengths[:-1], initial=0))
    before = len(brand) + len(_moov(kind, rate, lengths, places)) + len(mdat_head(0))
    moov = _moov(kind, rate, lengths, array("Q", (place + before for place in places)))
    return brand + moov + mdat_head(sum(lengths))


def _moov(kind: Kind, rate: Fraction, lengths: array[int], places: array[int]) -> bytes:
    scale, step, count = rate.numerator, rate.denominator, len(lengths)
    lasts = struct.pack(">QQIQ", 0, 0, scale, step * count)
    mvhd = full(b"mvhd", 1, 0, lasts, struct.pack(">IH10x", 1 << 16, 1 << 8), MATRIX, bytes(24), _numbers(2))
    shown = struct.pack(">QQIIQ16x", 0, 0, 1, 0, step * count)
    tkhd = full(b"tkhd", 1, 3, shown, MATRIX, _numbers(kind.width << 16, kind.height << 16))
    table = atom(
        b"stbl",
        full(b"stsd", 0, 0, _numbers(1), _entry(kind)),
        full(b"stts", 0, 0, _numbers(1, count, step)),
        full(b"stsc", 0, 0, _numbers(1, 1, 1, 1)),
        full(b"stsz", 0, 0, _numbers(0, count), packed(array("I", lengths))),
        full(b"co64", 0, 0, _numbers(count), packed(places)),
    )
    own = atom(b"dinf", full(b"dref", 0, 0, _numbers(1), full(b"alis", 0, 1)))
    video = full(b"vmhd", 0, 1, struct.pack(">H6x", 0x40))
    mdia = atom(
        b"mdia",
        full(b"mdhd", 1, 0, lasts, struct.pack(">HH", 0x7FFF, 0)),
        full(b"hdlr", 0, 0, b"mhlrvide", bytes(13)),
        atom(b"minf", video, full(b"hdlr", 0, 0, b"dhlralis", bytes(13)), own, table),
    )
    return atom(b"moov", mvhd, atom(b"trak", tkhd, mdia))


def _entry(kind: Kind) -> bytes:
    """A visual sample entry: 72 dpi, no name, no palette."""
    size = struct.pack(
        ">6xH16xHHIIIH32xHh", 1, kind.width, kind.height, 72 << 16, 72 << 16, 0, 1, kind.depth, -1
    )
    return atom(kind.code, size)


def _numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)
