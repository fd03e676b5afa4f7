"""The index of a new movie: tracks that hold some samples of another's."""

from __future__ import annotations

import itertools
import struct
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.client.movies.atoms import UnclearError, atom, full, mdat_head, packed, unpack
from recaster.client.movies.tracks import RATE_ONE, rescaled, total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.client.movies.parts import Part, Piece
    from recaster.client.movies.tracks import Edit, Runs, Track


@dataclass(frozen=True, slots=True)
class NewMovie:
    """A movie that is still to be written.

    Attributes:
        head: what comes before the media.
        moov: the inside of the moov atom in that.
        pieces: of the old file, in the order in which they become the media.
        size: bytes in all.
    """

    head: bytes
    moov: bytes
    pieces: list[Piece]
    size: int


def new_movie(brand: bytes, header: bytes, scale: int, parts: Sequence[Part]) -> NewMovie:
    """Put parts of tracks together; their samples keep the order that they had in the old file.

    Args:
        brand: the ftyp atom, or nothing.
        header: the inside of the old mvhd.
        scale: ticks in a second of the new movie's own clock.
        parts: what each track holds.

    Raises:
        UnclearError: a time or a place is too large to be written.
    """
    try:
        return _new_movie(brand, header, scale, parts)
    except (struct.error, OverflowError) as error:
        raise UnclearError("a number is too large") from error


def _new_movie(brand: bytes, header: bytes, scale: int, parts: Sequence[Part]) -> NewMovie:
    places = [array("Q", bytes(8 * len(part.pieces))) for part in parts]
    before = len(brand) + len(_movie(header, scale, parts, places)) + len(mdat_head(0))
    number = itertools.count()
    ordered = sorted(
        (piece.start, next(number), piece, where, chunk)
        for part, where in zip(parts, places, strict=True)
        for chunk, piece in enumerate(part.pieces)
    )
    at = before
    for _, _, piece, where, chunk in ordered:
        where[chunk] = at
        at += piece.length
    moov = _movie(header, scale, parts, places)
    head = brand + moov + mdat_head(at - before)
    return NewMovie(head, moov[8:], [piece for _, _, piece, _, _ in ordered], at)


def _movie(header: bytes, scale: int, parts: Sequence[Part], places: Sequence[array[int]]) -> bytes:
    length = max(_length(part.track, scale) for part in parts)
    wide = header[:1] == b"\1"
    made, changed = unpack("4xQQ" if wide else "4xII", header)
    rest = header[32 if wide else 20 :]
    if len(rest) != 80:
        raise UnclearError("mvhd is wrong")
    mvhd = full(b"mvhd", 1, 0, struct.pack(">QQIQ", made, changed, scale, length), rest)
    traks = (_trak(part.track, part.pieces, where, scale) for part, where in zip(parts, places, strict=True))
    return atom(b"moov", mvhd, *traks)


def _length(track: Track, scale: int) -> int:
    """Ticks of the movie's clock that a track lasts."""
    edit = track.edit
    if edit is None:
        return _upwards(total(track.durations), scale, track.scale)
    return rescaled(edit.delay, scale, track.scale) + _upwards(edit.stop - edit.start, scale, track.scale)


def _upwards(value: int, scale: int, from_scale: int) -> int:
    return -(-value * scale // from_scale)


def _trak(track: Track, pieces: Sequence[Piece], places: array[int], scale: int) -> bytes:
    old = track.header
    wide = old[:1] == b"\1"
    made, changed, number = unpack("4xQQI" if wide else "4xIII", old)
    rest = old[36 if wide else 24 :]
    if len(rest) != 60:
        raise UnclearError("tkhd is wrong")
    flags = int.from_bytes(old[1:4], "big")
    times = struct.pack(">QQIIQ", made, changed, number, 0, _length(track, scale))
    media, information = track.kept
    stbl = atom(b"stbl", atom(b"stsd", track.description), *_tables(track, pieces, places))
    return atom(
        b"trak",
        full(b"tkhd", 1, flags, times, rest),
        b"" if track.edit is None else atom(b"edts", _elst(track.edit, track.scale, scale)),
        atom(b"mdia", _mdhd(track), media, atom(b"minf", information, stbl)),
    )


def _mdhd(track: Track) -> bytes:
    old = track.media_header
    wide = old[:1] == b"\1"
    made, changed = unpack("4xQQ" if wide else "4xII", old)
    rest = old[32 if wide else 20 :]
    if len(rest) != 4:
        raise UnclearError("mdhd is wrong")
    return full(b"mdhd", 1, 0, struct.pack(">QQIQ", made, changed, track.scale, total(track.durations)), rest)


def _elst(edit: Edit, track_scale: int, scale: int) -> bytes:
    parts = []
    if edit.delay:
        parts.append(struct.pack(">QqI", rescaled(edit.delay, scale, track_scale), -1, RATE_ONE))
    # Rounded upwards: the last picture must not be lost.
    duration = _upwards(edit.stop - edit.start, scale, track_scale)
    parts.append(struct.pack(">QqI", duration, edit.start, RATE_ONE))
    return full(b"elst", 1, 0, struct.pack(">I", len(parts)), *parts)


def _tables(track: Track, pieces: Sequence[Piece], places: array[int]) -> list[bytes]:
    tables = [_runs(b"stts", track.durations)]
    if track.offsets is not None:
        tables.append(_runs(b"ctts", track.offsets))
    if track.keys is not None:
        keys = array("I", (key + 1 for key in track.keys))
        tables.append(full(b"stss", 0, 0, struct.pack(">I", len(keys)), packed(keys)))
    steps: list[int] = []
    for chunk, piece in enumerate(pieces, 1):
        if not steps or steps[-2] != piece.samples:
            steps += [chunk, piece.samples, 1]
    tables.append(full(b"stsc", 0, 0, struct.pack(">I", len(steps) // 3), packed(array("I", steps))))
    sizes = track.sizes
    each = array("I", (stop - start for start, stop in itertools.pairwise(sizes.sums)))
    tables.append(full(b"stsz", 0, 0, struct.pack(">II", sizes.each, sizes.count), packed(each)))
    tables.append(full(b"co64", 0, 0, struct.pack(">I", len(places)), packed(places)))
    return tables


def _runs(kind: bytes, runs: Runs) -> bytes:
    values = array("I", itertools.chain.from_iterable(runs))
    return full(kind, 0, 0, struct.pack(">I", len(runs)), packed(values))
