"""Facts about a clip, found by decoding all of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recaster.media.scan import Scan, scan
from recaster.media.types import ClipInfo

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUNDING_TICKS = 1
"""Ticks between the most early and the most late timestamp of a constant rate that was rounded."""
MIN_TICKS_PER_FRAME = 4
"""Ticks a frame at least, for uneven steps to pass for rounding: below, they are dropped frames."""
NTSC = Fraction(1000, 1001)
FALLBACK_RATE = Fraction(25)


def probe(path: Path) -> ClipInfo:
    """Probes a clip: every frame is decoded, so that the count is of frames that can be had.

    The rate of a clip with even timestamps is exact (24000/1001, not 23.976); of a variable one it
    is frames over duration. Rates that the file states are used only where its timestamps agree.

    Raises:
        ClipError: missing, a folder, empty, not a video, only sound, or cut off before its index.
    """
    path = Path(path)
    seen = scan(path)
    constant = find_constant_rate(seen.pts, seen.time_base, seen.rates)
    duration = _compute_duration(seen, constant)
    return ClipInfo(
        path=path,
        width=seen.shape.width,
        height=seen.shape.height,
        frame_count=len(seen.pts),
        rate=constant if constant is not None else len(seen.pts) / duration,
        variable=constant is None,
        duration=duration,
        time_base=seen.time_base,
        rotation=seen.shape.rotation,
        sample_aspect=seen.shape.aspect,
        codec=seen.codec,
        pixel_format=seen.pixel_format,
        bit_depth=seen.bit_depth,
        interlaced=seen.interlaced,
        colour=seen.colour,
        audio=seen.audio,
        warnings=seen.warnings,
    )


def find_constant_rate(
    pts: NDArray[np.int64], time_base: Fraction, stated: tuple[Fraction, ...] = ()
) -> Fraction | None:
    """Finds the rate of evenly spaced timestamps in frames a second, or None where they are not even.

    Timestamps rounded to their time base (1 ms in Matroska) count as even; the rate is then the
    stated or usual one that they fit.

    Args:
        pts: (N,) strictly increasing ticks.
        time_base: seconds per tick.
        stated: rates to try first.
    """
    if len(pts) == 1:
        return next(iter(stated), FALLBACK_RATE)
    steps = np.diff(pts)
    if (steps == steps[0]).all():
        return 1 / (int(steps[0]) * time_base)
    mean = Fraction(int(pts[-1] - pts[0]), len(pts) - 1)
    if mean < MIN_TICKS_PER_FRAME or not _is_on_grid(
        pts, mean, 2 * ROUNDING_TICKS
    ):  # its ends are rounded as well
        return None
    rate = 1 / (mean * time_base)
    near = [Fraction(round(2 * rate), 2), Fraction(round(2 * rate / NTSC), 2) * NTSC]
    near.sort(key=lambda usual: abs(usual - rate))
    guesses = [guess for guess in stated if _is_usual(guess)] + near + list(stated)
    return next(
        (
            guess
            for guess in guesses
            if guess > 0 and _is_on_grid(pts, 1 / (guess * time_base), ROUNDING_TICKS)
        ),
        rate,
    )


def _is_usual(rate: Fraction) -> bool:
    """Tells whether a rate is a whole or half number of frames a second, or one of the NTSC family."""
    return (2 * rate).denominator == 1 or (2 * rate / NTSC).denominator == 1


def _is_on_grid(pts: NDArray[np.int64], step: Fraction, slack: int) -> bool:
    """Tells whether timestamps lie on an even grid of ``step`` ticks within a band of ``slack`` ticks."""
    count = np.arange(len(pts), dtype=np.int64)
    off = (pts - pts[0]) * step.denominator - count * step.numerator
    return int(off.max()) - int(off.min()) <= slack * step.denominator


def _compute_duration(seen: Scan, constant: Fraction | None) -> Fraction:
    span = int(seen.pts[-1] - seen.pts[0]) * seen.time_base
    if constant is not None:
        return len(seen.pts) / constant
    if seen.last_duration > 0:
        return span + seen.last_duration * seen.time_base
    return span * len(seen.pts) / (len(seen.pts) - 1)
