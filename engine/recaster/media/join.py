"""Muxing of encoded segments and the original's sound into one clip, by copying packets."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from fractions import Fraction
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from av.error import FFmpegError

from recaster.errors import OutputError
from recaster.files import atomic_file
from recaster.media.decoder import open_known_format
from recaster.media.encoders import (
    check_encoding,
    choose_sound_fallback,
    find_codec_losses,
)
from recaster.media.metadata import NO_METADATA, Metadata
from recaster.media.picture_join import describe_picture_losses, list_lost_parts
from recaster.media.probe import scan
from recaster.media.sequence_name import choose_picture_codec
from recaster.media.side_streams import SideStreamCopy, describe_losses
from recaster.media.sound import CopySource, SoundCopy, describe_sound_changes
from recaster.media.writer import MAX_TIMESCALE, choose_movie_timescale, open_output, writing
from recaster.progress import step
from recaster.settings.encoding import WriterOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from recaster.media.types import ClipInfo

MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True, eq=False)
class FrameTimes:
    """Times at which the frames of a result are shown.

    Attributes:
        pts: (N,) int64, strictly increasing, in ticks of ``time_base``.
        last_duration: ticks that the last frame stays.
        time_base: seconds per tick, one over a whole number.
    """

    pts: NDArray[np.int64]
    last_duration: int
    time_base: Fraction

    def moved(self, shift: Fraction) -> FrameTimes:
        """The same, ``shift`` seconds later, in finer ticks where these can't hold it."""
        refined = self.refined(shift.denominator)
        moved = refined.pts + round(shift / refined.time_base)
        return FrameTimes(moved, refined.last_duration, refined.time_base)

    def refined(self, denominator: int) -> FrameTimes:
        """The same in finer ticks, a whole number of which is a ``denominator``-th second, if there are."""
        finer = math.lcm(self.time_base.denominator, denominator)
        if finer > MAX_TIMESCALE:
            return self
        factor = finer // self.time_base.denominator
        return FrameTimes(self.pts * factor, self.last_duration * factor, Fraction(1, finer))


def check_output(out: Path, original: ClipInfo, options: WriterOptions | None = None) -> tuple[str, ...]:
    """Checks, before hours of work, that ``out`` can hold the picture and every sound of a clip.

    Returns sentences on sounds that are encoded anew, since it cannot hold them as they are, and on what it
    cannot hold at all.

    Raises:
        UsageError: it cannot; the message says what to use instead.
    """
    options = options or WriterOptions()
    pixel_format = check_encoding(Path(out), original, options)
    if choose_picture_codec(Path(out), is_still=original.reading.stills) is not None:
        return describe_picture_losses(Path(out), original, options)
    changes: tuple[str, ...] = ()
    if not original.is_sequence:
        fallback = choose_sound_fallback(Path(out), options)
        changes = describe_sound_changes(original.path, Path(out), fallback)
    others = [*find_codec_losses(Path(out), original, options), *list_lost_parts(original, options)]
    return (*changes, *describe_losses(original, Path(out), pixel_format, others))


def join_segments(
    segments: Sequence[Path],
    original: ClipInfo,
    out: Path,
    frames: range,
    options: WriterOptions | None = None,
    *,
    has_sound: bool = True,
    is_bare: bool = False,
) -> tuple[str, ...]:
    """Puts segments one after another and adds every other stream of the original, and its metadata.

    Nothing is encoded again: the result decodes to exactly the frames of the segments, at exactly the
    original's times (.mkv rounds them to milliseconds). Frames from the clip's first one on keep their
    timestamps, unless those begin before zero; then, and as a range that begins later, the result starts at
    zero, all else moved along; sound is cut to a range by whole packets. Matroska cannot hold times before
    zero (the lead-in of AAC): there, everything is moved by the same few milliseconds. The same segments give
    the same bytes.

    Args:
        segments: files of ``ClipWriter``, in order, written with the same options.
        out: the result, .mp4, .mov or .mkv.
        frames: which frames of the original the segments hold.
        options: those of the segments.
        has_sound: whether the result has the original's sound and other streams, or none.
        is_bare: whether it has nothing of the original but sound: no metadata, names or other streams.

    Returns:
        Sentences on what of the other streams could not be read.

    Raises:
        UsageError: the container cannot hold the codec or a sound.
        OutputError: the segments do not hold these frames, differ in their encoding, or writing failed.
        ClipError: the original cannot be read any more.
    """
    out = Path(out)
    times, begin, end = read_frame_times(original, frames)
    shift = -begin if frames.start > 0 or begin < 0 else Fraction(0)
    start = begin if frames.start > 0 else None
    stop = end if frames.stop < original.frame_count else None
    source = CopySource(segments[0], end=end)  # which has nothing but the picture
    if has_sound and not original.is_sequence:
        check_output(out, original, options)
        fallback = choose_sound_fallback(out, options or WriterOptions())
        source = CopySource(original.path, shift, start, stop, fallback, end, is_bare)
    if is_bare:
        return mux_streams(segments, out, times.moved(shift), source)
    metadata = original.metadata.cut(start, end, begin - scan(original.path, original.reading).start)
    return mux_streams(segments, out, times.moved(shift), source, metadata.moved(shift))


