"""Movie boxes of new files: tracks that hold some samples of another's."""

from __future__ import annotations

import itertools
import struct
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.isobmff.boxes import UnsupportedMovieError, box, full_box, media_data_header, pack_table, unpack
from recaster.isobmff.sample_table import MEDIA_RATE_ONE, rescale, sum_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.isobmff.sample_table import Edit, Runs, Track
    from recaster.isobmff.selection import ChunkSpan, TrackPart


@dataclass(frozen=True, slots=True)
class NewMovie:
    """A movie that is still to be written.

    Attributes:
        head: what comes before the media.
        moov: the payload of the moov box in that.
        chunk_spans: spans of the old file, in the order in which they become the media.
        size: bytes in all.
    """

    head: bytes
    moov: bytes
    chunk_spans: list[ChunkSpan]
    size: int


def build_movie(ftyp: bytes, header: bytes, timescale: int, parts: Sequence[TrackPart]) -> NewMovie:
    """Puts parts of tracks together; their samples keep the order that they had in the old file.

    Args:
        ftyp: the ftyp box, or nothing.
        header: the payload of the old mvhd.
        timescale: ticks in a second of the new movie's own clock.
        parts: what each track holds.

    Raises:
        UnsupportedMovieError: a time or a place is too large to be written.
    """
    try:
        return _build_movie(ftyp, header, timescale, parts)
    except (struct.error, OverflowError) as error:
        raise UnsupportedMovieError("a number is too large") from error


def _build_movie(ftyp: bytes, header: bytes, timescale: int, parts: Sequence[TrackPart]) -> NewMovie:
    chunk_offsets = [array("Q", bytes(8 * len(part.chunk_spans))) for part in parts]
    before = len(ftyp) + len(_movie(header, timescale, parts, chunk_offsets)) + len(media_data_header(0))
    number = itertools.count()
    ordered = sorted(
        (span.start, next(number), span, where, chunk)
        for part, where in zip(parts, chunk_offsets, strict=True)
        for chunk, span in enumerate(part.chunk_spans)
    )
    at = before
    for _, _, span, where, chunk in ordered:
        where[chunk] = at
        at += span.length
    moov = _movie(header, timescale, parts, chunk_offsets)
    head = ftyp + moov + media_data_header(at - before)
    return NewMovie(head, moov[8:], [span for _, _, span, _, _ in ordered], at)


def _movie(
    header: bytes, timescale: int, parts: Sequence[TrackPart], chunk_offsets: Sequence[array[int]]
) -> bytes:
    length = max(_length(part.track, timescale) for part in parts)
    wide = header[:1] == b"\1"
    made, changed = unpack("4xQQ" if wide else "4xII", header)
    rest = header[32 if wide else 20 :]
    if len(rest) != 80:
        raise UnsupportedMovieError("mvhd is wrong")
    mvhd = full_box(b"mvhd", 1, 0, struct.pack(">QQIQ", made, changed, timescale, length), rest)
    traks = (
        _trak(part.track, part.chunk_spans, where, timescale)
        for part, where in zip(parts, chunk_offsets, strict=True)
    )
    return box(b"moov", mvhd, *traks)


def _length(track: Track, timescale: int) -> int:
    """Returns a track's duration in ticks of the movie's timescale."""
    edit = track.edit
    if edit is None:
        return _rescale_up(sum_runs(track.sample_deltas), timescale, track.timescale)
    return rescale(edit.empty_duration, timescale, track.timescale) + _rescale_up(
        edit.stop - edit.start, timescale, track.timescale
    )


def _rescale_up(value: int, timescale: int, from_timescale: int) -> int:
    return -(-value * timescale // from_timescale)


def _trak(track: Track, chunk_spans: Sequence[ChunkSpan], chunk_offsets: array[int], timescale: int) -> bytes:
    old = track.header
    wide = old[:1] == b"\1"
    made, changed, number = unpack("4xQQI" if wide else "4xIII", old)
    rest = old[36 if wide else 24 :]
    if len(rest) != 60:
        raise UnsupportedMovieError("tkhd is wrong")
    flags = int.from_bytes(old[1:4], "big")
    pts = struct.pack(">QQIIQ", made, changed, number, 0, _length(track, timescale))
    media, information = track.copied_boxes
    stbl = box(b"stbl", box(b"stsd", track.sample_description), *_tables(track, chunk_spans, chunk_offsets))
    return box(
        b"trak",
        full_box(b"tkhd", 1, flags, pts, rest),
        b"" if track.edit is None else box(b"edts", _elst(track.edit, track.timescale, timescale)),
        box(b"mdia", _mdhd(track), media, box(b"minf", information, stbl)),
    )


def _mdhd(track: Track) -> bytes:
    old = track.media_header
    wide = old[:1] == b"\1"
    made, changed = unpack("4xQQ" if wide else "4xII", old)
    rest = old[32 if wide else 20 :]
    if len(rest) != 4:
        raise UnsupportedMovieError("mdhd is wrong")
    return full_box(
        b"mdhd",
        1,
        0,
        struct.pack(">QQIQ", made, changed, track.timescale, sum_runs(track.sample_deltas)),
        rest,
    )


def _elst(edit: Edit, track_timescale: int, timescale: int) -> bytes:
    parts = []
    if edit.empty_duration:
        parts.append(
            struct.pack(">QqI", rescale(edit.empty_duration, timescale, track_timescale), -1, MEDIA_RATE_ONE)
        )
    # Rounded upwards: the last picture must not be lost.
    duration = _rescale_up(edit.stop - edit.start, timescale, track_timescale)
    parts.append(struct.pack(">QqI", duration, edit.start, MEDIA_RATE_ONE))
    return full_box(b"elst", 1, 0, struct.pack(">I", len(parts)), *parts)


def _tables(track: Track, chunk_spans: Sequence[ChunkSpan], chunk_offsets: array[int]) -> list[bytes]:
    tables = [_runs(b"stts", track.sample_deltas)]
    if track.composition_offsets is not None:
        tables.append(_runs(b"ctts", track.composition_offsets))
    if track.sync_samples is not None:
        sync_samples = array("I", (key + 1 for key in track.sync_samples))
        tables.append(full_box(b"stss", 0, 0, struct.pack(">I", len(sync_samples)), pack_table(sync_samples)))
    steps: list[int] = []
    for chunk, span in enumerate(chunk_spans, 1):
        if not steps or steps[-2] != span.samples:
            steps += [chunk, span.samples, 1]
    tables.append(full_box(b"stsc", 0, 0, struct.pack(">I", len(steps) // 3), pack_table(array("I", steps))))
    sizes = track.sizes
    each = array("I", (stop - start for start, stop in itertools.pairwise(sizes.sums)))
    tables.append(full_box(b"stsz", 0, 0, struct.pack(">II", sizes.each, sizes.count), pack_table(each)))
    tables.append(full_box(b"co64", 0, 0, struct.pack(">I", len(chunk_offsets)), pack_table(chunk_offsets)))
    return tables


def _runs(kind: bytes, runs: Runs) -> bytes:
    values = array("I", itertools.chain.from_iterable(runs))
    return full_box(kind, 0, 0, struct.pack(">I", len(runs)), pack_table(values))
