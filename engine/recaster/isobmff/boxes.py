"""Boxes (QuickTime's atoms) of MP4 and MOV files: reading and writing.

Nothing here trusts a file: every size and every count is looked at before it is used.
"""

from __future__ import annotations

import functools
import struct
import sys
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from recaster.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

MAX_MOOV_BYTES: Final = 64 << 20
"""Size of the largest ``moov`` that is read: days of video."""
MAX_BOXES: Final = 4096
"""In one box, or at the top of a file."""
MAX_TABLE_ENTRIES: Final = 1 << 20
"""Entries of one table: hours."""
READ_BYTES: Final = 1 << 20
FRAGMENT_BOXES: Final = frozenset((b"moof", b"sidx", b"styp", b"mfra"))


class UnsupportedMovieError(Exception):
    """A movie that is broken, or isn't plain enough to be cut; it never leaves this package."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box in memory."""

    kind: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class MovieFile:
    """The metadata of a movie file.

    Attributes:
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


def child_boxes(data: bytes, start: int = 0) -> list[Box]:
    """Lists the boxes that lie side by side in ``data[start:]``."""
    spans = _box_spans(lambda at, length: data[at : at + length], start, len(data))
    # QuickTime ends some lists with four zero bytes.
    return [Box(kind, data[begin:stop]) for kind, begin, stop in spans if kind != bytes(4)]


def optional_box(boxes: Sequence[Box], kind: bytes) -> bytes | None:
    """Returns the payload of the only box of a type; None where there is none."""
    payloads = [box.payload for box in boxes if box.kind == kind]
    if len(payloads) > 1:
        raise UnsupportedMovieError(f"there are several {kind!r}")
    return payloads[0] if payloads else None


def required_box(boxes: Sequence[Box], kind: bytes) -> bytes:
    """Returns the payload of the only box of a type."""
    payload = optional_box(boxes, kind)
    if payload is None:
        raise UnsupportedMovieError(f"there is no {kind!r}")
    return payload


def copy_boxes(boxes: Sequence[Box], kinds: frozenset[bytes]) -> bytes:
    """Returns all boxes of these types as they are."""
    return b"".join(build_box(box.kind, box.payload) for box in boxes if box.kind in kinds)


def read_movie(file: BinaryIO) -> MovieFile:
    """Reads the metadata of a movie file."""
    size = file.seek(0, 2)
    ftyp = b""
    moov = None
    other_spans = []
    for kind, start, stop in _box_spans(functools.partial(read_exactly, file), 0, size):
        if kind in FRAGMENT_BOXES:
            raise UnsupportedMovieError("the file is fragmented")
        if kind != b"mdat":
            other_spans.append((start - 8, stop))
        if kind == b"ftyp" and not ftyp and stop - start <= 4096:
            ftyp = build_box(b"ftyp", read_exactly(file, start, stop - start))
        if kind == b"moov":
            if moov is not None or stop - start > MAX_MOOV_BYTES:
                raise UnsupportedMovieError("the index is there twice, or too large")
            moov = read_exactly(file, start, stop - start)
    if moov is None:
        raise UnsupportedMovieError("there is no index")
    return MovieFile(size, ftyp, moov, tuple(other_spans))


def _box_spans(read: Callable[[int, int], bytes], start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Yields (type, start, stop of the payload) of boxes side by side; ``read`` takes (start, length)."""
    count = 0
    while stop - start >= 8:
        size, kind = unpack("I4s", read(start, 8))
        head = 8
        if size == 1:
            (size,) = unpack("Q", read(start + 8, 8))
            head = 16
        elif size == 0:
            size = stop - start
        if not head <= size <= stop - start or count == MAX_BOXES:
            raise UnsupportedMovieError("it was cut off, isn't a movie, or has too many atoms")
        yield kind, start + head, start + size
        start += size
        count += 1


def read_exactly(file: BinaryIO, start: int, length: int) -> bytes:
    """Reads exactly ``length`` bytes."""
    file.seek(start)
    data = file.read(length)
    if len(data) != length:
        raise UnsupportedMovieError("the file was cut off")
    return data


def read_spans(path: Path, spans: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """Yields the data at (start, length) of a file after each other, in pieces that fit into memory."""
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


def parse_numbers(data: bytes, at: int, count: int, code: str = "I") -> array[int]:
    """Parses ``count`` unsigned big-endian numbers (array codes B, H, I, Q)."""
    numbers = array(code)
    stop = at + count * numbers.itemsize
    if stop > len(data):
        raise UnsupportedMovieError("a table is longer than its atom")
    numbers.frombytes(data[at:stop])
    return _swap_bytes(numbers)


def parse_table(data: bytes, columns: int = 1, code: str = "I") -> array[int]:
    """Parses a table of the payload of a full box, row after row: its length, then its entries."""
    (count,) = unpack("4xI", data)
    if not 1 <= count <= MAX_TABLE_ENTRIES:
        raise UnsupportedMovieError("a table is too long, or empty")
    return parse_numbers(data, 8, count * columns, code)


def _swap_bytes(numbers: array[int]) -> array[int]:
    """Converts from the machine's order of bytes to big-endian, or back, in place."""
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def build_box(kind: bytes, *parts: bytes) -> bytes:
    """Builds a box around its parts."""
    inside = b"".join(parts)
    return struct.pack(">I4s", len(inside) + 8, kind) + inside


def build_full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """Builds a full box: one with version and flags."""
    return build_box(kind, pack_u32(version << 24 | flags), *parts)


def build_table(kind: bytes, numbers: array[int], columns: int = 1) -> bytes:
    """Builds a full box that holds a table, given row after row; the inverse of ``parse_table``."""
    return build_full_box(kind, 0, 0, pack_u32(len(numbers) // columns), pack_numbers(numbers))


def build_media_data_header(length: int) -> bytes:
    """Builds the header of an ``mdat`` of ``length`` bytes."""
    return struct.pack(">I4sQ", 1, b"mdat", length + 16)


def pack_numbers(numbers: array[int]) -> bytes:
    """Inverts ``parse_numbers``."""
    return _swap_bytes(numbers[:]).tobytes()


def pack_u32(*values: int) -> bytes:
    """Packs 32-bit numbers, big-endian."""
    return struct.pack(f">{len(values)}I", *values)
