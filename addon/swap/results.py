# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of swaps: fetched from the engine, and put on the timeline."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from recaster.settings.formats import CLIP_SUFFIXES

from .. import compat, messages
from ..config import results_folder
from ..engine import coverage, session
from ..engine.connection import StoppedError, is_offline
from ..rights import signing
from ..state import addon_state
from ..translations import translate
from . import coverage_notes, leftovers, placement, versions
from .anonymity import read_report
from .result_parts import FACE, FRAME, MUTED, PARTS, UNKNOWN, find_role
from .source_range import time_scalar_of
from .strip_pictures import STILLS, ZIP_SUFFIX, fetch_pictures
from .tasks import SwapStage, SwapTask, fail, mark_settled, strip_of

if TYPE_CHECKING:
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


def result_name(title: str, request: str, suffix: str, part: str = FRAME, *, is_draft: bool = False) -> str:
    """Names a result's file: never as an engine, or a file that somebody sent, wants it to be.

    A sequence of pictures, which comes as a zip, gets the name of a folder; a still lies in one, too, as
    strips show all pictures of a folder.
    """
    name = bpy.path.clean_name(title)[:MAX_NAME_LETTERS]
    mark = bpy.path.clean_name(request[:8]) + PARTS[part].mark + ("_draft" if is_draft else "")
    if suffix == ZIP_SUFFIX:
        return f"{name}-{mark}"
    if suffix in STILLS:
        return f"{name}-{mark}/{name}{suffix}"
    return f"{name}-{mark}{suffix if suffix in CLIP_SUFFIXES else '.mp4'}"


def fetch(tasks: list[SwapTask], job: Any) -> None:
    """Downloads the result of a range, and puts it on the timeline for each strip that shares it."""
    connection = addon_state.connection
    made = {one.role: one for one in job.result.artifacts}
    parts = tasks[0].parts
    roles = {part: role for part in parts if (role := find_role(made, part)) is not None}
    wanted = {part: made[role] for part, role in roles.items()}
    if len(wanted) < len(parts):
        for task in tasks:
            fail(task, translate(NO_RESULT if FACE in wanted or FACE not in parts else NO_LAYER))
        return
    folder, _ = results_folder()
    blend = bpy.data.filepath

    def do(client: Client, work: BackgroundWork) -> tuple[dict[str, Path], coverage.Coverage | None]:
        folder.mkdir(parents=True, exist_ok=True)
        files = {}
        for part, artifact in wanted.items():
            out = folder / result_name(
                tasks[0].title, tasks[0].request, artifact.suffix, part, is_draft=job.spec.swap.options.draft
            )
            if artifact.suffix == ZIP_SUFFIX:
                pattern = job.spec.swap.pictures
                files[part] = fetch_pictures(client, work, made, roles[part], pattern, out)
                continue
            out.parent.mkdir(exist_ok=True)
            client.transfer.download(artifact.digest, out, work.report, artifact.size)
            files[part] = out
        leftovers.note(folder, files.values(), blend)
        return files, _fetch_report(client, work, made) if UNKNOWN in wanted else None

    work = connection.run(
        tasks[0].title,
        do,
        lambda done: _note_result(tasks, *done, job),
        lambda error: _note_lost_result(tasks, error),
    )
    for task in tasks:
        task.coverage = coverage.coverage_of(job)
        task.stage = SwapStage.FETCHING
        task.work = work


def _fetch_report(client: Client, work: BackgroundWork, made: dict[str, Any]) -> coverage.Coverage | None:
    """Fetches what was done in each frame of a clip in which people are unknown; for threads."""
    if "report" not in made:
        return None
    with tempfile.TemporaryDirectory(prefix="recaster-") as folder:
        path = Path(folder) / "report.json"
        client.transfer.download(made["report"].digest, path, work.report, made["report"].size)
        return read_report(path)


def _note_result(
    tasks: list[SwapTask], files: dict[str, Path], done: coverage.Coverage | None, job: Any
) -> None:
    """Notes where a result is, and places it for those who wait for it."""
    _note_mark(files, job)
    for task in tasks:
        task.coverage = done or task.coverage
        task.work = None
        task.files = files
    fetched = [one for one in tasks if one.stage == SwapStage.FETCHING]
    put([one for one in fetched if addon_state.tasks.get(one.request) is one])


def _note_lost_result(tasks: list[SwapTask], error: Exception) -> None:
    for task in tasks:
        task.work = None
        if task.stage == SwapStage.CANCELLED:
            continue
        if is_offline(error) or isinstance(error, StoppedError):
            task.stage = SwapStage.WORKING  # fetched when the engine answers again
        else:
            fail(task, messages.of_error(error), for_good=False)


def put(tasks: list[SwapTask]) -> None:
    """Puts results on the timeline, as one step that can be undone."""
    for task in tasks:
        task.stage = SwapStage.READY  # placed the next time, should one of them meet an error
    placed = [_place(task) for task in tasks]
    if any(placed):
        session.push_undo_step(translate("Face Swap"))


def _note_mark(files: dict[str, Path], job: Any) -> None:
    """Notes what a job's files say of their making; mattes and overlays say nothing."""
    if not job.result.HasField("mark"):  # its engine is older: Verify reads the file itself
        return
    mark = messages.plain(job.result.mark) if job.result.mark else translate("It carries no manifest")
    for part, path in files.items():
        if part not in MUTED:
            signing.note_report(path, mark, is_valid=bool(job.result.mark))


def _place(task: SwapTask) -> bool:
    """Puts one result on the timeline, if that can be done now."""
    if not task.files or session.is_editing():
        return False
    if not all(path.is_file() for path in task.files.values()):
        task.files = {}  # it can be fetched again
        text = translate("The result is gone from the disk: Try Again fetches it once more")
        fail(task, text, for_good=False)
        return False
    scene, strip = strip_of(task)
    if strip is None:
        text = "Its strip isn't here any more: the result is {path}"
        fail(task, translate(text, path=next(iter(task.files.values()))))
        return False
    _, beside = results_folder()
    strip.recaster.uid = task.uid  # which undo may have taken away
    try:
        with compat.editing(scene):
            versions.keep_unnamed(scene, strip, versions.results_shown(scene, strip))
            made = placement.place_result(
                scene,
                strip,
                task.files,
                task.content_offset,
                task.fingerprint,
                is_relative=beside,
                replaces=task.replaces,
            )
            if UNKNOWN in task.files and not strip.lock:
                strip.mute = True  # whoever must not be known is to be seen in it
            for result in made:
                result.recaster.made_for = task.person
                coverage_notes.keep_coverage(result, task.coverage, time_scalar_of(result, scene))
                versions.name_draft(result, is_draft=versions.is_of_draft(task.settings))
            versions.keep_version(strip, task, made)
    except placement.PlacementError as error:
        fail(task, str(error), for_good=False)
        return False
    except Exception:
        text = translate("The result can't be placed: make room, then Place Result")
        fail(task, text, for_good=False)
        raise
    task.stage = SwapStage.PLACED
    task.trouble = ""
    mark_settled(task)
    return True
