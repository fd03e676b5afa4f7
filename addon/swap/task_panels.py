# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel of jobs: swaps of this file, and what else the engine does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .. import messages
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
        for tasks in _by_batch(own):
            if tasks[0].batch:
                _draw_batch(layout.box(), tasks)
            else:
                draw_task(layout.box(), tasks[0])
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


def _by_batch(tasks: list[SwapTask]) -> list[list[SwapTask]]:
    """Puts swaps together that were asked for at once; each other one stays alone."""
    batches: dict[str, list[SwapTask]] = {}
    for task in tasks:
        batches.setdefault(task.batch or task.request, []).append(task)
    return list(batches.values())


def _draw_batch(layout: Any, tasks: list[SwapTask]) -> None:
    """Swaps that were asked for at once: all together, then what is being done and what went wrong."""
    row = layout.row(align=True)
    draw_line(row.column(align=True), batch_line(tasks))
    if not all(one.has_ended for one in tasks):
        row.operator(task_operators.RECASTER_OT_cancel_all.bl_idname, text="", icon="X").batch = tasks[
            0
        ].batch
    shown = set()
    for task in tasks:
        waits = task.stage == SwapStage.WAITING or (task.stage == SwapStage.WORKING and not _runs(task))
        is_over = task.stage in (SwapStage.PLACED, SwapStage.CANCELLED) or task.is_faceless
        if not waits and not is_over and (task.has_ended or task.shared not in shown):
            shown.add(task.shared)
            draw_task(layout.column(align=True), task)


def batch_line(tasks: list[SwapTask]) -> jobs.StatusLine:
    """Status of swaps that were asked for at once."""
    title = f"Swap of {messages.count_of(len(tasks), 'strip')}"
    ended = [one for one in tasks if one.has_ended]
    faceless = [one.title for one in ended if one.is_faceless]
    if len(ended) < len(tasks):
        share = len(ended) / len(tasks)
        return jobs.StatusLine(title, f"{len(ended)} of {len(tasks)} done", share)
    counts = {
        "swapped": sum(one.stage == SwapStage.PLACED for one in ended),
        "without a face": len(faceless),
        "failed": sum(one.stage == SwapStage.FAILED and not one.is_faceless for one in ended),
        "canceled": sum(one.stage == SwapStage.CANCELLED for one in ended),
    }
    text = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    trouble = f"Nobody found, they stay as they are: {', '.join(sorted(faceless))}" if faceless else ""
    return jobs.StatusLine(title, text, None, trouble, "ERROR" if counts["failed"] else "CHECKMARK")


def _runs(task: SwapTask) -> bool:
    """Tells if an engine works on a swap now."""
    from recaster.api.v1 import job_pb2

    job = session.engine_state().job(task.job)
    return job is not None and job.state != job_pb2.JOB_STATE_QUEUED


def _draw_job(layout: Any, job: Any) -> None:
    """A job of the engine."""
    row = layout.row(align=True)
    draw_line(row.column(align=True), jobs.job_line(job))
    draw_job_buttons(row.row(align=True), job)


CLASSES = (RECASTER_PT_jobs,)
