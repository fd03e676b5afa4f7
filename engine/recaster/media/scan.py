"""One pass over a clip that decodes every frame: how many there are, when, and what is wrong."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recaster.errors import ClipError
from recaster.media.colour_tags import HDR_TRANSFERS
from recaster.media.decoder import ClipDecoder, Damage, check_file, describe_stream, list_copyable_sounds
from recaster.media.extras import list_unkept
from recaster.media.picture import Shape, read_presentation
from recaster.media.types import AudioStream, ColourTags

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.media.timeline import Timeline

KEPT_SCANS = 256
"""Nine bytes a frame each; work on many clips asks for each of them more than once."""
END_TOLERANCE = Fraction(1, 2)
"""Seconds by which a file may end before the end it announces without a warning."""
RANDOM_ACCESS = ("mov", "matroska", "mpegts", "avi", "mxf")
"""Containers whose index finds key frames exactly."""


@dataclass(frozen=True, eq=False)
class Scan:
    """Findings of one decoding pass over a clip.

    Attributes:
        pts: (N,) int64, presentation times in ticks of ``time_base``, strictly increasing.
        keys: (N,) bool, frames that decode without any other.
        last_duration: ticks that the last frame stays, 0 where the file does not say.
        time_base: seconds per tick.
        rates: what the file says its rate is, most trusted first.
        shape: how the picture is shown.
        seekable: whether decoding may start at a key frame with the same times.
        jumps: seconds by which the times after each closed jump of the file's clock are moved.
        interlaced: whether any frame holds two fields.
        codec: the codec's name.
        pixel_format: ffmpeg's name.
        bit_depth: bits of one component.
        colour: colour tags.
        audio: audio streams.
        warnings: what was survived.
    """

    pts: NDArray[np.int64]
    keys: NDArray[np.bool_]
    last_duration: int
    time_base: Fraction
    rates: tuple[Fraction, ...]
    shape: Shape
    seekable: bool
    jumps: tuple[Fraction, ...]
    interlaced: bool
    codec: str
    pixel_format: str
    bit_depth: int
    colour: ColourTags
    audio: tuple[AudioStream, ...]
    warnings: tuple[str, ...]


def scan(path: Path) -> Scan:
    """Decodes the whole clip once; the result is kept while the file stays the same.

    Raises:
        ClipError: the clip cannot be used at all.
    """
    path = Path(path)
    check_file(path)
    status = path.stat()
    return _scan(path.absolute(), status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=KEPT_SCANS)
def _scan(path: Path, modified: int, size: int) -> Scan:  # noqa: ARG001 (the cache's key)
    with ClipDecoder(path, counting=True) as source:
        pts: list[int] = []
        keys: list[bool] = []
        interlaced = False
        first: Any = None
        last: Any = None
        for decoded in source.decode():
            pts.append(decoded.pts)
            keys.append(bool(decoded.picture.key_frame))
            interlaced = interlaced or decoded.picture.interlaced_frame
            last = decoded.picture
            first = first or last
        if first is None:
            raise ClipError(f"{path}: no frame of it can be decoded; the file is broken")
        return _build_scan(
            source, np.array(pts, np.int64), np.array(keys), first, last, interlaced=interlaced
        )


def _build_scan(
    source: ClipDecoder,
    pts: NDArray[np.int64],
    keys: NDArray[np.bool_],
    first: Any,
    last: Any,
    *,
    interlaced: bool,
) -> Scan:
    stream = source.stream
    shape, colour = read_presentation(first, source)
    audio = _read_audio_streams(source, Fraction(int(pts[0])) * source.time_base)
    last_duration = int(last.duration or 0)
    end = (int(pts[-1]) + last_duration) * source.time_base
    warnings = (
        *_damage_warnings(source, len(pts), end),
        *_sound_warnings(source),
        *_stream_warnings(source, first),
        *_picture_warnings(source.damage, shape, colour, interlaced=interlaced),
    )
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return Scan(
        pts=pts,
        keys=keys,
        last_duration=last_duration,
        time_base=source.time_base,
        rates=tuple(rate for rate in rates if rate),
        shape=shape,
        seekable=_is_seekable(source),
        jumps=tuple(source.timeline.jumps),
        interlaced=interlaced,
        codec=stream.codec_context.codec.canonical_name,
        pixel_format=first.format.name,
        bit_depth=max(component.bits for component in first.format.components),
        colour=colour,
        audio=audio,
        warnings=warnings,
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


def _damage_warnings(source: ClipDecoder, count: int, video_end: Fraction) -> list[str]:
    damage = source.damage
    warnings = []
    missing = _describe_missing_end(source, video_end)
    if damage.cut_off is not None or missing is not None:
        warnings.append(
            f"cut off: only {missing or _format_seconds(video_end)} could be read ({count} frames decode)"
        )
    if damage.undecodable:
        warnings.append(f"damaged: {damage.undecodable} packets could not be decoded ({count} frames decode)")
    if damage.first_corrupt is not None:
        warnings.append(f"damaged: pictures are broken from frame {damage.first_corrupt} on")
    return warnings + _time_warnings(source.timeline)


def _time_warnings(timeline: Timeline) -> list[str]:
    warnings = []
    if timeline.jumps:
        times = "once" if len(timeline.jumps) == 1 else f"{len(timeline.jumps)} times"
        warnings.append(
            f"its clock jumps {times}; what follows a jump is placed right after what is before it"
        )
    if timeline.made_from is not None:
        rate = f"{float(timeline.made_from):.6g}"
        warnings.append(f"it holds frames without times; they are placed at {rate} frames/s")
    if timeline.repaired:
        warnings.append(f"{timeline.repaired} frames had no usable time and follow the one before")
    return warnings


def _describe_missing_end(source: ClipDecoder, video_end: Fraction) -> str | None:
    """Describes how much of the announced length was there; None for all of it, or if none is announced."""
    spans = [span for index in source.damage.sounds if (span := source.find_sound_span(index)) is not None]
    end = max([video_end, *(span[1] for span in spans)])
    announced = source.container.duration
    if announced is None or source.timeline.jumps:  # after a jump, the announced end is another clock's
        return None
    length = Fraction(announced, 1_000_000)  # from zero in some formats, from the start in others
    begin = Fraction(min(source.container.start_time or 0, 0), 1_000_000)
    if length - (end - begin) <= END_TOLERANCE:
        return None
    return f"{_format_seconds(end - begin)} of the {_format_seconds(length)} that it announces"


def _format_seconds(length: Fraction) -> str:
    return f"{float(length):.2f} s"


def _sound_warnings(source: ClipDecoder) -> list[str]:
    unknown = len(source.container.streams.audio) - len(list_copyable_sounds(source.container))
    if unknown == 0:
        return []
    tracks = "1 sound track has" if unknown == 1 else f"{unknown} sound tracks have"
    return [f"{tracks} an unknown format and will be missing in results"]


def _stream_warnings(source: ClipDecoder, picture: Any) -> list[str]:
    warnings = []
    others = [describe_stream(stream) for stream in source.list_other_pictures()]
    if others:
        warnings.append(
            f"picture stream {source.stream.index} is used; others are left out: {', '.join(others)}"
        )
    dropped = list_unkept(source.container, source.stream, picture)
    if dropped:
        warnings.append(f"results don't keep: {', '.join(dropped)}")
    return warnings


def _picture_warnings(damage: Damage, shape: Shape, colour: ColourTags, *, interlaced: bool) -> list[str]:
    warnings = []
    if len({layout[:2] for layout in damage.layouts}) > 1:
        warnings.append(f"the picture size changes; every frame is scaled to {shape.width}x{shape.height}")
    if len({layout[2] for layout in damage.layouts}) > 1:
        warnings.append("the pixel format changes; every frame is brought to that of the first")
    warnings += [f"ignored: {what}" for what in shape.ignored]
    if shape.mirrored:
        warnings.append("stored mirrored; read as a player shows it")
    if interlaced:
        warnings.append("interlaced: each frame is deinterlaced to one picture")
    if colour.transfer in HDR_TRANSFERS:
        name = HDR_TRANSFERS[colour.transfer]
        warnings.append(
            f"HDR ({name}): code values are kept, not tone-mapped; pictures look flat on a plain screen"
        )
    return warnings
