"""Ranges of frames, written as "100-200", "3s-5.5s" or "00:01.5-"."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from recaster.errors import UsageError
from recaster.media.probe import scan
from recaster.settings.positions import CLOCK, FRAME, POSITION_HELP, SECONDS, refuse_other_dashes

if TYPE_CHECKING:
    from recaster.media.types import ClipInfo


def parse_range(text: str, info: ClipInfo) -> range:
    """Parses a text that names frames.

    Whole numbers are frame indices from 0, and the last one is included. Times are "3s", "2.5s",
    "1:02.5" or "0:01:02.5" after the clip's first frame: the range begins with the first frame that
    starts at or after the first time and ends before the first that starts at or after the second. One
    frame number alone is that frame; "-" is the whole clip.

    Raises:
        UsageError: not such a text, or not inside the clip; the message says what the clip has.
    """
    refuse_other_dashes(text)
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not dash and not FRAME.fullmatch(first):
        raise UsageError(f'"{text}" is not a range of frames: {POSITION_HELP}')
    last = last if dash else first
    start = _parse_position(first, info, text) if first else 0
    stop = _parse_position(last, info, text) + bool(FRAME.fullmatch(last)) if last else info.frame_count
    if start >= info.frame_count or stop > info.frame_count:
        raise _outside(text, info, first)
    if stop <= start:
        raise UsageError(f'"{text}" holds no frame of {info.path}: {POSITION_HELP}')
    return range(start, stop)


def parse_frame(text: str, info: ClipInfo) -> int:
    """Parses one frame: its index, or the time at or after which it starts (UsageError).

    Times after the last one's start, up to the clip's end, are that one.
    """
    frame = _parse_position(text.strip(), info, text)
    if frame == info.frame_count and not FRAME.fullmatch(text.strip()):
        return frame - 1
    if frame >= info.frame_count:
        raise _outside(text, info, text.strip())
    return frame


def _outside(text: str, info: ClipInfo, first: str) -> UsageError:
    """Error of what is not inside a clip, with a hint where a picture's number was meant."""
    there = f"it has frames 0-{info.frame_count - 1} ({float(info.duration):.3f} s)"
    start = info.first_number
    if start is not None and FRAME.fullmatch(first) and 0 <= int(first) - start < info.frame_count:
        there += f"; frames are counted from 0: picture {first} is about frame {int(first) - start}"
    return UsageError(f'"{text}" is not inside {info.path}: {there}')


def _parse_position(part: str, info: ClipInfo, text: str) -> int:
    if FRAME.fullmatch(part):
        return int(part)
    seconds = _parse_seconds(part)
    if seconds is None:
        raise UsageError(f'"{part}" in "{text}" is neither a frame nor a time: {POSITION_HELP}')
    return _find_frame(seconds, info)


def _parse_seconds(part: str) -> Fraction | None:
    if match := SECONDS.fullmatch(part):
        return Fraction(match[1])
    if match := CLOCK.fullmatch(part):
        return int(match[1] or 0) * 3600 + int(match[2]) * 60 + Fraction(match[3])
    return None


def _find_frame(seconds: Fraction, info: ClipInfo) -> int:
    """Finds the first frame that starts at or after a time; past the last frame of the clip: one too many."""
    frame = 1 / info.rate
    if seconds >= info.duration + frame:
        return info.frame_count + 1
    if not info.variable:
        return min(-int(-seconds * info.rate // 1), info.frame_count)
    pts = scan(info.path, info.reading).pts
    ticks = -int(-seconds / info.time_base // 1)
    return int(np.searchsorted(pts, pts[0] + ticks))
