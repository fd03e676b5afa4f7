"""Atoms ("boxes"), of which MP4 and MOV files are made: found, read and written.

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

MOST_INDEX: Final = 64 << 20
"""Bytes of a moov that is read: days of video."""
MOST_ATOMS: Final = 4096
"""In one atom, or at the top of a file."""
PIECE: Final = 1 << 20
FRAGMENTED: Final = frozenset((b"moof", b"sidx", b"styp", b"mfra"))


class UnclearError(Exception):
    """A movie that is broken, or isn't plain enough to be cut; it never leaves this package."""


@dataclass(frozen=True, slots=True)
class Atom:
    """Where the inside of an atom is."""

    kind: bytes
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Index:
    """What a file says about itself.

    Attributes:
        size: bytes of the file.
        brand: its whole ftyp atom; empty where it has none.
        moov: the inside of its moov atom.
        taken: where all its atoms but the media are.
    """

    size: int
    brand: bytes
    moov: bytes
    taken: tuple[tuple[int, int], ...] = ()


def unpack(form: str, data: bytes, at: int = 0) -> tuple[Any, ...]:
    """``struct.unpack_from``, big-endian (UnclearError where the data ends early)."""
    try:
        return struct.unpack_from(f">{form}", data, at)
    except struct.error as error:
        raise UnclearError("an atom is too short") from error


def children(data: bytes, start: int = 0, stop: int | None = None) -> list[Atom]:
    """The atoms that lie side by side in ``data[start:stop]``."""
    found: list[Atom] = []
    stop = len(data) if stop is None else stop
    while stop - start >= 8:
        size, kind = unpack("I4s", data, start)
        head = 8
        if size == 1:
            (size,), head = unpack("Q", data, start + 8), 16
        elif size == 0:
            if kind == bytes(4):  # QuickTime ends some lists with four zero bytes
                break
            size = stop - start
        if size < head or size > stop - start or len(found) == MOST_ATOMS:
            raise UnclearError("an atom's size is wrong")
        found.append(Atom(kind, start + head, start + size))
        start += size
    return found


def single(data: bytes, atoms: Sequence[Atom], kind: bytes) -> bytes | None:
    """The inside of the one atom of a kind; None where there is none."""
    found = [atom for atom in atoms if atom.kind == kind]
    if len(found) > 1:
        raise UnclearError(f"there are several {kind!r}")
    return data[found[0].start : found[0].stop] if found else None


def needed(data: bytes, atoms: Sequence[Atom], kind: bytes) -> bytes:
    """The inside of the one atom of a kind."""
    found = single(data, atoms, kind)
    if found is None:
        raise UnclearError(f"there is no {kind!r}")
    return found


def whole(data: bytes, atoms: Sequence[Atom], kinds: frozenset[bytes]) -> bytes:
    """All atoms of these kinds as they are."""
    return b"".join(
        atom(found.kind, data[found.start : found.stop]) for found in atoms if found.kind in kinds
    )


def index_of(file: BinaryIO) -> Index:
    """Read what a file says about itself."""
    size = file.seek(0, 2)
    brand, moov, taken = b"", None, []
    for found in _top(file, size):
        if found.kind != b"mdat":
            taken.append((found.start - 8, found.stop))
        if found.kind in FRAGMENTED:
            raise UnclearError("the file is fragmented")
        if found.kind == b"ftyp" and not brand and found.stop - found.start <= 4096:
            brand = atom(b"ftyp", read(file, found.start, found.stop - found.start))
        if found.kind == b"moov":
            if moov is not None or found.stop - found.start > MOST_INDEX:
                raise UnclearError("the index is there twice, or too large")
            moov = read(file, found.start, found.stop - found.start)
    if moov is None:
        raise UnclearError("there is no index")
    return Index(size, brand, moov, tuple(taken))


def _top(file: BinaryIO, size: int) -> Iterator[Atom]:
    start = 0
    for _ in range(MOST_ATOMS):
        if size - start < 8:
            return
        file.seek(start)
        length, kind = unpack("I4s", file.read(8))
        head = 8
        if length == 1:
            (length,), head = unpack("Q", file.read(8)), 16
        elif length == 0:
            length = size - start
        if length < head or length > size - start:
            raise UnclearError("the file was cut off, or isn't a movie")
        yield Atom(kind, start + head, start + length)
        start += length
    raise UnclearError("there are too many atoms")


def read(file: BinaryIO, start: int, length: int) -> bytes:
    """Exactly these bytes."""
    file.seek(start)
    data = file.read(length)
    if len(data) != length:
        raise UnclearError("the file was cut off")
    return data


def stretches(path: Path, spans: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """The data at (start, length) of a file after each other, in pieces that fit into memory.

    Raises:
        InputError: the file can't be read, or has become shorter.
    """
    try:
        with path.open("rb") as file:
            for start, length in spans:
                file.seek(start)
                for done in range(0, length, PIECE):
                    data = file.read(min(length - done, PIECE))
                    if len(data) < min(length - done, PIECE):
                        raise InputError(f"{path}: has become shorter meanwhile; try again")
                    yield data
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def numbers(data: bytes, at: int, count: int, kind: str = "I") -> array[int]:
    """``count`` unsigned big-endian numbers of a table (array codes B, H, I, Q)."""
    found = array(kind)
    stop = at + count * found.itemsize
    if stop > len(data):
        raise UnclearError("a table is longer than its atom")
    found.frombytes(data[at:stop])
    if sys.byteorder == "little":
        found.byteswap()
    return found


def packed(values: array[int]) -> bytes:
    """The opposite of ``numbers``."""
    if sys.byteorder == "big":
        return values.tobytes()
    copy = values[:]
    copy.byteswap()
    return copy.tobytes()


def atom(kind: bytes, *parts: bytes) -> bytes:
    """An atom around its parts."""
    inside = b"".join(parts)
    return struct.pack(">I4s", len(inside) + 8, kind) + inside


def full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """An atom with version and flags."""
    return atom(kind, struct.pack(">I", version << 24 | flags), *parts)


def mdat_head(length: int) -> bytes:
    """What stands before ``length`` bytes of media."""
    return struct.pack(">I4sQ", 1, b"mdat", length + 16)
