# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflow of a swap: to the engine, at work there, back, and onto the timeline.

What must outlive Blender is on the strip itself (its name among swaps, the request, the job); the engine
keeps the rest. So whoever opens the file again finds the result, whatever was closed or killed meanwhile.
"""

from __future__ import annotations

import itertools
import os
import re
from typing import TYPE_CHECKING, Any

import bpy

from recaster.errors import AnonymityError, FaceNotFoundError

from .. import compat, messages
from ..engine import session
from ..engine.jobs import control_job, is_own_job
from ..state import addon_state
from ..translations import translate
from . import mask_steps, placement, results
from .anonymity import COVER_MORE
from .result_parts import known_parts, part_name, part_of
from .sending import MAX_LABEL_LETTERS, cancel, is_awaited, send, send_waiting, watch_jobs
from .shared_ranges import plan_ranges
from .source_range import StripError, frame_window_of, source_range_of, strip_fingerprint
from .strip_choices import EVERYONE, StripChoices, check_choices, swapped_person
from .tasks import (
    SwapStage,
    SwapTask,
    fail,
    mark_settled,
    ranges_in,
    sharers,
    strip_of,
    strip_settings_of,
    strips_called,
)
from .versions import read_settings

if TYPE_CHECKING:
    from ..engine.connection import EngineState


def begin(scene: Any, strip: Any, *, adds_person: bool = False, errand: str = "") -> SwapTask:
    """Asks for a swap of a strip with what is chosen on it.

    Args:
        scene: where the strip is.
        strip: what is swapped.
        adds_person: whether results of other people stay.
        errand: ``ANONYMISE`` where people in it are made unknown.

    Raises:
        StripError: the strip can't be swapped.
    """
    if mask_steps.is_waiting_for_masks(addon_state.tasks.get(strip.recaster.request)):
        raise StripError(mask_steps.busy_reason(strip))
    before = strip.recaster.errand
    strip.recaster.errand = errand
    try:
        source = source_range_of(strip, scene, strip.recaster.handles)
        choices = StripChoices.along(strip, scene)
        check_choices(choices, source)
    except StripError:
        strip.recaster.errand = before  # of what may still be waited for
        raise
    task = _add_task(scene, strip)
    task.adds_person = adds_person
    send([task], source, choices)
    return task


def begin_all(scene: Any, wanted: list[tuple[Any, bool]]) -> tuple[list[SwapTask], list[str]]:
    """Asks for swaps of several strips with what is chosen on each, every range of a file once.

    Args:
        scene: where the strips are.
        wanted: each strip, and whether results of other people stay.

    Returns:
        The swaps, and what is wrong with strips that can't be swapped.
    """
    batch = os.urandom(6).hex()
    numbers = itertools.count(1)
    tasks = []
    troubles = []
    for adds_person in (False, True):
        strips = [strip for strip, adds in wanted if adds == adds_person]
        known = addon_state.tasks
        busy = [one for one in strips if mask_steps.is_waiting_for_masks(known.get(one.recaster.request))]
        troubles += [mask_steps.busy_reason(one) for one in busy]
        strips = [one for one in strips if one not in busy]
        before = [strip.recaster.errand for strip in strips]
        for strip in strips:
            strip.recaster.errand = ""
        ranges, wrong = plan_ranges(scene, strips)
        troubles += wrong
        planned = [strip for shared in ranges for strip in shared.strips]
        for strip, errand in zip(strips, before, strict=True):
            if strip not in planned:
                strip.recaster.errand = errand  # of what may still be waited for
        for shared in ranges:
            name = f"{batch}:{next(numbers)}"
            for strip, content_offset in zip(shared.strips, shared.content_offsets, strict=True):
                task = _add_task(scene, strip, name, content_offset)
                task.asked = shared.source, shared.choices
                task.adds_person = adds_person
                task.stage = SwapStage.WAITING
                tasks.append(task)
    send_waiting()
    return tasks, troubles


def _add_task(scene: Any, strip: Any, shared: str = "", content_offset: int = 0) -> SwapTask:
    """Notes on a strip that a swap is asked for, instead of an earlier one; see ``SwapTask.shared``."""
    own = strip.recaster
    earlier = addon_state.tasks.get(own.request)
    a_copys = earlier is not None and (earlier.title, earlier.scene) != (strip.name, scene.name)
    if earlier is not None and not a_copys:
        _replaced(earlier)
    if not own.uid or len(strips_called(own.uid)) > 1:  # a copy of a strip is another strip
        _rename(scene, strip)
    own.request = os.urandom(16).hex()
    own.job = ""
    own.pending = True
    own.shared = shared
    own.before = content_offset
    own.facts = strip_fingerprint(strip, scene) if shared else ""
    own.asked = read_settings(strip, scene)
    task = _task_of(scene, strip)
    addon_state.tasks[own.request] = task
    return task


def _replaced(earlier: SwapTask) -> None:
    """The same strip is swapped anew."""
    if not earlier.has_ended:
        cancel(earlier)
        return
    del addon_state.tasks[earlier.request]
    if earlier.stage == SwapStage.PLACED and not sharers(earlier):  # its file stays here
        control_job("delete", earlier.job)


def _rename(scene: Any, strip: Any) -> None:
    """Gives a strip a name of its own among swaps; the result above it is its own from now on."""
    before = strip.recaster.uid
    new = os.urandom(6).hex()
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
    if own.shared:  # the range is its job's, whatever the strip shows now
        before = own.before
        fingerprint = own.facts
    else:
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
        person=EVERYONE if own.errand else swapped_person(strip),
        shared=own.shared,
        settings=own.asked,
        errand=own.errand,
    )


def on_engine_state(found: EngineState) -> None:
    """Lets swaps go on, now that the engine was looked at."""
    connection = addon_state.connection
    results.put([one for one in addon_state.tasks.values() if one.stage == SwapStage.READY])
    if not found.online or connection is None:
        return
    for task in list(addon_state.tasks.values()):
        if not task.job:
            _adopt(task, found)
        if task.stage == SwapStage.CANCELLED and not is_awaited(task):
            _cancel_again(task, found)
    send_waiting()
    for tasks in ranges_in(SwapStage.WORKING):
        _follow_job(tasks, found)
    watch_jobs(connection)


def _adopt(task: SwapTask, found: EngineState) -> None:
    """Finds the job that was made although its answer never came."""
    for job in (found.jobs or {}).values():
        if job.labels.get("request") == task.job_request and is_own_job(found, job):
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


def _follow_job(tasks: list[SwapTask], found: EngineState) -> None:
    """Looks how far the job of strips that share a range is."""
    from recaster.api.v1 import job_pb2

    job_id = tasks[0].job
    job = found.job(job_id)
    lost = translate("This engine doesn't know the swap: it was asked of another engine, or deleted there")
    for task in tasks:
        if job is not None or job_id in found.gone:
            task.trouble = lost if job is None else ""
    if job is None:
        return
    if job.state == job_pb2.JOB_STATE_SUCCEEDED:
        for task in tasks:
            _remember(task, job.labels)
        results.fetch(tasks, job)
    elif job.state == job_pb2.JOB_STATE_FAILED:
        for task in tasks:
            task.is_faceless = job.error.reason == FaceNotFoundError.reason
            fail(task, _say_failure(job))
    elif job.state == job_pb2.JOB_STATE_CANCELLED:
        for task in tasks:
            task.stage = SwapStage.CANCELLED
            mark_settled(task)


def _say_failure(job: Any) -> str:
    """Says why a job failed; of a promise that doesn't hold also in which frames."""
    if job.error.reason == AnonymityError.reason:
        return f"{messages.plain(job.error.message)}. {translate(COVER_MORE)}"
    return messages.of_job(job)


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
        watch_jobs(connection)


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
            own.shared = task.shared
            own.asked = task.settings
            own.errand = task.errand
            if task.shared:
                own.before = task.content_offset
                own.facts = task.fingerprint
        elif own.request == task.request:
            own.pending = task.is_recoverable
