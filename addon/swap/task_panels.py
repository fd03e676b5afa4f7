# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel of jobs: swaps of this file, and what else the engine does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ..drawing import SequencerPanel, draw_line
from ..engine import jobs, session
from ..engine.panels import draw_job_buttons
from ..state import addon_state
from . import task_operators
from .tasks import SwapStage

if TYPE_CHECKING:
    from .tasks import SwapTask


class RECASTER_PT_jobs(SequencerPanel, bpy.types.Panel):
    """Swaps of this file and jobs of the engine."""

    bl_idname = "RECASTER_PT_jobs"
    bl_label = "Jobs"

    def draw(self, _context: Any) -> None:
        """Swaps of this file, then the engine's other jobs; what goes on before what has ended."""
        layout = self.layout
        found = session.engine_state()
        own = list(reversed(addon_state.tasks.values()))
        own.sort(key=lambda one: one.has_ended)
        for task in own:
            draw_task(layout.box(), task)
        waited = {task.job for task in own} | jobs.hidden_jobs()
        others = [one for one in (found.jobs or {}).values() if one.job_id not in waited]
        others = [one for one in others if jobs.is_own_job(found, one) or not one.HasField("end_time")]
        others.sort(key=lambda one: one.HasField("end_time"))
        for job in others[: jobs.SHOWN]:
            _draw_job(layout.box(), job)
        if not own and not others:
            layout.label(text="Nothing is being done")
        else:
            layout.operator(task_operators.RECASTER_OT_clear_ended.bl_idname, icon="TRASH")


STAGES = {
    SwapStage.SENDING: "Sending",
    SwapStage.WAITING: "Waits for the engine",
    SwapStage.WORKING: "Waits for its turn",
    SwapStage.FETCHING: "Fetching the result",
    SwapStage.READY: "Waits until strips are let go of",
    SwapStage.PLACED: "Done",
    SwapStage.FAILED: "Failed",
    SwapStage.CANCELLED: "Canceled",
}


ICONS = {SwapStage.PLACED: "CHECKMARK", SwapStage.FAILED: "ERROR", SwapStage.CANCELLED: "X"}


def draw_task(layout: Any, task: SwapTask) -> None:
    """A swap of this file."""
    job = session.engine_state().job(task.job) if task.stage == SwapStage.WORKING else None
    if job is not None:
        line = jobs.job_line(job)
    elif task.work is not None:
        line = jobs.work_line(task.work)
    else:
        away = task.stage == SwapStage.WORKING and not session.engine_state().online
        stage = "Goes on when the engine is back" if away else STAGES[task.stage]
        if task.stage == SwapStage.PLACED and task.coverage is not None:
            stage = f"{stage}: {task.coverage.line}"
        line = jobs.StatusLine(task.title, stage, None, task.trouble, ICONS.get(task.stage, "SORTTIME"))
    row = layout.row(align=True)
    draw_line(row.column(align=True), line)
    if not task.has_ended:
        row.operator(
            task_operators.RECASTER_OT_cancel_swap.bl_idname, text="", icon="X"
        ).request = task.request
    elif task.stage == SwapStage.FAILED and task.files:
        layout.operator(task_operators.RECASTER_OT_place_result.bl_idname, icon="ADD").request = task.request
    elif task.stage == SwapStage.FAILED:
        layout.operator(
            task_operators.RECASTER_OT_retry_swap.bl_idname, icon="FILE_REFRESH"
        ).request = task.request


def _draw_job(layout: Any, job: Any) -> None:
    """A job of the engine."""
    row = layout.row(align=True)
    draw_line(row.column(align=True), jobs.job_line(job))
    draw_job_buttons(row.row(align=True), job)


CLASSES = (RECASTER_PT_jobs,)
