"""Timecode, text, data and chapters beside the picture and the sound of a part of a movie."""

from __future__ import annotations

import itertools
import math
import struct
from array import array
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO, Final

from recaster.isobmff.boxes import UnsupportedMovieError, build_box, child_boxes, read_exactly, unpack
from recaster.isobmff.sample_table import Edit, SampleSizes, sample_at, slice_runs, sum_runs
from recaster.isobmff.selection import ChunkSpan, TrackPart, cut_samples, cut_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recaster.isobmff.boxes import Box
    from recaster.isobmff.sample_table import Track

SIDE_HANDLERS: Final = frozenset((b"tmcd", b"text", b"sbtl", b"subt", b"clcp", b"meta"))
"""Handlers of tracks of timecode, text, captions and data."""
TIMECODE_FORMATS: Final = {b"tmcd": 4, b"tc64": 8}
"""Formats of timecode: bytes of a number."""
DROP_FRAME: Final = 1
TAPE_COUNTER: Final = 8
"""Flags of a timecode's sample entry (Apple: QuickTime File Format)."""
TEN_MINUTES_PER_DAY: Final = 24 * 6
HALF: Final = Fraction(1, 2)
CHAPTER_TICKS: Final = 10_000_000
"""Ticks a second of ``chpl``, the chapters of MP4 that Nero's programs began with."""


def extract_side_track(track: Track, begin: Fraction, end: Fraction) -> TrackPart | None:
    """Cuts a track of text or data from ``begin`` to ``end`` of the movie, in seconds; None if it is empty.

    A sample that lasts over an end only lasts up to it, or from it on.
    """
    if track.composition_offsets is not None:
        raise UnsupportedMovieError("the samples of its text or data are reordered")
    empty_duration, start, stop = cut_time(track, begin, end)
    if start >= stop:
        return None
    first = sample_at(track.sample_deltas, start)
    last = sample_at(track.sample_deltas, stop - 1)
    deltas = slice_runs(track.sample_deltas, first, last + 1)
    late = start - sum_runs(slice_runs(track.sample_deltas, 0, first))
    early = sum_runs(deltas) - late - (stop - start)
    part = cut_samples(
        replace(track, sync_samples=None), Edit(empty_duration, 0, stop - start), first, last + 1
    )
    shorter = _shorten_first(_shorten_first(deltas, late)[::-1], early)[::-1]
    return replace(part, track=replace(part.track, sample_deltas=shorter))


def _shorten_first(deltas: list[tuple[int, int]], ticks: int) -> list[tuple[int, int]]:
    """Lets the first sample of runs last ``ticks`` less."""
    (count, value), *others = deltas
    return [(1, value - ticks), *([(count - 1, value)] if count > 1 else []), *others]


def extract_timecode(
    track: Track, video: Track, offset: Fraction, duration: Fraction, file: BinaryIO
) -> TrackPart:
    """Makes a timecode track of one sample: its first number, moved by the frames that were cut off.

    Args:
        video: the track whose pictures are counted.
        offset: seconds from the first picture of the movie to the first of the part.
        duration: seconds of the part.
    """
    place, length = track.sample_span(0)
    number = int.from_bytes(read_exactly(file, place, length))
    flags, base = unpack("12xI8xB", track.sample_entry)
    if length != TIMECODE_FORMATS[track.sample_format] or number >> 8 * length - 1:
        raise UnsupportedMovieError("its timecode isn't a number")
    if not base or flags & TAPE_COUNTER:
        raise UnsupportedMovieError("its timecode counts no frames")
    moved = offset / _picture_duration(video) * _numbers_per_picture(track, video)
    # Of two pictures with one number it is the later that lies halfway to the next number.
    number += math.ceil(moved - HALF)
    # SMPTE ST 12-1: two numbers of 30 are left out in each minute but every tenth. The count has no gaps.
    left_out = 9 * (base // 15) if flags & DROP_FRAME else 0
    number %= TEN_MINUTES_PER_DAY * (600 * base - left_out)
    lasts = max(round(duration * track.timescale), 1)
    sample = replace(
        track,
        sample_deltas=[(1, lasts)],
        composition_offsets=None,
        sync_samples=None,
        sizes=SampleSizes(1, length, array("q")),
    )
    return TrackPart(sample, Edit(0, 0, lasts), [ChunkSpan(1, 0, length)], number.to_bytes(length))


def pictures_per_timecode(video: Track, sides: Iterable[Track]) -> int:
    """Returns how many pictures share a timecode: a clip of 60 frames may count 30."""
    timecodes = [track for track in sides if track.sample_format in TIMECODE_FORMATS]
    numbers = [_numbers_per_picture(track, video) for track in timecodes]
    return max((each.denominator for each in numbers if each.numerator == 1), default=1)


def _numbers_per_picture(track: Track, video: Track) -> Fraction:
    """Returns by how many numbers a timecode goes on with each picture."""
    (base,) = unpack("24xB", track.sample_entry)
    return Fraction(base, round(1 / _picture_duration(video)) or 1)


def _picture_duration(video: Track) -> Fraction:
    """Returns the most frequent duration of a picture, in seconds."""
    counts: Counter[int] = Counter()
    for count, ticks in video.sample_deltas:
        counts[ticks] += count
    [(ticks, _)] = counts.most_common(1)
    return Fraction(ticks or 1, video.timescale)


def copy_movie_boxes(boxes: Sequence[Box], begin: Fraction, end: Fraction) -> bytes:
    """Copies what a movie says of itself (udta, meta), with the chapters in it cut to a part, in seconds."""
    copied = []
    for box in boxes:
        payload = box.payload
        if box.kind == b"udta" and b"chpl" in payload:
            payload = b"".join(
                _cut_chapters(inner.payload, begin, end)
                if inner.kind == b"chpl"
                else build_box(inner.kind, inner.payload)
                for inner in child_boxes(payload)
            )
        if box.kind in (b"udta", b"meta"):
            copied.append(build_box(box.kind, payload))
    return b"".join(copied)


def _cut_chapters(chpl: bytes, begin: Fraction, end: Fraction) -> bytes:
    """Cuts a list of chapters, each of which ends where the next begins."""
    at = 9 if chpl[:1] == b"\1" else 5
    (count,) = unpack("B", chpl, at - 1)
    chapters = []
    for _ in range(count):
        start, length = unpack("QB", chpl, at)
        chapters.append((Fraction(start, CHAPTER_TICKS), chpl[at + 8 : at + 9 + length]))
        at += 9 + length
    kept = [
        struct.pack(">Q", round((max(start, begin) - begin) * CHAPTER_TICKS)) + title
        for (start, title), (stop, _) in itertools.pairwise([*chapters, (end, b"")])
        if max(start, begin) < min(stop, end)
    ]
    head = chpl[: 8 if chpl[:1] == b"\1" else 4]
    return build_box(b"chpl", head, bytes([len(kept)]), *kept) if kept else b""
