# SPDX-License-Identifier: GPL-3.0-or-later
"""Swaps of this file, and what else the engine does, as panels draw them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drawing import BUTTON, draw_line
from ..engine import jobs, session
from ..engine.panels import draw_job_buttons
from ..translations import translate, translate_count
from . import task_operators
from .tasks import SwapStage

if TYPE_CHECKING:
    from .tasks import SwapTask


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
    line = task_line(task)
    row = layout.row(align=True)
    draw_line(row.column(align=True), line, BUTTON)
    draw_task_buttons(row, layout, task)


def task_line(task: SwapTask) -> jobs.StatusLine:
    """Status of a swap of this file."""
    job = session.engine_state().job(task.job) if task.stage == SwapStage.WORKING else None
    if job is not None:
        return jobs.job_line(job)
    if task.work is not None:
        return jobs.work_line(task.work)
    away = task.stage == SwapStage.WORKING and not session.engine_state().online
    stage = translate("Goes on when the engine is back" if away else STAGES[task.stage])
    if task.stage == SwapStage.PLACED and task.coverage is not None:
        stage = f"{stage}: {task.coverage.line}"
    return jobs.StatusLine(task.title, stage, None, task.trouble, ICONS.get(task.stage, "SORTTIME"))


def draw_task_buttons(row: Any, layout: Any, task: SwapTask) -> None:
    """Buttons of a swap: one to end it, or, where it failed, one to go on."""
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


def draw_batch(layout: Any, tasks: list[SwapTask]) -> None:
    """Swaps that were asked for at once: all together, then what is being done and what went wrong."""
    row = layout.row(align=True)
    draw_line(row.column(align=True), batch_line(tasks), BUTTON)
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
    title = translate_count("Swap of {count} strip", "Swap of {count} strips", len(tasks))
    ended = [one for one in tasks if one.has_ended]
    faceless = [one.title for one in ended if one.is_faceless]
    if len(ended) < len(tasks):
        share = len(ended) / len(tasks)
        done = translate("{done} of {all} done", done=len(ended), all=len(tasks))
        return jobs.StatusLine(title, done, share)
    failed = sum(one.stage == SwapStage.FAILED and not one.is_faceless for one in ended)
    counts = {
        "{count} swapped": sum(one.stage == SwapStage.PLACED for one in ended),
        "{count} without a face": len(faceless),
        "{count} failed": failed,
        "{count} canceled": sum(one.stage == SwapStage.CANCELLED for one in ended),
    }
    text = ", ".join(translate(said, count=count) for said, count in counts.items() if count)
    trouble = ""
    if faceless:
        names = ", ".join(sorted(faceless))
        trouble = translate("Nobody found, they stay as they are: {names}", names=names)
    return jobs.StatusLine(title, text, None, trouble, "ERROR" if failed else "CHECKMARK")


def _runs(task: SwapTask) -> bool:
    """Tells if an engine works on a swap now."""
    from recaster.api.v1 import job_pb2

    job = session.engine_state().job(task.job)
    return job is not None and job.state != job_pb2.JOB_STATE_QUEUED


def draw_job(layout: Any, job: Any) -> None:
    """A job of the engine."""
    row = layout.row(align=True)
    draw_line(row.column(align=True), jobs.job_line(job), BUTTON)
    draw_job_buttons(row.row(align=True), job)
