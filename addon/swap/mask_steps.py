# SPDX-License-Identifier: GPL-3.0-or-later
"""Masks of swaps that are rendered a few frames at a time, so that Blender's window goes on meanwhile."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import bpy

from recaster.progress import Update

from .. import compat, messages
from ..engine import session
from ..engine.connection import BackgroundWork
from ..state import addon_state
from ..translations import translate
from .drawn_masks import render_steps
from .source_range import StripError
from .tasks import strip_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .drawn_masks import DrawnMasks
    from .source_range import SourceRange
    from .strip_choices import StripChoices
    from .tasks import SwapTask

TITLE = "Rendering masks"
PAUSE_S = 0.2
"""Seconds between two looks at whether Blender has time: it renders, saves, plays, or strips are dragged."""


class MaskRendering(BackgroundWork):
    """The rendering of the masks of swaps that share a range, in steps of Blender's main thread.

    ``stop`` ends it before its next step.
    """

    def __init__(
        self,
        steps: Generator[tuple[int, int], None, DrawnMasks],
        done: Callable[[DrawnMasks], None],
        failed: Callable[[str], None],
    ) -> None:
        """See ``begin``."""
        super().__init__(translate(TITLE))
        self._steps = steps
        self._done = done
        self._failed = failed

    def step(self) -> bool:
        """Renders some frames, and tells what came of it at the end; returns whether there is more to do."""
        try:
            try:
                done, count = next(self._steps)
            except StopIteration as ended:
                self._done(ended.value)
                return False
        except StripError as error:
            self._failed(str(error))
            return False
        except Exception as error:  # noqa: BLE001 - a timer that raises is never called again
            traceback.print_exc()
            self._failed(messages.of_error(error))
            return False
        self.update = Update("rendering masks", done, count)
        return True

    def close(self) -> None:
        """Gives up what was rendered."""
        self._steps.close()


def begin(
    tasks: list[SwapTask],
    choices: StripChoices,
    source: SourceRange,
    done: Callable[[DrawnMasks], None],
    failed: Callable[[str], None],
) -> MaskRendering | None:
    """Renders the masks of swaps that share a range, and tells of it; at once where there is no window.

    Args:
        tasks: the swaps; one whose strip is there is enough.
        choices: those of their strips.
        source: the range.
        done: takes the masks.
        failed: takes what went wrong, and what to do.

    Returns:
        The work that goes on; None where it has ended.
    """

    def find() -> Any:
        strip = find_strip(tasks)
        if strip is None:
            raise StripError(translate("Its strip isn't here any more"))
        return strip

    work = MaskRendering(render_steps(find, choices, source), done, failed)
    if bpy.app.background:
        while work.step():
            pass
        return None
    addon_state.mask_renderings.append(work)
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, persistent=True)
    return work


def find_strip(tasks: list[SwapTask]) -> Any | None:
    """Finds a strip of swaps that share a range and have not ended; None where none is there."""
    strips = (strip_of(task)[1] for task in tasks if not task.has_ended)
    return next((strip for strip in strips if strip is not None), None)


def busy_reason(strip: Any) -> str:
    """Says why a strip whose masks are rendered can't be swapped anew."""
    text = "Wait until the masks of {name} are rendered, or cancel that under Recaster > Jobs"
    return translate(text, name=strip.name)


def is_waiting_for_masks(task: SwapTask | None) -> bool:
    """Tells if a swap's masks are rendered now, or will be."""
    return task is not None and not task.has_ended and task.work in addon_state.mask_renderings


def stop_all() -> None:
    """Gives up all of it: the add-on is disabled."""
    for one in addon_state.mask_renderings:
        one.stop()
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    tick()


def tick() -> float | None:
    """Does one step of the rendering that was begun first; the timer's work, as long as there is one."""
    waiting = addon_state.mask_renderings
    for one in [one for one in waiting if one.is_stopped]:
        one.close()
        waiting.remove(one)
    if not waiting:
        return None
    if addon_state.is_saving or compat.is_rendering() or session.is_editing() or session.is_playing():
        return PAUSE_S
    first = waiting[0]
    goes_on = False
    try:
        goes_on = first.step()
    finally:
        if not goes_on:
            waiting.remove(first)
    return 0.0 if waiting else None
