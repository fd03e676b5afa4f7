"""Movie boxes of new files: tracks that hold some samples of another's."""

from __future__ import annotations

import itertools
import struct
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.isobmff.boxes import (
    UnsupportedMovieError,
    build_box,
    build_full_box,
    build_media_data_header,
    build_table,
    pack_numbers,
    pack_u32,
    unpack,
)
from recaster.isobmff.sample_table import MEDIA_RATE_ONE, read_number, rescale, sum_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recaster.isobmff.sample_table import Track
    from recaster.isobmff.selection import ChunkSpan, TrackPart

HEADER_REST_BYTES: Final = {b"mvhd": 80, b"mdhd": 4, b"tkhd": 60}
"""Bytes of a header after its duration."""


@dataclass(frozen=True, slots=True)
class NewMovie:
    """A movie that is still to be written.

    Attributes:
        head: what comes before the media of the old file.
        moov: the payload of the moov box in that.
        chunk_spans: spans of the old file, in the order in which they become the media.
    """

    head: bytes
    moov: bytes
    chunk_spans: list[ChunkSpan]
    size: int


def build_movie(
    ftyp: bytes, header: bytes, timescale: int, parts: Sequence[TrackPart], others: bytes
) -> NewMovie:
    """Puts parts of tracks together; their samples keep the order that they had in the old file.

    Args:
        ftyp: the ftyp box, or nothing.
        header: the payload of the old mvhd.
        timescale: ticks in a second of the new movie's own clock.
        others: boxes of the new moov after its tracks.

    Raises:
        struct.error, OverflowError: a time or a place is too large to be written.
    """
    chunk_offsets = [array("Q", bytes(8 * len(part.chunk_spans))) for part in parts]
    moov = _moov(header, timescale, parts, chunk_offsets, others)
    before = len(ftyp) + len(moov) + len(build_media_data_header(0))
    places = sorted(
        (span.start, track, chunk)
        for track, part in enumerate(parts)
        for chunk, span in enumerate(part.chunk_spans)
        if not part.new_media
    )
    chunk_spans = [parts[track].chunk_spans[chunk] for _, track, chunk in places]
    at = before
    for part, offsets in zip(parts, chunk_offsets, strict=True):
        if part.new_media:
            offsets[0] = at
            at += len(part.new_media)
    for (_, track, chunk), span in zip(places, chunk_spans, strict=True):
        chunk_offsets[track][chunk] = at
        at += span.length
    moov = _moov(header, timescale, parts, chunk_offsets, others)
    new_media = b"".join(part.new_media for part in parts)
    head = ftyp + moov + build_media_data_header(at - before) + new_media
    return NewMovie(head, moov[8:], chunk_spans, at)


def _moov(
    header: bytes,
    timescale: int,
    parts: Sequence[TrackPart],
    chunk_offsets: Sequence[array[int]],
    others: bytes,
) -> bytes:
    edit_lists = [_edit_list(part, timescale) for part in parts]
    durations = [sum(ticks for ticks, _ in edits) for edits in edit_lists]
    numbers = frozenset(read_number(part.track.header) for part in parts)
    references = [_build_references(part.track, numbers) for part in parts]
    traks = map(_trak, parts, edit_lists, durations, references, chunk_offsets)
    return build_box(b"moov", _header(b"mvhd", header, timescale, max(durations)), *traks, others)


def _header(kind: bytes, old: bytes, number: int, duration: int, flags: int = 0) -> bytes:
    """Builds an mvhd, mdhd or tkhd like an old one; ``number`` is the timescale, or the track's own."""
    is_long = old[:1] == b"\1"
    created, modified = unpack("4xQQ" if is_long else "4xII", old)
    reserved = bytes(4 if kind == b"tkhd" else 0)
    rest = old[(32 if is_long else 20) + len(reserved) :]
    if len(rest) != HEADER_REST_BYTES[kind]:
        raise UnsupportedMovieError(f"{kind!r} is wrong")
    times = struct.pack(">QQI", created, modified, number)
    return build_full_box(kind, 1, flags, times, reserved, struct.pack(">Q", duration), rest)


def _edit_list(part: TrackPart, timescale: int) -> list[tuple[int, int]]:
    """Returns edits: ticks of the movie that each lasts, and where it begins in the track, -1 for nowhere."""
    own = part.track.timescale
    empty = part.edit.empty_duration
    # Rounded upwards: the last picture must not be lost.
    duration = -((part.edit.start - part.edit.stop) * timescale // own)
    return [(rescale(empty, timescale, own), -1)] * bool(empty) + [(duration, part.edit.start)]


def _build_references(track: Track, numbers: frozenset[int]) -> bytes:
    """Builds the tref of a track: its references to tracks that are still there."""
    kept = {kind: [each for each in to if each in numbers] for kind, to in track.references.items()}
    boxes = [build_box(kind, pack_u32(*to)) for kind, to in kept.items() if to]
    return build_box(b"tref", *boxes) if boxes else b""


def _trak(
    part: TrackPart,
    edits: list[tuple[int, int]],
    duration: int,
    references: bytes,
    chunk_offsets: array[int],
) -> bytes:
    track = part.track
    flags = int.from_bytes(track.header[1:4], "big")
    elst = [struct.pack(">QqI", ticks, start, MEDIA_RATE_ONE) for ticks, start in edits]
    own, media, information = track.copied_boxes
    lasts = sum_runs(track.sample_deltas)
    stbl = build_box(b"stbl", build_box(b"stsd", track.sample_description), *_tables(part, chunk_offsets))
    return build_box(
        b"trak",
        _header(b"tkhd", track.header, read_number(track.header), duration, flags),
        build_box(b"edts", build_full_box(b"elst", 1, 0, pack_u32(len(elst)), *elst)),
        references,
        build_box(
            b"mdia",
            _header(b"mdhd", track.media_header, track.timescale, lasts),
            media,
            build_box(b"minf", information, stbl),
        ),
        own,
    )


def _tables(part: TrackPart, chunk_offsets: array[int]) -> list[bytes]:
    track = part.track
    tables = [build_table(b"stts", _flatten(track.sample_deltas), columns=2)]
    if track.composition_offsets is not None:
        tables.append(build_table(b"ctts", _flatten(track.composition_offsets), columns=2))
    if track.sync_samples is not None:
        tables.append(build_table(b"stss", array("I", (key + 1 for key in track.sync_samples))))
    chunk_runs: list[tuple[int, int, int]] = []
    for chunk, span in enumerate(part.chunk_spans, 1):
        if not chunk_runs or chunk_runs[-1][1] != span.samples:
            chunk_runs.append((chunk, span.samples, 1))
    tables.append(build_table(b"stsc", _flatten(chunk_runs), columns=3))
    sizes = track.sizes
    each = array("I", (stop - start for start, stop in itertools.pairwise(sizes.sums)))
    tables.append(build_full_box(b"stsz", 0, 0, pack_u32(sizes.each, sizes.count), pack_numbers(each)))
    return [*tables, build_table(b"co64", chunk_offsets)]


def _flatten(rows: Iterable[Iterable[int]]) -> array[int]:
    return array("I", itertools.chain.from_iterable(rows))
