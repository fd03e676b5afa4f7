# SPDX-License-Identifier: GPL-3.0-or-later
"""The line about swaps in Blender's status bar, and the word when the last of them is done."""

from typing import Any

import bpy
from bpy.props import StringProperty

from ..engine import jobs, session
from ..state import addon_state
from ..swap import sending
from ..swap.tasks import SwapStage, SwapTask
from ..translations import translate, translate_count

REPORT_S = 0.05
"""Seconds after which a word is said; Blender shows what operators say that run by themselves."""


ENDED = {
    SwapStage.PLACED: ("{count} done", "Recaster: {count} swap done", "Recaster: {count} swaps done"),
    SwapStage.FAILED: ("{count} failed", "Recaster: {count} swap failed", "Recaster: {count} swaps failed"),
    SwapStage.CANCELLED: (
        "{count} canceled",
        "Recaster: {count} swap canceled",
        "Recaster: {count} swaps canceled",
    ),
}
"""What is said of swaps that have ended so: among others, and of one or several where all have."""


def line_of(tasks: list[SwapTask]) -> str:
    """The line about swaps that are on their way; "" for none."""
    if not tasks:
        return ""
    found = session.last_engine_state()
    jobs_of = {one.job: found.job(one.job) for one in tasks if one.stage == SwapStage.WORKING}
    times = [jobs.eta_s(job) for job in jobs_of.values() if job is not None]
    known = [one for one in times if one is not None]
    text = translate_count("Recaster: {count} swap", "Recaster: {count} swaps", len(tasks))
    rendered = [one.update for one in addon_state.mask_renderings if one.update is not None]
    if rendered:
        done = f"{rendered[0].done:.0f}"
        total = f"{rendered[0].total:.0f}"
        template = "{line}, rendering masks: frame {done} of {total}"
        return translate(template, line=text, done=done, total=total)
    return f"{text}, {jobs.format_duration(max(known))}" if known else text


def word_of(tasks: list[SwapTask]) -> str:
    """The word about swaps that have ended."""
    counts = {stage: sum(one.stage == stage for one in tasks) for stage in ENDED}
    said = [translate(ENDED[stage][0], count=count) for stage, count in counts.items() if count]
    if len(said) == 1:
        _, one, several = next(ENDED[stage] for stage, count in counts.items() if count)
        return translate_count(one, several, len(tasks))
    if not said:
        return ""
    return translate("Recaster: {count} swaps: {parts}", count=len(tasks), parts=", ".join(said))


def update() -> None:
    """Shows another line where it has changed; says a word when the last swap has ended."""
    state = addon_state.monitor
    tasks = [one for one in addon_state.tasks.values() if not one.has_ended]
    line = line_of(tasks)
    if line != state.status:
        state.status = line
        redraw_status_bars()
    if tasks:
        state.busy |= {one.request for one in tasks}
    elif state.busy:
        ended = [one for one in addon_state.tasks.values() if one.request in state.busy]
        state.busy = frozenset()
        _say(word_of(ended))


def redraw_status_bars() -> None:
    """Lets status bars show the line; not while an operator of Blender shows its keys there.

    To take a text away, Blender puts back what drew the bar when it first had one. Where that was before the
    add-on came (its installation sets one), what draws the line is taken away, too.
    """
    for window in bpy.context.window_manager.windows:
        if not window.modal_operators:
            window.workspace.status_text_set(None)
            bpy.types.STATUSBAR_HT_header.remove(_draw)
            bpy.types.STATUSBAR_HT_header.append(_draw)


def _say(word: str) -> None:
    windows = bpy.context.window_manager.windows
    if not word or not windows or bpy.app.background:
        return
    with bpy.context.temp_override(window=windows[0]):
        bpy.ops.recaster.say("INVOKE_DEFAULT", word=word)


class RECASTER_OT_say(bpy.types.Operator):
    """Say what has become of swaps"""

    bl_idname = "recaster.say"
    bl_label = "Say"
    bl_options = {"INTERNAL"}

    word: StringProperty()

    def invoke(self, context: Any, _event: Any) -> set[str]:
        """Waits for the next event: what is reported there is shown."""
        manager = context.window_manager
        self._timer = manager.event_timer_add(REPORT_S, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        """Says it."""
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        self.report({"INFO"}, self.word)
        return {"FINISHED"}


class RECASTER_OT_cancel_swaps(bpy.types.Operator):
    """Cancel all swaps of this file that are on their way"""

    bl_idname = "recaster.cancel_swaps"
    bl_label = "Cancel Swaps"
    bl_options = {"INTERNAL"}

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Asks where that is more than one."""
        if sum(not one.has_ended for one in addon_state.tasks.values()) > 1:
            asked: set[str] = context.window_manager.invoke_confirm(self, event)
            return asked
        return self.execute(context)

    def execute(self, _context: Any) -> set[str]:
        """Cancels them."""
        for task in addon_state.tasks.values():
            if not task.has_ended:
                sending.cancel(task)
        session.redraw()
        return {"FINISHED"}


def _draw(header: Any, _context: Any) -> None:
    """Draws the line, as Blender calls it for each status bar."""
    if addon_state.monitor.status:
        row = header.layout.row(align=True)
        row.label(text=addon_state.monitor.status, icon="MOD_PHYSICS", translate=False)
        row.operator(RECASTER_OT_cancel_swaps.bl_idname, text="", icon="CANCEL", emboss=False)


def register() -> None:
    """Begins to draw."""
    bpy.types.STATUSBAR_HT_header.append(_draw)


def unregister() -> None:
    """Stops drawing."""
    bpy.types.STATUSBAR_HT_header.remove(_draw)


CLASSES = (RECASTER_OT_say, RECASTER_OT_cancel_swaps)
