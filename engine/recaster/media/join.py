"""Encoded segments and the original's sound to one clip, by copying packets."""

from __future__ import annotations

import heapq
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from recaster.errors import OutputError
from recaster.files import atomic_path
from recaster.media.scan import Scan, scan
from recaster.media.sound import Sound, SoundTrack, check_sound
from recaster.media.writer import (
    SEGMENT_SUFFIX,
    ClipWriter,
    WriterOptions,
    check_encoding,
    open_output,
    writing,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from recaster.media.types import ClipInfo, Frame

MILLISECOND = Fraction(1, 1000)


def check_output(out: Path, original: ClipInfo, options: WriterOptions | None = None) -> None:
    """Make sure, before hours of work, that ``out`` can hold the picture and every sound of a clip.

    Raises:
        UsageError: it cannot; the message says what to use instead.
    """
    check_encoding(Path(out), original, options or WriterOptions())
    check_sound(original.path, Path(out))


def join_segments(
    segments: Sequence[Path],
    original: ClipInfo,
    out: Path,
    frames: range,
    options: WriterOptions | None = None,
) -> None:
    """Put segments one after another and add every audio stream of the original, unchanged.

    Nothing is encoded again: the result decodes to exactly the frames of the segments, at exactly the
    original's times (.mkv rounds them to milliseconds). Frames from the clip's first one on keep their
    timestamps; a range that begins later starts at zero, its sound moved along and cut to it, by whole
    packets. Matroska cannot hold times before zero (the lead-in of AAC): there, everything is moved by
    the same few milliseconds. The same segments give the same bytes.

    Args:
        segments: files of ``ClipWriter``, in order, written with the same options.
        original: the clip whose times and sound are taken.
        out: the result, .mp4, .mov or .mkv.
        frames: which frames of the original the segments hold.
        options: those of the segments.

    Raises:
        UsageError: the container cannot hold the codec or a sound.
        OutputError: the segments do not hold these frames, differ in their encoding, or writing failed.
        ClipError: the original cannot be read any more.
    """
    out = Path(out)
    check_output(out, original, options)
    seen = scan(original.path)
    pts, end = _ticks(seen, frames, original)
    begin = seen.pts[frames.start] * seen.time_base
    start = begin if frames.start > 0 else None
    stop = end if frames.stop < len(seen.pts) else None
    sound = Sound(original.path, shift=-(start or Fraction(0)), start=start, stop=stop)
    base = Fraction(1, seen.time_base.denominator)
    join_with_sound(segments, out, Times(pts, round(end / base) - int(pts[-1]) - _moved(seen, frames), base), sound)
