"""Facts about a clip, found by decoding all of it once: its frames, their times, and what is wrong."""

from __future__ import annotations

import dataclasses
import functools
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recaster.errors import ClipError
from recaster.media.decoder import ClipDecoder, check_file, list_copyable_sounds
from recaster.media.hdr_metadata import read_hdr_metadata
from recaster.media.metadata import list_side_streams, read_metadata
from recaster.media.picture import bit_depth, has_alpha, read_presentation
from recaster.media.remote_files import is_file, stat_file
from recaster.media.scan_warnings import list_warnings
from recaster.media.sequence_name import find_sequence, resolve_clip
from recaster.media.sequence_scan import scan_sequence
from recaster.media.still_file import refuse_several_pictures
from recaster.media.timeline import FALLBACK_RATE
from recaster.media.types import AudioStream, ClipInfo, Scan
from recaster.settings.reading import DEFAULT_READING, ReadOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

KEPT_SCANS = 256
"""Eight bytes a frame and more each; work on many clips asks for each of them more than once."""
RANDOM_ACCESS = ("mov", "matroska", "mpegts", "avi", "mxf")
"""Containers whose index finds key frames exactly."""
ROUNDING_TICKS = 1
"""Ticks between the most early and the most late timestamp of a constant rate that was rounded."""
MIN_TICKS_PER_FRAME = 4
"""Ticks a frame at least, for uneven steps to pass for rounding: below, they are dropped frames."""
NTSC = Fraction(1000, 1001)
_NOTED_SCANS: dict[tuple[Path, ReadOptions | None], Scan] = {}
"""By path, and of sequences options: a movie's scan doesn't depend on them."""
_KEPT_SCANS: dict[tuple[Path, int, int], Scan] = {}


def probe(path: Path, options: ReadOptions = DEFAULT_READING) -> ClipInfo:
    """Probes a clip: every frame is decoded, so that the count is of frames that can be had.

    The rate of a clip with even timestamps is exact (24000/1001, not 23.976); of a variable one it
    is frames over duration. Rates that the file states are used only where its timestamps agree. Of a
    sequence of pictures the headers are read, ``path`` becomes its pattern.

    Raises:
        ClipError: missing, a folder, empty, not a video, only sound, or cut off before its index; of a
            sequence a picture that is damaged or unlike the first.
        UsageError: a layer of pictures has to be named, or isn't there.
    """
    info = scan(path, options).info
    warnings = info.warnings
    # A movie says its rate and has no layers.
    if not info.is_sequence and options.frame_rate is not None:
        warnings += (f"ignored: a frame rate of {options.frame_rate}, for a movie has its own",)
    if not info.is_sequence and options.layer is not None:
        warnings += (f"ignored: the layer {options.layer}, for a movie has none",)
    place = resolve_clip(Path(path), is_still=options.stills)
    return dataclasses.replace(info, path=place, reading=options, warnings=warnings)


def scan(path: Path, options: ReadOptions = DEFAULT_READING) -> Scan:
    """Decodes the whole clip once, as ``probe``; the result is kept while the file stays the same."""
    path = Path(path)
    for key in (options, None):
        noted = _NOTED_SCANS.get((path.absolute(), key))
        if noted is not None:
            return noted
    if options.stills and is_file(path):
        refuse_several_pictures(path)
    sequence = find_sequence(path, is_still=options.stills)
    if sequence is not None:
        return scan_sequence(sequence, options)
    check_file(path)
    version = (path.absolute(), *stat_file(path))
    return _KEPT_SCANS.get(version) or _scan(*version)


def is_scanned(path: Path) -> bool:
    """Tells whether this process knows what a scan of a movie finds by another way than a pass over it."""
    return (path.absolute(), None) in _NOTED_SCANS or (path.absolute(), *stat_file(path)) in _KEPT_SCANS


def keep_scan(path: Path, found: Scan) -> None:
    """Keeps what a scan of a clip finds as long as its file stays the same."""
    _KEPT_SCANS[path.absolute(), *stat_file(path)] = found


def note_scan(path: Path, options: ReadOptions, found: Scan) -> None:
    """Notes for this process what a scan of a clip elsewhere found, so that not all of it is read.

    Args:
        path: as clips have it: a sequence's is its pattern.
    """
    _NOTED_SCANS[path.absolute(), options if found.info.is_sequence else None] = found


def forget_scan(path: Path, options: ReadOptions) -> None:
    """Forgets what ``note_scan`` noted."""
    for key in (options, None):
        _NOTED_SCANS.pop((path.absolute(), key), None)


@functools.lru_cache(maxsize=KEPT_SCANS)
def _scan(path: Path, modified: int, size: int) -> Scan:  # noqa: ARG001 (the cache's key)
    with ClipDecoder(path, counting=True) as source:
        times: list[int] = []
        keys: list[int] = []
        interlaced = False
        first: Any = None
        last: Any = None
        for decoded in source.decode():
            if decoded.picture.key_frame:
                keys.append(len(times))
            times.append(decoded.pts)
            interlaced = interlaced or decoded.picture.interlaced_frame
            last = decoded.picture
            first = first or last
        if first is None:
            raise ClipError(f"{path}: no frame of it can be decoded; the file is broken")
        pts = np.array(times, np.int64)
        return build_scan(source, pts, keys, first, int(last.duration or 0), interlaced=interlaced)


