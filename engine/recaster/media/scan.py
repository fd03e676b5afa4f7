"""One pass over a clip that decodes every frame: how many there are, when, and what is wrong."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recaster.errors import ClipError
from recaster.media.colour import HDR_TRANSFERS
from recaster.media.picture import Shape, look_of
from recaster.media.source import Damage, Source, check_file, sounds_of
from recaster.media.types import AudioStream, ColourTags

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT_SCANS = 256
"""Nine bytes a frame each; work on many clips asks for each of them more than once."""
END_TOLERANCE = Fraction(1, 2)
"""Seconds by which a file may end before the end it announces without a warning."""
RANDOM_ACCESS = ("mov", "matroska", "mpegts", "avi", "mxf")
"""Containers whose index finds key frames exactly."""


@dataclass(frozen=True, eq=False)
class Scan:
    """Everything one decoding pass tells about a clip.

    Attributes:
        pts: (N,) int64, presentation times in ticks of ``time_base``, strictly increasing.
        keys: (N,) bool, frames that decode without any other.
        last_duration: ticks that the last frame stays, 0 where the file does not say.
        time_base: seconds per tick.
        rates: what the file says its rate is, most trusted first.
        shape: how the picture is shown.
        seekable: whether decoding may start at a key frame with the same times.
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
    interlaced: bool
    codec: str
    pixel_format: str
    bit_depth: int
    colour: ColourTags
    audio: tuple[AudioStream, ...]
    warnings: tuple[str, ...]


def scan(path: Path) -> Scan:
    """Decode the whole clip once; the result is kept while the file stays the same.

    Raises:
        ClipError: the clip cannot be used at all.
    """
    path = Path(path)
    check_file(path)
    status = path.stat()
    return _scan(path.resolve(), status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=KEPT_SCANS)
def _scan(path: Path, modified: int, size: int) -> Scan:  # noqa: ARG001 (the cache's key)
    with Source(path, counting=True) as source:
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
        return _result(source, np.array(pts, np.int64), np.array(keys), first, last, interlaced=interlaced)


def _result(
    source: Source,
    pts: NDArray[np.int64],
    keys: NDArray[np.bool_],
    first: Any,
    last: Any,
    *,
    interlaced: bool,
) -> Scan:
    stream = source.stream
    shape, colour = look_of(first, source)
    audio = _audio(source, Fraction(int(pts[0])) * source.time_base)
    last_duration = int(last.duration or 0)
    end = (int(pts[-1]) + last_duration) * source.time_base
    warnings = (
        *_damage_warnings(source, len(pts), end),
        *_sound_warnings(source),
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
        seekable=_seekable(source),
        interlaced=interlaced,
        codec=stream.codec_context.codec.canonical_name,
        pixel_format=first.format.name,
        bit_depth=max(component.bits for component in first.format.components),
        colour=colour,
        audio=audio,
        warnings=warnings,
    )


def _seekable(source: Source) -> bool:
    names = source.container.format.name.split(",")
    return source.damage.repaired_times == 0 and any(name in names for name in RANDOM_ACCESS)


def _audio(source: Source, video_start: Fraction) -> tuple[AudioStream, ...]:
    streams = []
    for stream in sounds_of(source.container):
        starts, ends = source.damage.audio_starts, source.damage.audio_ends
        if stream.index not in starts:
            continue
        base: Fraction = stream.time_base
        start = starts[stream.index] if stream.start_time is None else stream.start_time * base
        duration = ends[stream.index] - start if stream.duration is None else stream.duration * base
        context = stream.codec_context
        streams.append(
            AudioStream(
                index=stream.index,
                codec=context.codec.canonical_name,
                channels=context.channels,
                sample_rate=context.sample_rate,
                offset=start - video_start,
                duration=duration,
                language=None if stream.language in (None, "und") else stream.language,
            )
        )
    return tuple(streams)


def _damage_warnings(source: Source, count: int, video_end: Fraction) -> list[str]:
    damage, warnings = source.damage, []
    announced = _announced_end(source)
    end = max([video_end, *damage.audio_ends.values()])
    if damage.cut_off is not None or (announced is not None and announced - end > END_TOLERANCE):
        says = "" if announced is None else f" of the {float(announced):.2f} s that it announces"
        warnings.append(f"cut off: only {float(end):.2f} s{says} could be read ({count} frames decode)")
    if damage.undecodable:
        warnings.append(f"damaged: {damage.undecodable} packets could not be decoded ({count} frames decode)")
    if damage.first_corrupt is not None:
        warnings.append(f"damaged: pictures are broken from frame {damage.first_corrupt} on")
    if damage.repaired_times:
        warnings.append(f"{damage.repaired_times} frames had no usable time and follow the one before")
    return warnings


def _sound_warnings(source: Source) -> list[str]:
    unknown = len(source.container.streams.audio) - len(sounds_of(source.container))
    if unknown == 0:
        return []
    tracks = "1 sound track has" if unknown == 1 else f"{unknown} sound tracks have"
    return [f"{tracks} an unknown format and will be missing in results"]


def _announced_end(source: Source) -> Fraction | None:
    container = source.container
    if container.duration is None:
        return None
    return Fraction(container.duration, 1_000_000)  # from zero in some formats, from the start in others


def _picture_warnings(damage: Damage, shape: Shape, colour: ColourTags, *, interlaced: bool) -> list[str]:
    warnings = []
    if len(damage.sizes) > 1:
        warnings.append(f"the picture size changes; every frame is scaled to {shape.width}x{shape.height}")
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
