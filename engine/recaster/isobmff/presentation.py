"""Presentation order of a video track's samples: frames as the engine counts them.

It follows FFmpeg (libavformat/mov.c, ``mov_fix_index``): an edit is decoded from the key frame at or before
its start, until past its end; what doesn't lie in it is decoded and thrown away.
"""

from __future__ import annotations

import itertools
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.isobmff.boxes import MAX_TABLE_ENTRIES, UnsupportedMovieError
from recaster.isobmff.sample_table import expand_runs

if TYPE_CHECKING:
    from recaster.isobmff.sample_table import Edit, Track


@dataclass(frozen=True, slots=True)
class Presentation:
    """Timing of a video track, sample by sample.

    Attributes:
        order: the samples that are shown, as they are shown.
        first_decoded: the sample that decoding begins with.
        dts: decoding time of each, and of the end of the last.
        pts: presentation time of each.
        is_sync: 1 for those that decoding may start at.
        origin: the time of the track (of ``pts``) at which the movie begins.
    """

    order: list[int]
    first_decoded: int
    dts: array[int]
    pts: array[int]
    is_sync: bytearray
    origin: int


def compute_presentation(track: Track) -> Presentation:
    """Computes the timing of every sample of a video whose shown samples all give a frame for sure."""
    count = track.sizes.count
    if count > MAX_TABLE_ENTRIES:
        raise UnsupportedMovieError("there are too many samples")
    dts = array("q", itertools.accumulate(expand_runs(track.sample_deltas), initial=0))
    pts = dts[:-1]
    if track.composition_offsets is not None:
        pts = array("q", map(int.__add__, pts, expand_runs(track.composition_offsets)))
    is_sync = bytearray(count) if track.sync_samples is not None else bytearray(b"\1" * count)
    for key in track.sync_samples or ():
        is_sync[key] = 1
    order = sorted(range(count), key=pts.__getitem__)
    if any(pts[sample] == pts[following] for sample, following in itertools.pairwise(order)):
        raise UnsupportedMovieError("two samples are shown at the same time")
    if track.edit is None:
        first = origin = 0
    else:
        order, first = _apply_edit(track, track.edit, order, dts, pts, is_sync)
        # To FFmpeg an edit begins with a picture.
        origin = max(pts[order[0]], dts[min(order)]) - track.edit.empty_duration
    if pts[order[0]] < pts[first]:
        raise UnsupportedMovieError("its first pictures may not decode")
    return Presentation(order, first, dts, pts, is_sync, origin)


def _apply_edit(
    track: Track, edit: Edit, order: list[int], dts: array[int], pts: array[int], is_sync: bytearray
) -> tuple[list[int], int]:
    """Returns the samples that an edit shows, and the one that decoding starts at."""
    inside = [sample for sample in order if edit.start <= pts[sample] < edit.stop]
    if not inside:
        raise UnsupportedMovieError("its edit list shows nothing")
    early = itertools.takewhile(lambda sample: dts[sample] <= edit.start, range(len(pts)))
    before = [sample for sample in early if is_sync[sample] and pts[sample] <= edit.start]
    first = before[-1] if before else 0
    ends = (
        sample
        for sample in range(first, len(pts))
        if pts[sample] + dts[sample + 1] - dts[sample] >= edit.stop
        and (is_sync[sample] or not track.sync_samples_complete)
    )
    # With composition offsets it waits for one key frame more.
    past = next(itertools.islice(ends, 0 if track.composition_offsets is None else 1, None), len(pts))
    if min(inside) < first or max(inside) > past:
        raise UnsupportedMovieError("its edit list doesn't fit its key frames")
    return inside, first
