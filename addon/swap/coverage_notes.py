# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes of a swap's coverage on its result: kept with the strip, shown in frames of the timeline."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

from .. import compat
from ..engine.coverage import Coverage, parse_coverage
from .source_range import HALF_FRAME

MAX_SHOWN_RANGES = 6
"""Ranges that are shown; the others are counted."""


def keep_coverage(result: Any, coverage: Coverage | None, time_scalar: Fraction) -> None:
    """Keeps it with a result's strip; ``time_scalar``: frames of the timeline for each of the file's."""
    value = coverage and {
        "frames": coverage.frames,
        "swapped": coverage.swapped,
        "ranges": coverage.ranges,
        "pace": [time_scalar.numerator, time_scalar.denominator],
    }
    result.recaster.told = json.dumps(value) if value else ""


def lines_of(result: Any) -> tuple[Coverage, list[str]] | None:
    """Returns a strip's coverage, and its ranges in frames of the timeline; None where none is kept."""
    try:
        value = json.loads(result.recaster.told or "null")
        time_scalar = Fraction(*(int(one) for one in value["pace"]))
        coverage = parse_coverage(value["frames"], value["swapped"], value["ranges"])
        placed = [
            (timeline_range(result, first, last, time_scalar), why) for first, last, why in coverage.ranges
        ]
    except (ValueError, TypeError, KeyError, ArithmeticError):  # none, or somebody's own .blend
        return None
    if compat.retimed(result):  # which frames of the timeline they are can't be told
        return coverage, _count_by_reason(coverage)
    shown = [(*frames, why) for frames, why in placed if frames is not None]
    longest = sorted(shown, key=lambda one: one[0] - one[1])[:MAX_SHOWN_RANGES]
    found = [
        f"Frames {first} to {last}: {why}" if first != last else f"Frame {first}: {why}"
        for first, last, why in sorted(longest)
    ]
    rest = sum(one[1] - one[0] + 1 for one in shown if one not in longest)
    return coverage, [*found, f"And {rest} more {_frame_noun(rest)}"] if rest else found


def _count_by_reason(coverage: Coverage) -> list[str]:
    """The frames of each reason, by number alone."""
    counts: dict[str, int] = {}
    for first, last, why in coverage.ranges:
        counts[why] = counts.get(why, 0) + last - first + 1
    return [f"{count} {_frame_noun(count)}: {why}" for why, count in counts.items()]


def timeline_range(result: Any, first: int, last: int, time_scalar: Fraction) -> tuple[int, int] | None:
    """Returns the frames of the timeline at which a result shows frames of its file; None for none."""
    span = compat.content_span(result)
    begin = compat.content_start(result)
    # As ``source_range.file_frame`` rounds: a frame of the file is shown up to half a frame before it is due.
    places = (one - compat.trimmed_start(result) for one in (first, last + 1))
    start, stop = (math.ceil((one - HALF_FRAME) * time_scalar) for one in places)
    if getattr(result, "use_reverse_frames", False):
        start, stop = span - stop, span - start
    left = max(begin + start, compat.left_handle(result))
    right = min(begin + stop, compat.right_handle(result)) - 1
    return (left, right) if left <= right else None


def _frame_noun(count: int) -> str:
    return "frame" if count == 1 else "frames"
