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
from .result_parts import FACE, FRAME, MATTE, PARTS
from .source_range import time_scalar_of
from .tasks import SwapStage, SwapTask, fail, mark_settled, strip_of

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.client import Client

    from ..engine.connection import BackgroundWork


MAX_NAME_LETTERS = 100
"""Letters of a result's name that are its strip's."""
NO_RESULT = "The engine has done it, but has no result: swap it again"
NO_LAYER = "This engine makes no face layers: update it, or choose Whole Frame"


def done_there(task: SwapTask) -> bool:
    """Tells if the engine has done a swap whose result isn't here."""
    from recaster.api.v1 import job_pb2

    job = session.engine_state().job(task.job) if task.job else None
    return not task.files and job is not None and job.state == job_pb2.JOB_STATE_SUCCEEDED


def forgettable(task: SwapTask) -> bool:
    """Tells if nothing is lost when a swap that has ended leaves the list."""
    if task.stage == SwapStage.FAILED:  # a result that can still be placed, or fetched
        return strip_of(task)[1] is None or not (task.files or done_there(task))
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


def result_name(title: str, request: str, suffix: str, part: str = FRAME) -> str:
    """Names a result's file: never as an engine, or a file that somebody sent, wants it to be."""
    name = bpy.path.clean_name(title)[:MAX_NAME_LETTERS]
    mark = bpy.path.clean_name(request[:8]) + PARTS[part].mark
    return f"{name}-{mark}{suffix if suffix in SUFFIXES.values() else '.mp4'}"


def fetch(task: SwapTask, job: Any) -> None:
    """Downloads a result, and put it on the timeline."""
    connection = addon_state.connection
    made = {one.role: one for one in job.result.artifacts}
    wanted = {part: made[PARTS[part].role] for part in task.parts if PARTS[part].role in made}
    if len(wanted) < len(task.parts):
        fail(task, NO_RESULT if FACE in wanted or FACE not in task.parts else NO_LAYER)
        return
    folder, _ = results_folder()
    task.coverage = coverage.coverage_of(job)

    def do(client: Client, work: BackgroundWork) -> dict[str, Path]:
        folder.mkdir(parents=True, exist_ok=True)
        files = {}
        for part, artifact in wanted.items():
            files[part] = folder / result_name(task.title, task.request, artifact.suffix, part)
            client.transfer.download(artifact.digest, files[part], work.report, artifact.size)
        return files

    def done(files: dict[str, Path]) -> None:
        task.work = None
        task.files = files
        _note_mark(files, job)
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


def _note_mark(files: dict[str, Path], job: Any) -> None:
    """Notes what a job's files say of their making; a matte says nothing."""
    if not job.result.HasField("mark"):  # its engine is older: Verify reads the file itself
        return
    mark = messages.plain(job.result.mark) if job.result.mark else "It carries no manifest"
    for part, path in files.items():
        if part != MATTE:
            signing.note_report(path, mark, is_valid=bool(job.result.mark))


def put(task: SwapTask) -> None:
    """Puts a result on the timeline, as one step that can be undone."""
    if not task.files:
        return
    if session.is_editing():
        task.stage = SwapStage.READY
        return
    if not all(path.is_file() for path in task.files.values()):
        task.files = {}  # it can be fetched again
        fail(task, "The result is gone from the disk: Try Again fetches it once more", for_good=False)
        return
    scene, strip = strip_of(task)
    if strip is None:
        fail(task, f"Its strip isn't here any more: the result is {next(iter(task.files.values()))}")
        return
    _, beside = results_folder()
    strip.recaster.uid = task.uid  # which undo may have taken away
    try:
        with compat.editing(scene):
            made = placement.place_result(
                scene,
                strip,
                task.files,
                task.content_offset,
                task.fingerprint,
                is_relative=beside,
                replaces=lambda earlier: not task.adds_person or earlier.recaster.made_for == task.person,
            )
            for result in made:
                result.recaster.made_for = task.person
                coverage_notes.keep_coverage(result, task.coverage, time_scalar_of(result, scene))
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
