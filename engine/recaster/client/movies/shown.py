"""Which samples of a video track are shown, and in which order: frames as the engine counts them.

It follows ffmpeg (libavformat/mov.c, ``mov_fix_index``): an edit is decoded from the key frame at or before
its start, until past its end; what doesn't lie in it is decoded and thrown away.
"""

from __future__ import annotations

import itertools
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.client.movies.atoms import UnclearError
from recaster.client.movies.tracks import MOST_ENTRIES, expanded

if TYPE_CHECKING:
    from recaster.client.movies.tracks import Edit, Track


@dataclass(frozen=True, slots=True)
class Shown:
    """A video track, sample by sample.

    Attributes:
        order: the samples that are shown, as they are shown.
        first: the sample that decoding begins with.
        decoded: when each is decoded, and when the last is over.
        times: when each is shown.
        keys: 1 for those that decoding may start at.
        origin: the time of the track (of ``times``) at which the movie begins.
    """

    order: list[int]
    first: int
    decoded: array[int]
    times: array[int]
    keys: bytearray
    origin: int


def shown(track: Track) -> Shown:
    """Look at every sample of a video track.

    Raises:
        UnclearError: there are too many, two are shown at the same time, or it isn't sure that each one
            that is shown gives a frame.
    """
    count = track.sizes.count
    if count > MOST_ENTRIES:
        raise UnclearError("there are too many samples")
    decoded = array("q", itertools.accumulate(expanded(track.durations), initial=0))
    times = decoded[:-1]
    if track.offsets is not None:
        times = array("q", map(int.__add__, times, expanded(track.offsets)))
    keys = bytearray(count) if track.keys is not None else bytearray(b"\1" * count)
    for key in track.keys or ():
        keys[key] = 1
    order = sorted(range(count), key=times.__getitem__)
    if any(times[one] == times[other] for one, other in itertools.pairwise(order)):
        raise UnclearError("two samples are shown at the same time")
    first = 0
    if track.edit is not None:
        order, first = _edited(track, order, decoded, times, keys)
    if times[order[0]] < times[first]:
        raise UnclearError("its first pictures may not decode")
    return Shown(order, first, decoded, times, keys, _origin(track.edit, order, decoded, times))


def _edited(
    track: Track, order: list[int], decoded: array[int], times: array[int], keys: bytearray
) -> tuple[list[int], int]:
    """What is shown of an edit, and the sample that decoding starts at."""
    edit = track.edit
    inside = [sample for sample in order if edit is not None and edit.start <= times[sample] < edit.stop]
    if edit is None or not inside:
        raise UnclearError("its edit list shows nothing")
    before = [
        sample
        for sample in itertools.takewhile(lambda sample: decoded[sample] <= edit.start, range(len(times)))
        if keys[sample] and times[sample] <= edit.start
    ]
    first = before[-1] if before else 0
    ends = (
        sample
        for sample in range(first, len(times))
        if times[sample] + decoded[sample + 1] - decoded[sample] >= edit.stop
        and (keys[sample] or not track.exact_keys)
    )
    # With composition offsets it waits for one key frame more.
    past = next(itertools.islice(ends, 0 if track.offsets is None else 1, None), len(times))
    if min(inside) < first or max(inside) > past:
        raise UnclearError("its edit list doesn't fit its key frames")
    return inside, first


def _origin(edit: Edit | None, order: list[int], decoded: array[int], times: array[int]) -> int:
    """To ffmpeg an edit begins with its first picture, never between two."""
    if edit is None:
        return 0
    return max(times[order[0]], decoded[min(order)]) - edit.delay