def read_frame_times(original: ClipInfo, frames: range) -> tuple[FrameTimes, Fraction, Fraction]:
    """Finds the times of some frames of a clip, and when the first begins and the last ends, in seconds."""
    seen = scan(original.path, original.reading)
    if not 0 <= frames.start < frames.stop <= len(seen.pts):
        raise OutputError(
            f"{original.path} has frames 0-{len(seen.pts) - 1}, not {frames.start}-{frames.stop - 1}"
        )
    base = Fraction(1, original.time_base.denominator)
    ticks = seen.pts * original.time_base.numerator
    if frames.stop < len(ticks):
        end = int(ticks[frames.stop])
    else:
        end = int(ticks[0]) + round(original.duration / base)
    kept = ticks[frames.start : frames.stop]
    return FrameTimes(kept, max(1, end - int(kept[-1])), base), int(kept[0]) * base, end * base


def mux_streams(
    segments: Sequence[Path],
    out: Path,
    times: FrameTimes,
    source: CopySource,
    metadata: Metadata = NO_METADATA,
) -> tuple[str, ...]:
    """Copies packets of segments, and of a source's other streams, into ``out``, atomically.

    Result and errors are those of ``join_segments``.
    """
    ranks = _rank_packets(segments, len(times.pts))
    suffix = out.suffix.lower()
    with (
        SoundCopy(source, suffix) as sounds,
        SideStreamCopy(source, suffix, metadata) as sides,
        atomic_file(out) as temporary,
        writing(out),
    ):
        starts = sounds.find_first_times()
        shift = _compute_matroska_shift(out, times, starts)
        times = times.moved(shift)
        # Of a timecode track, which Matroska hasn't.
        rate = None if metadata.timecode is None or suffix == ".mkv" else metadata.timecode_rate
        if rate is not None and (1 / rate / times.time_base).denominator > 1:
            times = times.refined(rate.numerator)  # the track counts frames in the picture's ticks
        options = _choose_muxer_options(times, starts, sounds.time_bases)
        options["movflags"] += metadata.muxer_flags(suffix)
        container = open_output(temporary, times.time_base, options)
        with container, _open_segment(segments[0]) as template:
            stream = _add_video(container, template.streams.video[0], times.time_base)
            sounds.add_streams(container)
            sides.add_streams(container)
            if rate is not None:
                stream.codec_context.framerate = rate
            metadata.moved(shift).write(container, stream)
            # Times are compared in ticks of one clock, whole numbers: fractions take ten times as long.
            clock = math.lcm(times.time_base.denominator, *(base.denominator for base in sounds.time_bases))
            others = ((time * clock, packet) for time, packet in sides.packets(shift))
            video = _retime_packets(segments, stream, times, ranks, clock)
            for _, packet in heapq.merge(video, sounds.packets(shift, clock), others, key=itemgetter(0)):
                container.mux(packet)
                step()
        return sides.describe_losses()


