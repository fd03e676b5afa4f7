"""Boxes (QuickTime's atoms) of MP4 and MOV files: reading and writing.

ISO/IEC 14496-12 and Apple's QuickTime File Format say what they are. Nothing here trusts a file: every size
and every count is looked at before it is used.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from recaster.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

MAX_MOOV_BYTES: Final = 64 << 20
"""Size of the largest ``moov`` that is read: days of video."""
MAX_BOXES: Final = 4096
"""In one box, or at the top of a file."""
READ_BYTES: Final = 1 << 20
FRAGMENT_BOXES: Final = frozenset((b"moof", b"sidx", b"styp", b"mfra"))


class UnsupportedMovieError(Exception):
    """A movie that is broken, or isn't plain enough to be cut; it never leaves this package."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its type, and the span of its payload."""

    kind: bytes
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class MovieFile:
    """The metadata of a movie file.

    Attributes:
        size: bytes of the file.
        ftyp: its whole ftyp box; empty where it has none.
        moov: the payload of its moov box.
        other_spans: (start, stop) of all its boxes but the media.
    """

    size: int
    ftyp: bytes
    moov: bytes
    other_spans: tuple[tuple[int, int], ...] = ()


def unpack(form: str, data: bytes, at: int = 0) -> tuple[Any, ...]:
    """``struct.unpack_from``, big-endian (UnsupportedMovieError where the data ends early)."""
    try:
        return struct.unpack_from(f">{form}", data, at)
    except struct.error as error:
        raise UnsupportedMovieError("an atom is too short") from error


def child_boxes(data: bytes, start: int = 0, stop: int | None = None) -> list[Box]:
    """Lists the boxes that lie side by side in ``data[start:stop]``."""
    found: list[Box] = []
    stop = len(data) if stop is None else stop
    while stop - start >= 8:
        size, kind = unpack("I4s", data, start)
        head = 8
        if size == 1:
            (size,) = unpack("Q", data, start + 8)
            head = 16
        elif size == 0:
            if kind == bytes(4):  # QuickTime ends some lists with four zero bytes
                break
            size = stop - start
        if size < head or size > stop - start or len(found) == MAX_BOXES:
            raise UnsupportedMovieError("an atom's size is wrong")
        found.append(Box(kind, start + head, start + size))
        start += size
    return found


def optional_box(data: bytes, boxes: Sequence[Box], kind: bytes) -> bytes | None:
    """Returns the payload of the only box of a type; None where there is none."""
    found = [box for box in boxes if box.kind == kind]
    if len(found) > 1:
        raise UnsupportedMovieError(f"there are several {kind!r}")
    return data[found[0].start : found[0].stop] if found else None


def required_box(data: bytes, boxes: Sequence[Box], kind: bytes) -> bytes:
    """Returns the payload of the only box of a type."""
    found = optional_box(data, boxes, kind)
    if found is None:
        raise UnsupportedMovieError(f"there is no {kind!r}")
    return found


def copy_boxes(data: bytes, boxes: Sequence[Box], kinds: frozenset[bytes]) -> bytes:
    """Returns all boxes of these types as they are."""
    return b"".join(box(found.kind, data[found.start : found.stop]) for found in boxes if found.kind in kinds)


def read_movie(file: BinaryIO) -> MovieFile:
    """Reads the metadata of a movie file."""
    size = file.seek(0, 2)
    ftyp = b""
    moov = None
    other_spans = []
    for found in _top(file, size):
        if found.kind != b"mdat":
            other_spans.append((found.start - 8, found.stop))
        if found.kind in FRAGMENT_BOXES:
            raise UnsupportedMovieError("the file is fragmented")
        if found.kind == b"ftyp" and not ftyp and found.stop - found.start <= 4096:
            ftyp = box(b"ftyp", read_exactly(file, found.start, found.stop - found.start))
        if found.kind == b"moov":
            if moov is not None or found.stop - found.start > MAX_MOOV_BYTES:
                raise UnsupportedMovieError("the index is there twice, or too large")
            moov = read_exactly(file, found.start, found.stop - found.start)
    if moov is None:
        raise UnsupportedMovieError("there is no index")
    return MovieFile(size, ftyp, moov, tuple(other_spans))


def _top(file: BinaryIO, size: int) -> Iterator[Box]:
    start = 0
    for _ in range(MAX_BOXES):
        if size - start < 8:
            return
        file.seek(start)
        length, kind = unpack("I4s", file.read(8))
        head = 8
        if length == 1:
            (length,) = unpack("Q", file.read(8))
            head = 16
        elif length == 0:
            length = size - start
        if length < head or length > size - start:
            raise UnsupportedMovieError("the file was cut off, or isn't a movie")
        yield Box(kind, start + head, start + length)
        start += length
    raise UnsupportedMovieError("there are too many atoms")


def read_exactly(file: BinaryIO, start: int, length: int) -> bytes:
    """Reads exactly ``length`` bytes."""
    file.seek(start)
    data = file.read(length)
    if len(data) != length:
        raise UnsupportedMovieError("the file was cut off")
    return data


def read_spans(path: Path, spans: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """Yields the data at (start, length) of a file after each other, in pieces that fit into memory.

    Raises:
        InputError: the file can't be read, or has become shorter.
    """
    try:
        with path.open("rb") as file:
            for start, length in spans:
                file.seek(start)
                for done in range(0, length, READ_BYTES):
                    data = file.read(min(length - done, READ_BYTES))
                    if len(data) < min(length - done, READ_BYTES):
                        raise InputError(f"{path}: has become shorter meanwhile; try again")
                    yield data
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def parse_table(data: bytes, at: int, count: int, kind: str = "I") -> array[int]:
    """Parses ``count`` unsigned big-endian numbers of a table (array codes B, H, I, Q)."""
    found = array(kind)
    stop = at + count * found.itemsize
    if stop > len(data):
        raise UnsupportedMovieError("a table is longer than its atom")
    found.frombytes(data[at:stop])
    if sys.byteorder == "little":
        found.byteswap()
    return found


def pack_table(values: array[int]) -> bytes:
    """Inverts ``parse_table``."""
    if sys.byteorder == "big":
        return values.tobytes()
    copy = values[:]
    copy.byteswap()
    return copy.tobytes()


def box(kind: bytes, *parts: bytes) -> bytes:
    """Builds a box around its parts."""
    inside = b"".join(parts)
    return struct.pack(">I4s", len(inside) + 8, kind) + inside


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """Builds a full box: one with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def media_data_header(length: int) -> bytes:
    """Builds the header of an ``mdat`` of ``length`` bytes."""
    return struct.pack(">I4sQ", 1, b"mdat", length + 16)
