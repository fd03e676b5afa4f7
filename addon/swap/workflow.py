# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflow of a swap: to the engine, at work there, back, and onto the timeline.

What must outlive Blender is on the strip itself (its name among swaps, the request, the job); the engine
keeps the rest. So whoever opens the file again finds the result, whatever was closed or killed meanwhile.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat, messages
from ..config import cache_folder, is_loopback
from ..engine import session
from ..engine.connection import StoppedError, is_offline
from ..engine.jobs import control_job, is_own_job
from ..properties import SUFFIXES
from ..state import addon_state
from . import placement, results
from .result_parts import FACE, MATTE, known_parts, part_name, part_of
from .source_range import SourceRange, StripError, frame_window_of, source_range_of, strip_fingerprint
from .strip_choices import StripChoices, face_field, swapped_person, to_swap_options
from .tasks import SwapStage, SwapTask, fail, mark_settled, strip_of, strip_settings_of, strips_called
from .uploads import UploadedRange, upload_range

if TYPE_CHECKING:
    from recaster.client import Client

    from ..engine.connection import BackgroundWork, EngineState

CLIENT = {"client": "blender"}
"""Label of all jobs that come from here."""
MAX_LABEL_LETTERS = 100


def begin(scene: Any, strip: Any, *, adds_person: bool = False) -> SwapTask:
    """Asks for a swap of a strip with what is chosen on it.

    Args:
        scene: where the strip is.
        strip: what is swapped.
        adds_person: whether results of other people stay.

    Raises:
        StripError: the strip can't be swapped.
    """
    own = strip.recaster
    source = source_range_of(strip, scene, strip.recaster.handles)
    choices = StripChoices.of(strip)
    face_field(choices)
    earlier = addon_state.tasks.get(own.request)
    a_copys = earlier is not None and (earlier.title, earlier.scene) != (strip.name, scene.name)
    if earlier is not None and not a_copys:
        _replaced(earlier)
    if not own.uid or len(strips_called(own.uid)) > 1:  # a copy of a strip is another strip
        _rename(scene, strip)
    own.request = uuid.uuid4().hex
    own.job = ""
    own.pending = True
    task = _task_of(scene, strip)
    task.adds_person = adds_person
    addon_state.tasks[own.request] = task
    _send(task, source, choices)
    return task


def _replaced(earlier: SwapTask) -> None:
    """The same strip is swapped anew."""
    if not earlier.has_ended:
        cancel(earlier)
        return
    del addon_state.tasks[earlier.request]
    if earlier.stage == SwapStage.PLACED:  # its file stays here
        control_job("delete", earlier.job)


def _rename(scene: Any, strip: Any) -> None:
    """Gives a strip a name of its own among swaps; the result above it is its own from now on."""
    before = strip.recaster.uid
    new = uuid.uuid4().hex[:12]
    container = placement.container_of(scene, strip)
    beside = [one for one in compat.strips_in(container) if placement.overlap(one, strip) and one != strip]
    rivals = before and any(one.recaster.uid == before for one in beside)
    for one in beside:
        its_own = not rivals or one.name.startswith(part_name(strip, part_of(one)))
        if before and one.recaster.result_of == before and its_own:
            one.recaster.result_of = new
    strip.recaster.uid = new


def _task_of(scene: Any, strip: Any) -> SwapTask:
    """Makes the task of a swap from what its strip remembers."""
    own = strip.recaster
    before = frame_window_of(strip, scene, own.handles).content_offset
    fingerprint = strip_fingerprint(strip, scene)
    return SwapTask(
        own.request,
        own.uid,
        strip.name,
        scene.name,
        before,
        fingerprint,
        job=own.job,
        person=swapped_person(strip),
    )


def _send(task: SwapTask, source: SourceRange, choices: StripChoices) -> None:
    """Sends the strip's file and ask for the job, in a thread."""
    connection = addon_state.connection
    if connection is None:
        fail(task, session.engine_state().trouble)
        return
    task.parts = choices.parts
    cache = cache_folder() / "clips"
    local = is_loopback(connection.address.target)
    labels = _labels_of(task)

    def do(client: Client, work: BackgroundWork) -> str:
        from recaster.api.v1 import job_pb2

        spec = _spec_of(client, choices, upload_range(client, work, source, cache, local))
        work.check()
        job: str = client.jobs.create(job_pb2.JobSpec(swap=spec), labels, task.request).job_id
        return job

    def done(job: str) -> None:
        task.work = None
        task.job = job
        if addon_state.tasks.get(task.request) is not task:
            return  # another file was opened
        own = strip_settings_of(task)
        if own is not None:
            own.job = job
        if task.stage == SwapStage.CANCELLED:  # too late to be stopped
            cancel(task)
            return
        task.stage = SwapStage.WORKING
        _watch_jobs(connection)

    def failed(error: Exception) -> None:
        task.work = None
        if task.stage == SwapStage.CANCELLED:
            return
        if is_offline(error) or isinstance(error, StoppedError):
            task.stage = SwapStage.WAITING  # sent when the engine answers again
        else:
            fail(task, messages.of_error(error))

    task.stage = SwapStage.SENDING
    task.trouble = ""
    task.work = connection.run(task.title, do, done, failed)


def _spec_of(client: Client, choices: StripChoices, uploaded: UploadedRange) -> Any:
    """The request to the engine (SwapSpec); brings the performer's picture there."""
    from recaster.api.v1 import job_pb2

    return job_pb2.SwapSpec(
        clip_id=uploaded.clip.clip_id,
        options=to_swap_options(client, choices, uploaded.range),
        suffix=SUFFIXES[choices.codec],
        matte=MATTE in choices.parts,
        layers=[FACE] if FACE in choices.parts else [],
        **face_field(choices),
    )


