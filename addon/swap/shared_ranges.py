# SPDX-License-Identifier: GPL-3.0-or-later
"""Ranges of files that several strips show: each is swapped once, and its result serves all of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from .source_range import (
    FrameWindow,
    StripError,
    content_offset_of,
    frame_window_of,
    source_of,
    source_range_of,
    time_scalar_of,
)
from .strip_choices import StripChoices, check_choices

if TYPE_CHECKING:
    from collections.abc import Hashable

    from .source_range import SourceRange


class SharedRange(NamedTuple):
    """Frames of a file that are swapped once.

    Attributes:
        strips: all that show some of them.
        content_offsets: of each strip, frames of the timeline from where its content begins to the first
            frame that is swapped.
    """

    source: SourceRange
    choices: StripChoices
    strips: tuple[Any, ...]
    content_offsets: tuple[int, ...]


class RangeUse(NamedTuple):
    """A strip's own frames of its file; ``media`` is equal for strips that can share a result."""

    strip: Any
    media: Hashable
    window: FrameWindow
    choices: StripChoices

    @classmethod
    def of(cls, scene: Any, strip: Any) -> RangeUse:
        """Reads what a strip shows and how it is to be swapped (StripError: it can't be)."""
        source = source_range_of(strip, scene, strip.recaster.handles)
        choices = StripChoices.along(strip, scene)
        check_choices(choices, source)
        files = tuple(one.filename for one in strip.elements) if source.pictures else source.files
        # Strips that Blender stretches begin at other frames than those that it doesn't.
        wanted = choices.parts, choices.draft
        media = source.files[0].parent, files, source.rate, time_scalar_of(strip, scene), wanted
        return cls(strip, media, frame_window_of(strip, scene, strip.recaster.handles), choices)

    @property
    def stop(self) -> float:
        """The frame of the file after its last one."""
        return math.inf if self.window.count is None else self.window.first + self.window.count


def plan_ranges(scene: Any, strips: list[Any]) -> tuple[list[SharedRange], list[str]]:
    """Plans what is swapped for strips: ranges of a file that overlap or touch are one.

    Returns:
        The ranges in the order of their first strips, and what is wrong with strips that can't be swapped.
    """
    uses: dict[Hashable, list[RangeUse]] = {}
    troubles = []
    for strip in strips:
        try:
            use = RangeUse.of(scene, strip)
        except StripError as error:
            troubles.append(str(error))
            continue
        uses.setdefault((use.media, use.choices), []).append(use)
    joined = [join_uses(scene, part) for alike in uses.values() for part in _split_at_gaps(alike)]
    return sorted(joined, key=lambda one: min(map(strips.index, one.strips))), troubles


def _split_at_gaps(uses: list[RangeUse]) -> list[list[RangeUse]]:
    """Splits uses of one file where no strip shows any frames between them."""
    parts: list[list[RangeUse]] = []
    stop = -1.0
    for use in sorted(uses, key=lambda one: one.window.first):
        if use.window.first > stop:
            parts.append([])
        parts[-1].append(use)
        stop = max(stop, use.stop)
    return parts


def join_uses(scene: Any, uses: list[RangeUse]) -> SharedRange:
    """Joins uses of one file, from the first frame that any of them needs to the last (StripError)."""
    first = min(use.window.first for use in uses)
    stop = max(use.stop for use in uses)
    window = FrameWindow(0, first, None if math.isinf(stop) else int(stop) - first)
    strips = tuple(use.strip for use in uses)
    offsets = tuple(content_offset_of(strip, scene, window) for strip in strips)
    return SharedRange(source_of(strips[0], scene, window), uses[0].choices, strips, offsets)
