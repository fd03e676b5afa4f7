# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of swaps: fetched from the engine, and put on the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .. import compat, messages
from ..config import results_folder
from ..engine import coverage, session
from ..engine.connection import StoppedError, is_offline
from ..properties import SUFFIXES
from ..rights import signing
from ..state import addon_state
from . import coverage_notes, placement
from .source_range import time_scalar_of
from .tasks import SwapStage, SwapTask, fail, mark_settled, strip_of

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.client import Client

    from ..engine.connection import BackgroundWork


MAX_NAME_LETTERS = 100
"""Letters of a result's name that are its strip's."""


def done_there(task: SwapTask) -> bool:
    """Tells if the engine has done a swap whose result isn't here."""
    from recaster.api.v1 import job_pb2

    job = session.engine_state().job(task.job) if task.job else None
    return task.result is None and job is not None and job.state == job_pb2.JOB_STATE_SUCCEEDED


def forgettable(task: SwapTask) -> bool:
    """Tells if nothing is lost when a swap that has ended leaves the list."""
    if task.stage == SwapStage.FAILED:  # a result that can still be placed, or fetched
        return strip_of(task)[1] is None or not (task.result is not None or done_there(task))
    job = session.engine_state().job(task.job) if task.job else None
    unheard = task.work is not None or (job is not None and not job.HasField("end_time"))
    return task.stage == SwapStage.PLACED or not unheard


def fetch_again(task: SwapTask) -> None:
    """Fetches a result once more that could not be fetched."""
    task.stage = SwapStage.WORKING
    task.trouble = ""
    connection = addon_state.connection
    if connection is not None:
        connection.refresh()


def result_name(title: str, request: str, suffix: str) -> str:
    """Names a result's file: never as an engine, or a file that somebody sent, wants it to be."""
    name = bpy.path.clean_name(title)[:MAX_NAME_LETTERS]
    mark = bpy.path.clean_name(request[:8])
    return f"{name}-{mark}{suffix if suffix in SUFFIXES.values() else '.mp4'}"


def fetch(task: SwapTask, job: Any) -> None:
    """Downloads a result, and put it on the timeline."""
    connection = addon_state.connection
    made = next((one for one in job.result.artifacts if one.role == "clip"), None)
    if made is None:
        fail(task, "The engine has done it, but has no result: swap it again")
        return
    folder, _ = results_folder()
    out = folder / result_name(task.title, task.request, made.suffix)
    task.coverage = coverage.coverage_of(job)

    def do(client: Client, work: BackgroundWork) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        client.transfer.download(made.digest, out, work.report, made.size)
        return out

    def done(path: Path) -> None:
        task.work = None
        task.result = path
        if job.result.HasField("mark"):  # else its engine is older: Verify reads the file itself
            mark = messages.plain(job.result.mark) if job.result.mark else "It carries no manifest"
            signing.note_report(path, mark, is_valid=bool(job.result.mark))
        if task.stage == SwapStage.FETCHING and addon_state.tasks.get(task.request) is task:
            put(task)

    def failed(error: Exception) -> None:
        task.work = None
        if task.stage == SwapStage.CANCELLED:
            return
        if is_offline(error) or isinstance(error, StoppedError):
            task.stage = SwapStage.WORKING  # fetched when the engine answers again
        else:
            fail(task, messages.of_error(error), for_good=False)

    task.stage = SwapStage.FETCHING
    task.work = connection.run(task.title, do, done, failed)


def put(task: SwapTask) -> None:
    """Puts a result on the timeline, as one step that can be undone."""
    if task.result is None:
        return
    if session.is_editing():
        task.stage = SwapStage.READY
        return
    if not task.result.is_file():
        task.result = None  # it can be fetched again
        fail(task, "The result is gone from the disk: Try Again fetches it once more", for_good=False)
        return
    scene, strip = strip_of(task)
    if strip is None:
        fail(task, f"Its strip isn't here any more: the result is {task.result}")
        return
    _, beside = results_folder()
    strip.recaster.uid = task.uid  # which undo may have taken away
    try:
        with compat.editing(scene):
            made = placement.place_result(
                scene, strip, task.result, task.content_offset, task.fingerprint, is_relative=beside
            )
            made.recaster.made_for = task.person
            coverage_notes.keep_coverage(made, task.coverage, time_scalar_of(made, scene))
    except placement.PlacementError as error:
        fail(task, str(error), for_good=False)
        return
    except Exception:
        fail(task, "The result can't be placed: make room, then Place Result", for_good=False)
        raise
    task.stage = SwapStage.PLACED
    task.trouble = ""
    mark_settled(task)
    session.push_undo_step("Face Swap")
