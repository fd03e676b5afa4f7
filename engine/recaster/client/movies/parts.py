"""Which samples of each track belong to a part of a movie."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Final

from recaster.client.movies import nal
from recaster.client.movies.atoms import UnclearError, unpack
from recaster.client.movies.tracks import Edit, Sizes, Track, grouped, part, sample_at, total

if TYPE_CHECKING:
    from fractions import Fraction

    from recaster.client.movies.shown import Shown

MOST_TRIES: Final = 256
LEAD: Final = 4
"""Samples of compressed sound before the first that is heard: what its decoder needs to get into step."""
WITH_UNITS: Final = frozenset((b"avc1", b"avc3", b"hvc1", b"hev1"))
WITH_KEYS: Final = frozenset((b"av01", b"vp09", b"mp4v"))
EVERY_FRAME_ALONE: Final = frozenset(
    (b"apch", b"apcn", b"apcs", b"apco", b"ap4h", b"ap4x", b"AVdn", b"AVdh", b"CFHD", b"jpeg", b"png ")
)
"""Formats of video in which a sample is known to be a frame, by what decoding may start at."""
FARTHEST: Final = 16
"""Pictures by which decoding may be ahead of showing."""
SMALLEST_MPEG4: Final = 16
"""Bytes; smaller samples of MPEG-4 Part 2 may say that there is no frame."""
PLAIN_SOUND: Final = {
    b"twos": 0, b"sowt": 0, b"lpcm": 0, b"ipcm": 0, b"fpcm": 0, b"in24": 24, b"in32": 32, b"fl32": 32,
    b"fl64": 64, b"ulaw": 8, b"alaw": 8,
}  # fmt: skip
"""Bits of one value; 0: as the sample entry says."""
ENCRYPTED: Final = frozenset((b"enca", b"drms"))


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples that lie together: how many, where in the old file, how many bytes."""

    samples: int
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Part:
    """A track of the new movie, whose chunks don't count, and the pieces that become its chunks."""

    track: Track
    pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the video goes into a part.

    Attributes:
        start: the sample that decoding starts at.
        stop: one past the last sample that it needs.
        order: samples that are shown, as they are shown.
        over: the time of the track at which the last of these is over.
        frames: where the wanted frames are among ``order``.
    """

    start: int
    stop: int
    order: list[int]
    over: int
    frames: range


def wanted(video: Track, seen: Shown, frames: range, file: BinaryIO) -> Wanted:
    """What of the video some frames need.

    Raises:
        UnclearError: they aren't there, or it isn't sure where decoding may start.
    """
    if frames.step != 1 or not 0 <= frames.start < frames.stop <= len(seen.order):
        raise UnclearError("there are no such frames")
    # One more at each end: deinterlacing looks at the neighbours.
    begin, stop = max(frames.start - 1, 0), min(frames.stop + 1, len(seen.order))
    order = seen.order[begin:stop]
    if stop < len(seen.order):
        over = seen.times[seen.order[stop]]
    else:
        last = order[-1]
        over = seen.times[last] + max(seen.decoded[last + 1] - seen.decoded[last], 1)
        over = over if video.edit is None else min(over, video.edit.stop)
    inside = range(frames.start - begin, frames.stop - begin)
    what = Wanted(_start(video, seen, order, file), max(order) + 1, order, over, inside)
    if video.offsets is None:
        _check_order(video, what, file)
    return what


def _start(video: Track, seen: Shown, order: list[int], file: BinaryIO) -> int:
    """The last sample that all of ``order`` can be decoded from."""
    size = nal.unit_size(video.kind, video.entry) if video.kind in WITH_UNITS else 0
    if not size and video.kind not in EVERY_FRAME_ALONE:
        if video.kind not in WITH_KEYS or video.keys is None:
            raise UnclearError("it isn't known what its samples are")
        if video.kind == b"mp4v" and any(
            _bytes(video, one) < SMALLEST_MPEG4 for one in range(video.sizes.count)
        ):
            raise UnclearError("it may have samples without a frame")
    elif size and not _real(video, size, seen.first, file):
        raise UnclearError("its first frames may not decode")
    tries = 0
    for sample in range(min(order), -1, -1):
        # A key frame that is shown later has pictures after it that need what was before it.
        if not seen.keys[sample] or seen.times[sample] > seen.times[order[0]]:
            continue
        if not size or _real(video, size, sample, file):
            return sample
        tries += 1
        if tries == MOST_TRIES:
            break
    raise UnclearError("decoding can't start before these frames")


def _check_order(video: Track, what: Wanted, file: BinaryIO) -> None:
    """Some writers forget that pictures are shown in another order than they are decoded in."""
    if video.kind in (b"hvc1", b"hev1"):
        raise UnclearError("the order of its pictures isn't known")
    size = nal.unit_size(video.kind, video.entry) if video.kind in WITH_UNITS else 0
    for sample in range(max(what.start - FARTHEST, 0), min(what.stop + FARTHEST, video.sizes.count)):
        place, length = _place(video, sample), _bytes(video, sample)
        if (size and nal.has_b_slice(size, file, place, length)) or (
            video.kind == b"mp4v" and nal.is_b_vop(file, place, length)
        ):
            raise UnclearError("its pictures have no times of their own")


def _real(video: Track, size: int, sample: int, file: BinaryIO) -> bool:
    """Whether a sync sample is one."""
    return nal.starts(video.kind, size, file, _place(video, sample), _bytes(video, sample))


def part_of_video(video: Track, seen: Shown, what: Wanted) -> Part:
    """The samples of the video that a part needs, of which the wanted ones are shown."""
    inside = range(what.start, what.stop)
    delays = [seen.times[sample] - seen.decoded[sample] for sample in inside]
    least = min(delays) if video.offsets is not None else 0  # none is negative: not all readers like that
    moved = seen.decoded[what.start] + least
    edit = Edit(0, seen.times[what.order[0]] - moved, what.over - moved)
    keys = None
    if video.keys is not None or what.start != min(what.order):
        # Marks between the start and the first frame shown are left out: those were passed over.
        later = (sample for sample in range(min(what.order) + 1, what.stop) if seen.keys[sample])
        keys = array("q", [0, *(sample - what.start for sample in later)])
    offsets = None if video.offsets is None else grouped(delay - least for delay in delays)
    return _part(
        replace(video, offsets=offsets, keys=keys, exact_keys=True, edit=edit), what.start, what.stop
    )


def part_of_sound(sound: Track, begin: Fraction, end: Fraction) -> Part | None:
    """The samples of a sound track from ``begin`` to ``end`` of the movie, in seconds; None: it is silent.

    Raises:
        UnclearError: it isn't known what its samples are.
    """
    if sound.offsets is not None or sound.keys is not None or sound.kind in ENCRYPTED:
        raise UnclearError("the sound isn't plain")
    lead = 0 if _is_plain(sound) else LEAD
    edit = sound.edit or Edit(0, 0, total(sound.durations))
    moved = edit.start - edit.delay
    start, stop = round(begin * sound.scale) + moved, round(end * sound.scale) + moved
    delay = max(edit.start - start, 0)
    start, stop = max(start, edit.start), min(stop, edit.stop, total(sound.durations))
    if start >= stop:
        return None
    first = max(sample_at(sound.durations, start)[0] - lead, 0)
    last = sample_at(sound.durations, stop - 1)[0]
    hidden = total(part(sound.durations, 0, first))
    shorter = replace(sound, edit=Edit(delay, start - hidden, stop - hidden))
    return _part(shorter, first, last + 1)


def _is_plain(sound: Track) -> bool:
    """Whether a sample of sound is one value of each channel."""
    if sound.kind not in PLAIN_SOUND:
        if sound.durations[0][1] == 1:
            raise UnclearError("it isn't known what the sound's samples are")
        return False
    version, channels, bits = unpack("8xH6xHH", sound.entry)
    if version == 2:
        channels, bits = unpack("40xI4xI", sound.entry)
    bits = PLAIN_SOUND[sound.kind] or bits
    if sound.durations != [(sound.sizes.count, 1)] or not bits or sound.sizes.each * 8 != channels * bits:
        raise UnclearError("the sound's samples are not what they should be")
    return True


def _part(track: Track, start: int, stop: int) -> Part:
    """The samples from ``start`` to before ``stop``, with tables of their own."""
    sizes, chunks = track.sizes, track.chunks
    pieces = []
    for chunk in range(chunks.at(start), chunks.at(stop - 1) + 1):
        first, last = max(start, chunks.firsts[chunk]), min(stop, chunks.firsts[chunk + 1])
        length = sizes.before(last) - sizes.before(first)
        pieces.append(Piece(last - first, _place(track, first), length))
    base = sizes.before(start)
    sums = sizes.sums if sizes.each else array("q", (each - base for each in sizes.sums[start : stop + 1]))
    taken = replace(
        track,
        durations=part(track.durations, start, stop),
        sizes=Sizes(stop - start, sizes.each, sums),
    )
    return Part(taken, pieces)


def _place(track: Track, sample: int) -> int:
    chunk = track.chunks.at(sample)
    inside = track.sizes.before(sample) - track.sizes.before(track.chunks.firsts[chunk])
    return track.chunks.places[chunk] + inside


def _bytes(track: Track, sample: int) -> int:
    return track.sizes.before(sample + 1) - track.sizes.before(sample)
