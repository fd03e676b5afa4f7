# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks of swaps on the timeline, as data: progress, a result's place, failure, other settings since."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from .. import compat
from ..engine import jobs, session
from ..state import addon_state
from ..swap import placement, versions
from ..swap.tasks import SwapStage, SwapTask

STEPS = 50
"""Steps of a bar: it isn't drawn anew for less."""
MAX_LOOKED = 4
"""Results that are compared with their strips' settings in one go."""
PROGRESS = "progress"
GHOST = "ghost"
FAILED = "failed"
CHANGED = "changed"


class StripMark(NamedTuple):
    """A mark on the timeline.

    Attributes:
        kind: PROGRESS, GHOST (of a result to come), FAILED, or CHANGED (settings, since it was made).
        left: the first frame.
        right: the frame after the last.
        channel: that it lies on.
        share: how much is done.
    """

    kind: str
    left: int
    right: int
    channel: int
    share: float = 0.0


def read_progress() -> dict[str, tuple[str, float]]:
    """The kinds of marks of all swaps, and how much is done, by request."""
    found = {}
    for task in addon_state.tasks.values():
        if task.stage == SwapStage.FAILED:
            found[task.request] = FAILED, 0.0
        elif not task.has_ended:
            found[task.request] = PROGRESS, math.floor(share_of(task) * STEPS) / STEPS
    return found


def share_of(task: SwapTask) -> float:
    """The share of a swap that is done, as far as is known."""
    job = session.last_engine_state().job(task.job) if task.stage == SwapStage.WORKING else None
    if job is not None:
        return jobs.job_line(job).share or 0.0
    if task.stage in (SwapStage.FETCHING, SwapStage.READY):
        return 1.0
    return 0.0


def update() -> None:
    """Lets timelines be drawn anew where marks of swaps have changed."""
    state = addon_state.monitor
    found = read_progress() if addon_state.tasks else {}
    if found != state.progress:
        state.progress = found
        session.redraw_timelines()
    if not session.is_playing():
        for scene in {compat.scene_of(context) for context in compat.editing_contexts()}:
            if scene is not None and scene.sequence_editor is not None:
                _look_for_changes(scene)


def _look_for_changes(scene: Any) -> None:
    """Compares some results with their strips, others the next time: that takes too long for all at once."""
    state = addon_state.monitor
    strips = _shown_strips(scene)
    by_uid = {one.recaster.uid: one for one in strips if one.recaster.uid}
    results = [one for one in strips if one.recaster.result_of in by_uid]
    for _ in range(min(MAX_LOOKED, len(results))):
        state.next_looked = (state.next_looked + 1) % len(results)
        result = results[state.next_looked]
        original = by_uid[result.recaster.result_of]
        version = versions.version_called(original, result.recaster.version)
        mark = scene.name, result.name
        is_changed = version is not None and versions.differs(original, scene, version)
        if is_changed != (mark in state.changed):
            (state.changed.add if is_changed else state.changed.discard)(mark)
            session.redraw_timelines()


def _shown_strips(scene: Any) -> list[Any]:
    editor = scene.sequence_editor
    return list(compat.strips_in(editor.meta_stack[-1] if len(editor.meta_stack) else editor))


def marks_of(scene: Any, first: float = -math.inf, last: float = math.inf) -> list[StripMark]:
    """The marks on the strips that a scene's sequencer shows, between two frames of the timeline."""
    strips = _shown_strips(scene)
    places = {one: (compat.left_handle(one), compat.right_handle(one), one.channel) for one in strips}
    layout = tuple(places.values())
    marks = []
    for strip, (left, right, channel) in places.items():
        if right < first or left > last:
            continue
        own = strip.recaster
        kind, share = addon_state.monitor.progress.get(own.request, ("", 0.0)) if own.request else ("", 0.0)
        if kind:
            marks.append(StripMark(kind, left, right, channel, share))
        if kind == PROGRESS:
            task = addon_state.tasks.get(own.request)
            above = [] if task is None else _ghosts_of(scene, strip, task, layout)
            marks += [StripMark(GHOST, left, right, one) for one in above]
        if (scene.name, strip.name) in addon_state.monitor.changed:
            marks.append(StripMark(CHANGED, left, right, channel))
    return marks


def _ghosts_of(scene: Any, strip: Any, task: SwapTask, layout: tuple[Any, ...]) -> list[int]:
    """The channels on which a swap's result will be; looked up anew when strips lie otherwise."""
    known = addon_state.monitor.ghosts.get(task.request)
    basis = layout, task.parts, strip.channel
    if known is None or known[0] != basis:
        channels = placement.channels_for(scene, strip, task.parts, task.replaces)
        known = addon_state.monitor.ghosts[task.request] = basis, channels
    return known[1]
