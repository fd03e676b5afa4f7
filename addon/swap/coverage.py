# SPDX-License-Identifier: GPL-3.0-or-later
"""What a swap left undone, kept with its result: how many frames were swapped, and which weren't and why."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .. import compat, messages
from .source_range import HALF

MAX_SHOWN = 6
"""Ranges that are shown; the others are counted."""
MAX_KEPT = 200
MAX_FRAME = 100_000_000
MAX_LETTERS = 120


@dataclass(frozen=True)
class Told:
    """What came of a swap.

    Attributes:
        frames: how many the result has.
        swapped: in how many the face was really swapped.
        ranges: first and last frame of the others, counted from the result's first, and why.
    """

    frames: int
    swapped: int
    ranges: tuple[tuple[int, int, str], ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every frame was swapped."""
        return self.swapped >= self.frames

    @property
    def line(self) -> str:
        """In a few words."""
        return f"{self.swapped} of {self.frames} frames swapped"


def of_job(job: Any) -> Told | None:
    """What a job says of its swap; None where its engine is older than that."""
    if not job.result.HasField("coverage"):
        return None
    said = job.result.coverage
    begin = said.first
    found = [(one.first - begin, one.last - begin, one.sentence) for one in said.ranges[:MAX_KEPT]]
    return _checked(said.frames, said.swapped, found)


def keep(result: Any, told: Told | None, pace: Fraction) -> None:
    """Keep it with a result's strip; ``pace``: frames of the timeline for each of the file's."""
    value = told and {
        "frames": told.frames,
        "swapped": told.swapped,
        "ranges": told.ranges,
        "pace": [pace.numerator, pace.denominator],
    }
    result.recaster.told = json.dumps(value) if value else ""


def lines_of(result: Any) -> tuple[Told, list[str]] | None:
    """What is kept with a strip, and its ranges in frames of the timeline; None where nothing is."""
    try:
        value = json.loads(result.recaster.told or "null")
        pace = Fraction(*(int(one) for one in value["pace"]))
        told = _checked(value["frames"], value["swapped"], value["ranges"])
        placed = [(_placed(result, first, last, pace), why) for first, last, why in told.ranges]
    except (ValueError, TypeError, KeyError, ArithmeticError):  # none, or somebody's own .blend
        return None
    if compat.retimed(result):  # which frames of the timeline they are can't be told
        return told, _counted(told)
    shown = [(*frames, why) for frames, why in placed if frames is not None]
    longest = sorted(shown, key=lambda one: one[0] - one[1])[:MAX_SHOWN]
    found = [
        f"Frames {first} to {last}: {why}" if first != last else f"Frame {first}: {why}"
        for first, last, why in sorted(longest)
    ]
    rest = sum(one[1] - one[0] + 1 for one in shown if one not in longest)
    return told, [*found, f"And {rest} more {_frames(rest)}"] if rest else found


def _counted(told: Told) -> list[str]:
    """The frames of each reason, by number alone."""
    counts: dict[str, int] = {}
    for first, last, why in told.ranges:
        counts[why] = counts.get(why, 0) + last - first + 1
    return [f"{count} {_frames(count)}: {why}" for why, count in counts.items()]


def _placed(result: Any, first: int, last: int, pace: Fraction) -> tuple[int, int] | None:
    """Where a result shows frames of its file, as far as its handles reach; None where it doesn't."""
    span, begin = compat.content_span(result), compat.content_start(result)
    # As ``shots.file_frame`` rounds: a frame of the file is shown up to half a frame before it is due.
    places = (one - compat.trimmed_start(result) for one in (first, last + 1))
    start, stop = (math.ceil((one - HALF) * pace) for one in places)
    if getattr(result, "use_reverse_frames", False):
        start, stop = span - stop, span - start
    left = max(begin + start, compat.left_handle(result))
    right = min(begin + stop, compat.right_handle(result)) - 1
    return (left, right) if left <= right else None


def _checked(frames: Any, swapped: Any, ranges: Any) -> Told:
    """What an engine or a file says, as plain numbers and text (ValueError, TypeError)."""
    found = []
    for first, last, why in ranges[:MAX_KEPT]:
        begin, end = _number(first), _number(last)
        found.append((begin, max(begin, end), messages.text(why, MAX_LETTERS)))
    return Told(_number(frames), _number(swapped), tuple(found))


def _number(value: Any) -> int:
    return min(max(int(value), 0), MAX_FRAME)


def _frames(count: int) -> str:
    return "frame" if count == 1 else "frames"
