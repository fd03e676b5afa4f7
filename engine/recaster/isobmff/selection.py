"""Selection of each track's samples for a part of a movie."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Final

from recaster.isobmff import nal_units
from recaster.isobmff.boxes import UnsupportedMovieError, unpack
from recaster.isobmff.sample_table import (
    Edit,
    SampleSizes,
    Track,
    group_runs,
    sample_at,
    slice_runs,
    sum_runs,
)

if TYPE_CHECKING:
    from fractions import Fraction

    from recaster.isobmff.presentation import Presentation

MAX_START_TRIES: Final = 256
AUDIO_PREROLL_SAMPLES: Final = 4
"""Samples of compressed sound before the first that is heard, which a decoder needs to get into step."""
NAL_FORMATS: Final = frozenset((b"avc1", b"avc3", b"hvc1", b"hev1"))
SYNC_MARKED_FORMATS: Final = frozenset((b"av01", b"vp09", b"mp4v"))
INTRA_FORMATS: Final = frozenset(
    (b"apch", b"apcn", b"apcs", b"apco", b"ap4h", b"ap4x", b"AVdn", b"AVdh", b"CFHD", b"jpeg", b"png ")
)
"""Formats of video in which every sample is a frame that decoding may start at."""
MAX_REORDER_PICTURES: Final = 16
"""Pictures by which decoding may be ahead of presentation."""
MIN_MPEG4_SAMPLE_BYTES: Final = 16
"""Smaller samples of MPEG-4 Part 2 may say that there is no frame."""
PCM_BITS: Final = {
    b"twos": 0, b"sowt": 0, b"lpcm": 0, b"ipcm": 0, b"fpcm": 0, b"in24": 24, b"in32": 32, b"fl32": 32,
    b"fl64": 64, b"ulaw": 8, b"alaw": 8,
}  # fmt: skip
"""Formats of plain sound: bits of one value; 0: as the sample entry says."""
ENCRYPTED_FORMATS: Final = frozenset((b"enca", b"drms"))


@dataclass(frozen=True, slots=True)
class ChunkSpan:
    """Samples that lie together: their number, their offset in the old file, their bytes."""

    samples: int
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class TrackPart:
    """A track of the new movie.

    Attributes:
        track: its description; the chunks and the edit in it don't count.
        chunk_spans: what becomes its chunks.
        new_media: bytes of its only chunk, where that isn't a span of the old file.
    """

    track: Track
    edit: Edit
    chunk_spans: list[ChunkSpan]
    new_media: bytes = b""


@dataclass(frozen=True, slots=True)
class VideoSelection:
    """The samples of the video that go into a part.

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


def select_video(
    video: Track, presentation: Presentation, frames: range, file: BinaryIO, unit: int = 1
) -> VideoSelection:
    """Selects the samples of the video that some frames need; ``unit`` frames have one timecode."""
    if frames.step != 1 or not 0 <= frames.start < frames.stop <= len(presentation.order):
        raise UnsupportedMovieError("there are no such frames")
    # One more at each end: deinterlacing looks at the neighbours.
    begin = max(frames.start - 1, 0) // unit * unit
    stop = min(frames.stop + 1, len(presentation.order))
    order = presentation.order[begin:stop]
    if stop < len(presentation.order):
        over = presentation.pts[presentation.order[stop]]
    else:
        last = order[-1]
        over = presentation.pts[last] + max(presentation.dts[last + 1] - presentation.dts[last], 1)
        over = over if video.edit is None else min(over, video.edit.stop)
    # Bytes of the length before each NAL unit; 0 where samples have no units.
    nal_size = 0
    if video.sample_format in NAL_FORMATS:
        nal_size = nal_units.length_field_size(video.sample_format, video.sample_entry)
    inside = range(frames.start - begin, frames.stop - begin)
    start = _find_start(video, presentation, order, nal_size, file)
    selection = VideoSelection(start, max(order) + 1, order, over, inside)
    if video.composition_offsets is None:
        _check_order(video, selection, nal_size, file)
    return selection


def _find_start(
    video: Track, presentation: Presentation, order: list[int], nal_size: int, file: BinaryIO
) -> int:
    """Returns the last sample that all of ``order`` can be decoded from."""

    def is_random_access(sample: int) -> bool:
        span = video.sample_span(sample)
        return nal_units.is_random_access(video.sample_format, nal_size, file, *span)

    if not nal_size and video.sample_format not in INTRA_FORMATS:
        if video.sample_format not in SYNC_MARKED_FORMATS or video.sync_samples is None:
            raise UnsupportedMovieError("it isn't known what its samples are")
        lengths = (video.sizes.total(sample, sample + 1) for sample in range(video.sizes.count))
        if video.sample_format == b"mp4v" and min(lengths) < MIN_MPEG4_SAMPLE_BYTES:
            raise UnsupportedMovieError("it may have samples without a frame")
    elif nal_size and not is_random_access(presentation.first_decoded):
        raise UnsupportedMovieError("its first frames may not decode")
    tries = 0
    for sample in range(min(order), -1, -1):
        # A key frame that is shown later has pictures after it that need what was before it.
        if not presentation.is_sync[sample] or presentation.pts[sample] > presentation.pts[order[0]]:
            continue
        if not nal_size or is_random_access(sample):
            return sample
        tries += 1
        if tries == MAX_START_TRIES:
            break
    raise UnsupportedMovieError("decoding can't start before these frames")