def _labels_of(task: SwapTask) -> dict[str, str]:
    """Returns the labels of a swap's job, by which it is found again and taken up by another Blender."""
    return {
        **CLIENT,
        "request": task.request,
        "strip": task.uid,
        "name": task.title[:MAX_LABEL_LETTERS],
        "before": str(task.content_offset),
        "facts": task.fingerprint,
        "person": task.person,
        "parts": " ".join(task.parts),
        **({"adds": "person"} if task.adds_person else {}),
    }


def cancel(task: SwapTask) -> None:
    """Ends a swap for good."""
    task.stage = SwapStage.CANCELLED
    mark_settled(task)
    if task.work is not None:
        task.work.stop()
    if task.job:
        control_job("cancel", task.job)


def on_engine_state(found: EngineState) -> None:
    """Lets swaps go on, now that the engine was looked at."""
    connection = addon_state.connection
    for task in list(addon_state.tasks.values()):
        if task.stage == SwapStage.READY:
            results.put(task)
    if not found.online or connection is None:
        return
    for task in list(addon_state.tasks.values()):
        if not task.job:
            _adopt(task, found)
        if task.stage == SwapStage.WAITING:
            _resume(task)
        elif task.stage == SwapStage.WORKING:
            _follow_job(task, found)
        elif task.stage == SwapStage.CANCELLED:
            _cancel_again(task, found)
    _watch_jobs(connection)


def _adopt(task: SwapTask, found: EngineState) -> None:
    """Finds the job that was made although its answer never came."""
    for job in (found.jobs or {}).values():
        if job.labels.get("request") == task.request and is_own_job(found, job):
            task.job = job.job_id
            own = strip_settings_of(task)
            if own is not None:
                own.job = job.job_id
            if task.stage == SwapStage.WAITING:
                task.stage = SwapStage.WORKING


def _cancel_again(task: SwapTask, found: EngineState) -> None:
    """Says once more that a swap isn't wanted, where that was not heard."""
    from recaster.api.v1 import job_pb2

    job = found.job(task.job)
    if job is not None and not job.HasField("end_time") and job.state != job_pb2.JOB_STATE_CANCELLING:
        control_job("cancel", task.job)


def _follow_job(task: SwapTask, found: EngineState) -> None:
    from recaster.api.v1 import job_pb2

    job = found.job(task.job)
    if job is None:
        if task.job in found.gone:
            task.trouble = (
                "This engine doesn't know the swap: it was asked of another engine, or deleted there"
            )
        return
    task.trouble = ""
    if job.state == job_pb2.JOB_STATE_SUCCEEDED:
        _remember(task, job.labels)
        results.fetch(task, job)
    elif job.state == job_pb2.JOB_STATE_FAILED:
        fail(task, messages.of_job(job))
    elif job.state == job_pb2.JOB_STATE_CANCELLED:
        task.stage = SwapStage.CANCELLED
        mark_settled(task)


def _remember(task: SwapTask, labels: Any) -> None:
    """Takes over what was said when a swap was asked for, as far as it can be that."""
    if re.fullmatch(r"-?[0-9]{1,7}", labels.get("before", "")):
        task.content_offset = int(labels["before"])
    task.fingerprint = messages.text(labels.get("facts", task.fingerprint), MAX_LABEL_LETTERS)
    task.person = messages.text(labels.get("person", ""), MAX_LABEL_LETTERS)
    task.parts = known_parts(labels.get("parts", ""))
    task.adds_person = labels.get("adds") == "person"


def resume_all() -> None:
    """Goes on with the swaps that the opened file waits for."""
    for task in addon_state.tasks.values():
        if task.work is not None:
            task.work.stop()
    addon_state.tasks.clear()
    for scene in bpy.data.scenes:
        for strip in compat.all_strips(scene):
            own = strip.recaster
            if own.pending and own.request:
                session.engine_state()  # calls the engine
                task = addon_state.tasks.setdefault(own.request, _task_of(scene, strip))
                task.stage = SwapStage.WORKING if own.job else SwapStage.WAITING
    connection = addon_state.connection
    if connection is not None:
        _watch_jobs(connection)


def after_undo() -> None:
    """Undo took back what strips know of their swaps; that isn't an editor's work, and is put back."""
    for task in addon_state.tasks.values():
        _, strip = strip_of(task)
        if strip is None:
            continue
        own = strip.recaster
        if not task.has_ended:
            own.uid = task.uid
            own.request = task.request
            own.job = task.job
            own.pending = True
        elif own.request == task.request:
            own.pending = task.is_recoverable


def _resume(task: SwapTask) -> None:
    """Sends a strip that could not be sent before, now that the engine answers."""
    scene, strip = strip_of(task)
    if strip is None:
        fail(task, "Its strip isn't here any more")
        return
    try:
        source = source_range_of(strip, scene, strip.recaster.handles)
        choices = StripChoices.of(strip)
    except StripError as error:
        fail(task, str(error))
        return
    task.content_offset = frame_window_of(strip, scene, strip.recaster.handles).content_offset
    task.fingerprint = strip_fingerprint(strip, scene)
    _send(task, source, choices)


def _watch_jobs(connection: Any) -> None:
    """Lets the connection look at the jobs that are waited for, however many newer ones there are."""
    wanted = frozenset(
        one.job
        for one in addon_state.tasks.values()
        if one.job and one.stage in (SwapStage.WORKING, SwapStage.CANCELLED)
    )
    if wanted - connection.watched_jobs:
        connection.refresh()
    connection.watched_jobs = wanted
