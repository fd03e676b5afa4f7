# SPDX-License-Identifier: GPL-3.0-or-later
"""Swaps of the open file that are on their way, and the strips that they are for."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat
from ..state import addon_state
from .result_parts import FRAME

if TYPE_CHECKING:
    from pathlib import Path

    from ..engine.connection import BackgroundWork
    from ..engine.coverage import Coverage
    from .drawn_masks import DrawnMasks
    from .source_range import SourceRange
    from .strip_choices import StripChoices


class SwapStage(StrEnum):
    """Stages of a swap, from the button to the timeline."""

    SENDING = "sending"
    WAITING = "waiting"
    """For the engine to answer."""
    WORKING = "working"
    FETCHING = "fetching"
    READY = "ready"
    """To be placed."""
    PLACED = "placed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(eq=False, repr=False)
class SwapTask:
    """One swap on its way.

    Attributes:
        request: its name, at the engine too where no other strip shares its range.
        uid: the strip's name among swaps.
        title: the strip's name.
        scene: the scene's name.
        content_offset: frames of the timeline from the beginning of the strip's content to the first that
            is swapped.
        fingerprint: what must not change about the strip meanwhile (``strip_fingerprint``).
        stage: how far it is.
        trouble: what went wrong, and what to do.
        job: its job's id, once it is known.
        work: what is being done for it in a thread.
        files: the finished clips on this machine, by the parts of the result that they are.
        person: whose face in the picture is swapped (``strip_choices.swapped_person``).
        coverage: what its engine says of its frames; None where that isn't known.
        is_recoverable: whether its result may come all the same, although it has failed.
        parts: of the result, that are wanted (``result_parts.PARTS``).
        adds_person: whether results of other people stay.
        shared: the range that it is swapped in with other strips, as "request of all:number"; "" for its own.
        asked: that range as it was when it was asked for; None after the file was opened again.
        is_faceless: whether it failed because nobody was found.
        settings: how it is swapped, as JSON (``versions.read_settings``).
        masks: those that were rendered for it, until its engine has them and its job.
        errand: what is asked for: ``anonymity.ANONYMISE``, or "" for a swap.
    """

    request: str
    uid: str
    title: str
    scene: str
    content_offset: int
    fingerprint: str
    stage: SwapStage = SwapStage.SENDING
    trouble: str = ""
    job: str = ""
    work: BackgroundWork | None = None
    files: dict[str, Path] = field(default_factory=dict)
    person: str = ""
    coverage: Coverage | None = None
    is_recoverable: bool = False
    parts: tuple[str, ...] = (FRAME,)
    adds_person: bool = False
    shared: str = ""
    asked: tuple[SourceRange, StripChoices] | None = None
    is_faceless: bool = False
    settings: str = ""
    masks: DrawnMasks | None = None
    errand: str = ""

    @property
    def job_request(self) -> str:
        """The name of its job at the engine."""
        return self.shared or self.request

    @property
    def batch(self) -> str:
        """The name of the swaps that were asked for at once; "" for one that was asked for alone."""
        return self.shared.partition(":")[0]

    def replaces(self, earlier: Any) -> bool:
        """Tells if an earlier result of its strip gives way to its own."""
        return not self.adds_person or earlier.recaster.made_for == self.person

    @property
    def has_ended(self) -> bool:
        """Tells if nothing more will happen by itself."""
        return self.stage in (SwapStage.PLACED, SwapStage.FAILED, SwapStage.CANCELLED)


def ranges_in(stage: SwapStage) -> list[list[SwapTask]]:
    """All swaps in a stage, those together that share a range."""
    ranges: dict[str, list[SwapTask]] = {}
    for task in addon_state.tasks.values():
        if task.stage == stage:
            ranges.setdefault(task.job_request, []).append(task)
    return list(ranges.values())


def sharers(task: SwapTask) -> list[SwapTask]:
    """The other swaps of a swap's range."""
    others = addon_state.tasks.values()
    return [one for one in others if one is not task and one.shared and one.shared == task.shared]


def mark_settled(task: SwapTask) -> None:
    """Nobody waits for this swap any more: no copy of its strip, and not when the file is opened again."""
    for _, strip in every_strip():
        if strip.recaster.request == task.request:
            strip.recaster.pending = False


def strip_settings_of(task: SwapTask) -> Any | None:
    """Returns the settings of a swap's strip; None where that is gone, or has been swapped again since."""
    _, strip = strip_of(task)
    return strip.recaster if strip is not None and strip.recaster.request == task.request else None


def strip_of(task: SwapTask) -> tuple[Any, Any]:
    """The scene and the strip of a swap, or twice None.

    Copies share a strip's name among swaps; undo can take it away: then the name that people see counts.
    """
    called = strips_called(task.uid)
    taken = {one.uid for one in addon_state.tasks.values() if not one.has_ended}
    alike = [
        one
        for one in every_strip()
        if one[0].name == task.scene and one[1].name == task.title and one[1].recaster.uid not in taken
    ]

    def fits(one: tuple[Any, Any]) -> tuple[bool, bool, bool]:
        scene, strip = one
        own = strip.recaster
        return own.request == task.request, scene.name == task.scene, strip.name == task.title

    return max(called, key=fits) if called else (alike or [(None, None)])[0]


def every_strip() -> list[tuple[Any, Any]]:
    """All scenes and strips of the file."""
    return [(scene, strip) for scene in bpy.data.scenes for strip in compat.all_strips(scene)]


def strips_called(uid: str) -> list[tuple[Any, Any]]:
    """Scenes and strips of this name among swaps."""
    return [one for one in every_strip() if uid and one[1].recaster.uid == uid]


def fail(task: SwapTask, why: str, *, for_good: bool = True) -> None:
    """Ends a swap that can't go on; ``for_good``: no result may come any more."""
    task.stage = SwapStage.FAILED
    task.trouble = why
    task.is_recoverable = not for_good
    task.masks = None
    if for_good:
        mark_settled(task)