def _check_order(video: Track, selection: VideoSelection, nal_size: int, file: BinaryIO) -> None:
    """Refuses reordered pictures without composition times, which some writers forget."""
    if video.sample_format in (b"hvc1", b"hev1"):
        raise UnsupportedMovieError("the order of its pictures isn't known")
    first = max(selection.start - MAX_REORDER_PICTURES, 0)
    for sample in range(first, min(selection.stop + MAX_REORDER_PICTURES, video.sizes.count)):
        if nal_units.is_b_picture(video.sample_format, nal_size, file, *video.sample_span(sample)):
            raise UnsupportedMovieError("its pictures have no times of their own")


def extract_video(video: Track, presentation: Presentation, selection: VideoSelection) -> TrackPart:
    """Cuts out the samples of the video that a part needs; its edit shows the selected ones."""
    inside = range(selection.start, selection.stop)
    delays = [presentation.pts[sample] - presentation.dts[sample] for sample in inside]
    composition_offsets = None
    least = 0
    if video.composition_offsets is not None:
        least = min(delays)  # not all readers like negative ones
        composition_offsets = group_runs(delay - least for delay in delays)
    moved = presentation.dts[selection.start] + least
    edit = Edit(0, presentation.pts[selection.order[0]] - moved, selection.over - moved)
    sync_samples = None
    if video.sync_samples is not None or selection.start != min(selection.order):
        # Marks between the start and the first frame shown are left out: those were passed over.
        later = range(min(selection.order) + 1, selection.stop)
        marks = (sample - selection.start for sample in later if presentation.is_sync[sample])
        sync_samples = array("q", [0, *marks])
    track = replace(video, composition_offsets=composition_offsets, sync_samples=sync_samples)
    return cut_samples(track, edit, selection.start, selection.stop)


def extract_audio(sound: Track, begin: Fraction, end: Fraction) -> TrackPart | None:
    """Cuts a sound track from ``begin`` to ``end`` of the movie, in seconds; None where it is silent."""
    tables = (sound.composition_offsets, sound.sync_samples)
    if any(table is not None for table in tables) or sound.sample_format in ENCRYPTED_FORMATS:
        raise UnsupportedMovieError("the sound isn't plain")
    lead = 0 if _is_plain(sound) else AUDIO_PREROLL_SAMPLES
    empty_duration, start, stop = cut_time(sound, begin, end)
    if start >= stop:
        return None
    first = max(sample_at(sound.sample_deltas, start) - lead, 0)
    last = sample_at(sound.sample_deltas, stop - 1)
    hidden = sum_runs(slice_runs(sound.sample_deltas, 0, first))
    return cut_samples(sound, Edit(empty_duration, start - hidden, stop - hidden), first, last + 1)


def cut_time(track: Track, begin: Fraction, end: Fraction) -> tuple[int, int, int]:
    """Finds the part of a track from ``begin`` to ``end`` of the movie, in seconds.

    Returns:
        Ticks of the track: from ``begin`` to its start, its start, its end; there is none unless it ends
        later than it starts.
    """
    edit = track.edit or Edit(0, 0, sum_runs(track.sample_deltas))
    moved = edit.start - edit.empty_duration
    start = round(begin * track.timescale) + moved
    stop = round(end * track.timescale) + moved
    empty_duration = max(edit.start - start, 0)
    return empty_duration, max(start, edit.start), min(stop, edit.stop, sum_runs(track.sample_deltas))


def _is_plain(sound: Track) -> bool:
    """Tells if a sample of sound is one value of each channel."""
    if sound.sample_format not in PCM_BITS:
        if sound.sample_deltas[0][1] == 1:
            raise UnsupportedMovieError("it isn't known what the sound's samples are")
        return False
    version, channels, bits = unpack("8xH6xHH", sound.sample_entry)
    if version == 2:
        channels, bits = unpack("40xI4xI", sound.sample_entry)
    bits = PCM_BITS[sound.sample_format] or bits
    if sound.sample_deltas != [(sound.sizes.count, 1)] or not bits or sound.sizes.each * 8 != channels * bits:
        raise UnsupportedMovieError("the sound's samples are not what they should be")
    return True


def cut_samples(track: Track, edit: Edit, start: int, stop: int) -> TrackPart:
    """Cuts out the samples from ``start`` to before ``stop``, with tables of their own."""
    sizes = track.sizes
    chunk_spans = []
    for chunk in range(track.chunk_of(start), track.chunk_of(stop - 1) + 1):
        first = max(start, track.first_samples[chunk])
        last = min(stop, track.first_samples[chunk + 1])
        place, _ = track.sample_span(first)
        chunk_spans.append(ChunkSpan(last - first, place, sizes.total(first, last)))
    sums = sizes.sums
    if not sizes.each:
        sums = array("q", (total - sums[start] for total in sums[start : stop + 1]))
    shorter = replace(
        track,
        sample_deltas=slice_runs(track.sample_deltas, start, stop),
        sizes=SampleSizes(stop - start, sizes.each, sums),
    )
    return TrackPart(shorter, edit, chunk_spans)
