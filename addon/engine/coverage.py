# SPDX-License-Identifier: GPL-3.0-or-later
"""Coverage of swaps: the number of swapped frames, and ranges of the others with the reasons."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import messages
from ..translations import translate, translate_count

MAX_RANGES = 200
MAX_FRAME = 100_000_000
MAX_REASON_LETTERS = 120


class Coverage(NamedTuple):
    """Frames of a result that were swapped, and those that were not.

    Attributes:
        frames: how many the result has.
        swapped: in how many the face was really swapped.
        ranges: first and last frame of the others, counted from the result's first, and why.
        covered: of a result in which nobody may be known, in how many frames heads are covered instead; the
            reasons of its ranges are names of ``anonymity.REASONS``. None of all others.
    """

    frames: int
    swapped: int
    ranges: tuple[tuple[int, int, str], ...] = ()
    covered: int | None = None

    @property
    def is_whole(self) -> bool:
        """Tells if every frame was swapped."""
        return self.covered is not None or self.swapped >= self.frames

    @property
    def line(self) -> str:
        """The numbers in a few words."""
        if self.covered is None:
            text = "{swapped} of {frames} frames swapped"
            return translate(text, swapped=self.swapped, frames=self.frames)
        return translate_count(
            "Nobody is known in the {count} frame: {swapped} swapped, {covered} with a covered head",
            "Nobody is known in any of {count} frames: {swapped} swapped, {covered} with a covered head",
            self.frames,
            swapped=self.swapped,
            covered=self.covered,
        )


def coverage_of(job: Any) -> Coverage | None:
    """Returns the coverage that a job reports; None where its engine is older than that."""
    if not job.result.HasField("coverage"):
        return None
    said = job.result.coverage
    begin = said.first
    found = [(one.first - begin, one.last - begin, one.sentence) for one in said.ranges[:MAX_RANGES]]
    return parse_coverage(said.frames, said.swapped, found)


def parse_coverage(frames: Any, swapped: Any, ranges: Any, covered: Any = None) -> Coverage:
    """Checks what an engine or a file says: plain numbers and text (ValueError, TypeError)."""
    found = []
    for first, last, why in ranges[:MAX_RANGES]:
        begin = _frame_number(first)
        end = _frame_number(last)
        found.append((begin, max(begin, end), messages.text(why, MAX_REASON_LETTERS)))
    heads = None if covered is None else _frame_number(covered)
    return Coverage(_frame_number(frames), _frame_number(swapped), tuple(found), heads)


def _frame_number(value: Any) -> int:
    return min(max(int(value), 0), MAX_FRAME)
