# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes of a swap's coverage on its result: kept with the strip, shown in frames of the timeline."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from .. import compat
from ..engine.coverage import Coverage, parse_coverage
from ..translations import translate, translate_count
from .anonymity import say_why
from .source_range import fraction

if TYPE_CHECKING:
    from fractions import Fraction

MAX_SHOWN_RANGES = 6
"""Ranges that are shown; the others are counted."""


def keep_coverage(result: Any, coverage: Coverage | None, time_scalar: Fraction) -> None:
    """Keeps it with a result's strip; ``time_scalar``: frames of the timeline for each of the file's."""
    value = coverage and {
        "frames": coverage.frames,
        "swapped": coverage.swapped,
        "ranges": coverage.ranges,
        "covered": coverage.covered,
        "pace": [time_scalar.numerator, time_scalar.denominator],
    }
    result.recaster.told = json.dumps(value) if value else ""


def lines_of(result: Any) -> tuple[Coverage, list[str]] | None:
    """Returns a strip's coverage, and its ranges in frames of the timeline; None where none is kept."""
    try:
        value = json.loads(result.recaster.told or "null")
        time_scalar = fraction(*(int(one) for one in value["pace"]))
        coverage = parse_coverage(value["frames"], value["swapped"], value["ranges"], value.get("covered"))
        placed = [
            (timeline_range(result, first, last, time_scalar), _say_why(coverage, why))
            for first, last, why in coverage.ranges
        ]
    except (ValueError, TypeError, KeyError, ArithmeticError):  # none, or somebody's own .blend
        return None
    if compat.retimed(result):  # which frames of the timeline they are can't be told
        return coverage, _count_by_reason(coverage)
    shown = [(*frames, why) for frames, why in placed if frames is not None]
    longest = sorted(shown, key=lambda one: one[0] - one[1])[:MAX_SHOWN_RANGES]
    found = [_say_range(*one) for one in sorted(longest)]
    rest = sum(one[1] - one[0] + 1 for one in shown if one not in longest)
    if rest:
        found.append(translate_count("And {count} more frame", "And {count} more frames", rest))
    return coverage, found


def _say_range(first: int, last: int, why: str) -> str:
    """A range of frames, and why they weren't swapped."""
    if first == last:
        return translate("Frame {frame}: {why}", frame=first, why=why)
    return translate("Frames {first} to {last}: {why}", first=first, last=last, why=why)


def _say_why(coverage: Coverage, why: str) -> str:
    """Says why frames of a range aren't swapped."""
    return translate(why) if coverage.covered is None else say_why(why)


def _count_by_reason(coverage: Coverage) -> list[str]:
    """The frames of each reason, by number alone."""
    counts: dict[str, int] = {}
    for first, last, why in coverage.ranges:
        counts[why] = counts.get(why, 0) + last - first + 1
    return [
        translate_count("{count} frame: {why}", "{count} frames: {why}", count, why=_say_why(coverage, why))
        for why, count in counts.items()
    ]


def timeline_range(result: Any, first: int, last: int, time_scalar: Fraction) -> tuple[int, int] | None:
    """Returns the frames of the timeline at which a result shows frames of its file; None for none."""
    span = compat.content_span(result)
    begin = compat.content_start(result)
    # As ``source_range.file_frame`` rounds: a frame of the file is shown up to half a frame before it is due.
    places = (one - compat.trimmed_start(result) for one in (first, last + 1))
    start, stop = (math.ceil((one - fraction(1, 2)) * time_scalar) for one in places)
    if getattr(result, "use_reverse_frames", False):
        start, stop = span - stop, span - start
    left = max(begin + start, compat.left_handle(result))
    right = min(begin + stop, compat.right_handle(result)) - 1
    return (left, right) if left <= right else None


def _frame_noun(count: int) -> str:
    return "frame" if count == 1 else "frames"