def _add_video(container: Any, template: Any, time_base: Fraction) -> Any:
    stream = container.add_stream_from_template(template, opaque=True)
    stream.time_base = time_base
    if (template.sample_aspect_ratio or 1) != 1:  # which some codecs leave to the container
        stream.codec_context.sample_aspect_ratio = template.sample_aspect_ratio
    name = template.codec_context.codec.canonical_name
    if name == "prores" or (name == "hevc" and container.format.name != "matroska"):
        # Their four characters say more than the codec.
        stream.codec_context.codec_tag = template.codec_context.codec_tag
    return stream


def _open_segment(path: Path) -> Any:
    """Opens a file of ``ClipWriter`` so that every packet of it comes, edit list or not."""
    try:
        return open_known_format(path, ignore_editlist="1")
    except (FFmpegError, OSError) as error:
        problem = f"{path}: this segment cannot be read ({error.strerror}); render it again"
        raise OutputError(problem) from error


def _read_packets(path: Path) -> Iterator[Any]:
    with _open_segment(path) as container:
        yield from (packet for packet in container.demux(video=0) if packet.size > 0)


def _rank_packets(segments: Sequence[Path], expected: int) -> NDArray[np.int64]:
    """(N,) the position in display order of every packet in decoding order."""
    ranks: list[NDArray[np.int64]] = []
    held = 0
    headers = set()
    for segment in segments:
        with _open_segment(segment) as container:
            packets = container.demux(video=0)
            pts = np.array([packet.pts for packet in packets if packet.size > 0], np.int64)
            headers.add(container.streams.video[0].codec_context.extradata)
        ranks.append(held + np.argsort(np.argsort(pts)))
        held += len(pts)
    if held != expected:
        raise OutputError(f"the segments hold {held} frames, but {expected} belong there; render them again")
    if len(headers) != 1:
        raise OutputError("the segments were written with different options; render them again")
    return np.concatenate(ranks)


def _retime_packets(
    segments: Sequence[Path], stream: Any, times: FrameTimes, ranks: NDArray[np.int64], clock: int
) -> Iterator[tuple[int, Any]]:
    """(decoding time in ticks of ``clock`` a second, packet for the output), with the wanted times."""
    dts = compute_decoding_times(times.pts, ranks)
    durations = np.append(np.diff(times.pts), times.last_duration)
    ticks = clock // times.time_base.denominator
    wanted = zip(times.pts[ranks].tolist(), dts.tolist(), durations[ranks].tolist(), strict=True)
    packets = (packet for segment in segments for packet in _read_packets(segment))
    for packet, (shown, decoded, duration) in zip(packets, wanted, strict=True):
        packet.stream = stream
        packet.time_base = times.time_base
        packet.pts = shown
        packet.dts = decoded
        packet.duration = duration
        yield decoded * ticks, packet


def compute_decoding_times(pts: NDArray[np.int64], ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Computes strictly increasing decoding times, none after its presentation time.

    They are the presentation times in order, delayed by the largest number of packets that any frame
    waits for others; the first ones go before the first frame's time.

    Args:
        pts: (N,) in display order.
        ranks: (N,) display position of every packet in decoding order, as the result is.
    """
    delay = int((np.arange(len(ranks)) - ranks).max(initial=0))
    step = int(pts[1] - pts[0]) if len(pts) > 1 else 1
    before = pts[0] - step * np.arange(delay, 0, -1)
    return np.concatenate([before, pts[: len(pts) - delay]])


def _compute_matroska_shift(out: Path, times: FrameTimes, sounds: Sequence[Fraction]) -> Fraction:
    """Seconds, whole milliseconds, by which a Matroska file is late so that nothing is before zero."""
    if out.suffix.lower() != ".mkv":
        return Fraction(0)
    earliest = min([int(times.pts[0]) * times.time_base, *sounds])
    return math.ceil(max(Fraction(0), -earliest) / MILLISECOND) * MILLISECOND


def _choose_muxer_options(
    times: FrameTimes, sounds: Sequence[Fraction], bases: Sequence[Fraction]
) -> dict[str, str]:
    """Options that keep delays at the start exact: by default mp4 and mov round them to milliseconds."""
    options = {"movflags": "+faststart", "avoid_negative_ts": "disabled"}
    if times.pts[0] != 0 or any(start > 0 for start in sounds):
        options["movie_timescale"] = str(choose_movie_timescale([times.time_base, *bases]))
    return options