def build_scan(
    source: ClipDecoder,
    pts: NDArray[np.int64],
    keys: Sequence[int],
    first: Any,
    last_duration: int,
    *,
    interlaced: bool,
) -> Scan:
    """Gathers what the pictures of a clip told.

    Args:
        source: has noted what its pictures and sounds are like.
        keys: indices of key frames.
        first: the first picture.
        last_duration: ticks that the last one stays; 0 where the file does not say how long.
    """
    info = _build_info(source, pts, first, last_duration, interlaced=interlaced)
    seek_points = np.array(keys if _is_seekable(source) else [], np.int64)
    return Scan(info, pts, seek_points, tuple(source.timeline.jumps))


def _build_info(
    source: ClipDecoder, pts: NDArray[np.int64], first: Any, last_duration: int, *, interlaced: bool
) -> ClipInfo:
    """Gathers the facts."""
    stream = source.stream
    base = source.time_base
    shape, colour = read_presentation(first, source)
    stated = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    constant = find_constant_rate(pts, base, tuple(rate for rate in stated if rate))
    duration = _compute_duration(pts, base, last_duration, constant)
    end = (int(pts[-1]) + last_duration) * base
    return ClipInfo(
        path=source.path,
        shape=shape,
        frame_count=len(pts),
        rate=constant if constant is not None else len(pts) / duration,
        variable=constant is None,
        duration=duration,
        time_base=base,
        codec=stream.codec_context.codec.canonical_name,
        pixel_format=first.format.name,
        bit_depth=bit_depth(first),
        interlaced=interlaced,
        colour=colour,
        audio=_read_audio_streams(source, int(pts[0]) * base),
        side_streams=tuple(side for _, side in list_side_streams(source.container)),
        metadata=read_metadata(source, first, constant or stream.guessed_rate or FALLBACK_RATE),
        hdr=read_hdr_metadata(first),
        has_alpha=has_alpha(first),
        warnings=list_warnings(source, first, len(pts), end, (shape, colour), interlaced=interlaced),
    )


def _is_seekable(source: ClipDecoder) -> bool:
    names = source.container.format.name.split(",")
    timeline = source.timeline
    as_stated = timeline.repaired == 0 and timeline.made_from is None and not timeline.jumps
    return as_stated and any(name in names for name in RANDOM_ACCESS)


def _read_audio_streams(source: ClipDecoder, video_start: Fraction) -> tuple[AudioStream, ...]:
    streams = []
    for stream in list_copyable_sounds(source.container):
        span = source.find_sound_span(stream.index)
        if span is None:
            continue
        start, end = span
        base: Fraction = stream.time_base
        if not source.timeline.jumps:
            start = start if stream.start_time is None else stream.start_time * base
            end = end if stream.duration is None else start + stream.duration * base
        context = stream.codec_context
        streams.append(
            AudioStream(
                index=stream.index,
                codec=context.codec.canonical_name,
                channels=context.channels,
                sample_rate=context.sample_rate,
                offset=start - video_start,
                duration=end - start,
                language=None if stream.language in (None, "und") else stream.language,
            )
        )
    return tuple(streams)


def find_constant_rate(
    pts: NDArray[np.int64], time_base: Fraction, stated: tuple[Fraction, ...] = ()
) -> Fraction | None:
    """Finds the rate of evenly spaced timestamps in frames a second, or None where they are not even.

    Timestamps rounded to their time base (1 ms in Matroska) count as even; the rate is then the
    stated or usual one that they fit.

    Args:
        pts: (N,) strictly increasing ticks of ``time_base`` seconds.
        stated: rates to try first.
    """
    if len(pts) == 1:
        return next(iter(stated), FALLBACK_RATE)
    steps = np.diff(pts)
    if (steps == steps[0]).all():
        return 1 / (int(steps[0]) * time_base)
    mean = Fraction(int(pts[-1] - pts[0]), len(pts) - 1)
    # Its ends are rounded as well.
    if mean < MIN_TICKS_PER_FRAME or not _is_on_grid(pts, mean, 2 * ROUNDING_TICKS):
        return None
    rate = 1 / (mean * time_base)
    near = [Fraction(round(2 * rate), 2), Fraction(round(2 * rate / NTSC), 2) * NTSC]
    near.sort(key=lambda usual: abs(usual - rate))
    guesses = [guess for guess in stated if _is_usual(guess)] + near + list(stated)
    for guess in guesses:
        if guess > 0 and _is_on_grid(pts, 1 / (guess * time_base), ROUNDING_TICKS):
            return guess
    return rate


def _is_usual(rate: Fraction) -> bool:
    """Tells whether a rate is a whole or half number of frames a second, or one of the NTSC family."""
    return (2 * rate).denominator == 1 or (2 * rate / NTSC).denominator == 1


def _is_on_grid(pts: NDArray[np.int64], step: Fraction, slack: int) -> bool:
    """Tells whether timestamps lie on an even grid of ``step`` ticks within a band of ``slack`` ticks."""
    count = np.arange(len(pts), dtype=np.int64)
    off = (pts - pts[0]) * step.denominator - count * step.numerator
    return int(off.max()) - int(off.min()) <= slack * step.denominator


def _compute_duration(
    pts: NDArray[np.int64], time_base: Fraction, last_duration: int, constant: Fraction | None
) -> Fraction:
    if constant is not None:
        return len(pts) / constant
    ticks = int(pts[-1] - pts[0])
    if last_duration > 0:
        return (ticks + last_duration) * time_base
    return ticks * time_base * len(pts) / (len(pts) - 1)
