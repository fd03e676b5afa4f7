# SPDX-License-Identifier: GPL-3.0-or-later
"""Swaps of strips on their way: to the engine, at work there, back, and onto the timeline.

What must outlive Blender is on the strip itself (its name among swaps, the request, the job); the engine
keeps the rest. So whoever opens the file again finds the result, whatever was closed or killed meanwhile.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat, messages
from ..config import cache_folder, is_loopback, results_folder
from ..engine import session
from ..engine.connection import StoppedError, offline
from ..engine.jobs import mine, tell
from ..properties import SUFFIXES
from ..rights import consent
from . import coverage, placement
from .source_range import Shot, bring, facts_of, pace_of, shot_of, window_of
from .strip_choices import Choice, face_of, options_of, whom
from .tasks import Errand, errands, own_of, settled, strip_of, strips_called

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.client import Client

    from ..engine.connection import Snapshot, Work

CLIENT = {"client": "blender"}
"""Label of all jobs that come from here."""
LONGEST_LABEL = 100
MAX_NAME = 100
"""Letters of a result's name that are its strip's."""


def begin(scene: Any, strip: Any) -> Errand:
    """Ask for a swap of a strip with what is chosen on it.

    Raises:
        ShotError: the strip can't be swapped.
    """
    own, shot, choice = strip.recaster, shot_of(strip, scene, strip.recaster.handles), Choice.of(strip)
    face_of(choice)
    earlier = errands.get(own.request)
    a_copys = earlier is not None and (earlier.title, earlier.scene) != (strip.name, scene.name)
    if earlier is not None and not a_copys:
        _replaced(earlier)
    if not own.uid or len(strips_called(own.uid)) > 1:  # a copy of a strip is another strip
        _rename(scene, strip)
    own.request, own.job, own.pending = uuid.uuid4().hex, "", True
    errand = _errand_of(scene, strip)
    errands[own.request] = errand
    _bring(errand, shot, choice)
    return errand


def _replaced(earlier: Errand) -> None:
    """The same strip is swapped anew."""
    if not earlier.ended:
        cancel(earlier)
        return
    del errands[earlier.request]
    if earlier.stage == "placed":  # its file stays here
        tell("delete", earlier.job)


def _rename(scene: Any, strip: Any) -> None:
    """Give a strip a name of its own among swaps; the result above it is its own from now on."""
    before, new, owner = strip.recaster.uid, uuid.uuid4().hex[:12], placement.owner_of(scene, strip)
    beside = [one for one in compat.strips_in(owner) if placement.touch(one, strip) and one != strip]
    rivals = before and any(one.recaster.uid == before for one in beside)
    for one in beside:
        its_own = not rivals or one.name.startswith(placement.name_of(strip))
        if before and one.recaster.result_of == before and its_own:
            one.recaster.result_of = new
    strip.recaster.uid = new


def _errand_of(scene: Any, strip: Any) -> Errand:
    """What a strip remembers of its swap."""
    own = strip.recaster
    before = window_of(strip, scene, own.handles).before
    facts = facts_of(strip, scene)
    return Errand(
        own.request, own.uid, strip.name, scene.name, before, facts, job=own.job, person=whom(strip)
    )


def original_of(scene: Any, strip: Any) -> Any | None:
    """The strip that a result was made from; None for another strip, or where it is gone."""
    return _strip_called(scene, strip.recaster.result_of)


def _bring(errand: Errand, shot: Shot, choice: Choice) -> None:
    """Send the strip's file and ask for the job, in a thread."""
    link = session.link()
    if link is None:
        _fail(errand, session.snapshot().trouble)
        return
    cache, local = cache_folder() / "clips", is_loopback(link.address.target)
    labels = {
        **CLIENT,
        "request": errand.request,
        "strip": errand.uid,
        "name": errand.title[:LONGEST_LABEL],
        "before": str(errand.before),
        "facts": errand.facts,
        "person": errand.person,
    }

    def do(client: Client, work: Work) -> str:
        from recaster.api.v1 import job_pb2

        brought = bring(client, work, shot, cache, local)
        spec = job_pb2.SwapSpec(
            clip_id=brought.clip.clip_id,
            options=options_of(client, choice, brought.range),
            suffix=SUFFIXES[choice.codec],
            **face_of(choice),
        )
        work.check()
        job: str = client.jobs.create(job_pb2.JobSpec(swap=spec), labels, errand.request).job_id
        return job

    def done(job: str) -> None:
        errand.work, errand.job = None, job
        if errands.get(errand.request) is not errand:
            return  # another file was opened
        own = own_of(errand)
        if own is not None:
            own.job = job
        if errand.stage == "cancelled":  # too late to be stopped
            cancel(errand)
            return
        errand.stage = "working"
        _watch(link)

    def failed(error: Exception) -> None:
        errand.work = None
        if errand.stage == "cancelled":
            return
        if offline(error) or isinstance(error, StoppedError):
            errand.stage = "waiting"  # sent when the engine answers again
        else:
            _fail(errand, messages.of_error(error))

    errand.stage, errand.trouble = "sending", ""
    errand.work = link.run(errand.title, do, done, failed)


def cancel(errand: Errand) -> None:
    """End a swap for good."""
    errand.stage = "cancelled"
    settled(errand)
    if errand.work is not None:
        errand.work.stop()
    if errand.job:
        tell("cancel", errand.job)


def on_snapshot(found: Snapshot) -> None:
    """Let swaps go on, now that the engine was looked at."""
    link = session.link()
    for errand in list(errands.values()):
        if errand.stage == "ready":
            put(errand)
    if not found.online or link is None:
        return
    for errand in list(errands.values()):
        if not errand.job:
            _adopt(errand, found)
        if errand.stage == "waiting":
            _resume(errand)
        elif errand.stage == "working":
            _look(errand, found)
        elif errand.stage == "cancelled":
            _cancel_again(errand, found)
    _watch(link)


def _adopt(errand: Errand, found: Snapshot) -> None:
    """Find the job that was made although its answer never came."""
    for job in (found.jobs or {}).values():
        if job.labels.get("request") == errand.request and mine(found, job):
            errand.job = job.job_id
            own = own_of(errand)
            if own is not None:
                own.job = job.job_id
            if errand.stage == "waiting":
                errand.stage = "working"


def _cancel_again(errand: Errand, found: Snapshot) -> None:
    """Say once more that a swap isn't wanted, where that was not heard."""
    from recaster.api.v1 import job_pb2

    job = found.job(errand.job)
    if job is not None and not job.HasField("end_time") and job.state != job_pb2.JOB_STATE_CANCELLING:
        tell("cancel", errand.job)


def _look(errand: Errand, found: Snapshot) -> None:
    from recaster.api.v1 import job_pb2

    job = found.job(errand.job)
    if job is None:
        if errand.job in found.gone:
            errand.trouble = (
                "This engine doesn't know the swap: it was asked of another engine, or deleted there"
            )
        return
    errand.trouble = ""
    if job.state == job_pb2.JOB_STATE_SUCCEEDED:
        _remember(errand, job.labels)
        _fetch(errand, job)
    elif job.state == job_pb2.JOB_STATE_FAILED:
        _fail(errand, messages.of_job(job))
    elif job.state == job_pb2.JOB_STATE_CANCELLED:
        errand.stage = "cancelled"
        settled(errand)


def _remember(errand: Errand, labels: Any) -> None:
    """Take over what was said when a swap was asked for, as far as it can be that."""
    if re.fullmatch(r"-?[0-9]{1,7}", labels.get("before", "")):
        errand.before = int(labels["before"])
    errand.facts = messages.text(labels.get("facts", errand.facts), LONGEST_LABEL)
    errand.person = messages.text(labels.get("person", ""), LONGEST_LABEL)


def done_there(errand: Errand) -> bool:
    """Whether the engine has done a swap whose result isn't here."""
    from recaster.api.v1 import job_pb2

    job = session.snapshot().job(errand.job) if errand.job else None
    return errand.result is None and job is not None and job.state == job_pb2.JOB_STATE_SUCCEEDED


def forgettable(errand: Errand) -> bool:
    """Whether nothing is lost when a swap that has ended leaves the list."""
    if errand.stage == "failed":  # a result that can still be placed, or fetched
        return strip_of(errand)[1] is None or not (errand.result is not None or done_there(errand))
    job = session.snapshot().job(errand.job) if errand.job else None
    unheard = errand.work is not None or (job is not None and not job.HasField("end_time"))
    return errand.stage == "placed" or not unheard


def fetch_again(errand: Errand) -> None:
    """Fetch a result once more that could not be fetched."""
    errand.stage, errand.trouble = "working", ""
    link = session.link()
    if link is not None:
        link.look()


def result_name(title: str, request: str, suffix: str) -> str:
    """What a result's file is called: never what an engine, or a file that somebody sent, wants it to be."""
    name = bpy.path.clean_name(title)[:MAX_NAME]
    mark = bpy.path.clean_name(request[:8])
    return f"{name}-{mark}{suffix if suffix in SUFFIXES.values() else '.mp4'}"


def _fetch(errand: Errand, job: Any) -> None:
    """Download a result, and put it on the timeline."""
    link = session.link()
    made = next((one for one in job.result.artifacts if one.role == "clip"), None)
    if made is None:
        _fail(errand, "The engine has done it, but has no result: swap it again")
        return
    folder, _ = results_folder()
    out = folder / result_name(errand.title, errand.request, made.suffix)
    errand.told = coverage.of_job(job)

    def do(client: Client, work: Work) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        client.transfer.download(made.digest, out, work.report, made.size)
        return out

    def done(path: Path) -> None:
        errand.work, errand.result = None, path
        said = [line for line in job.result.summary if line.startswith("marked")]
        consent.said_of(path, messages.plain(said[0]) if said else "It carries no manifest", valid=bool(said))
        if errand.stage == "fetching" and errands.get(errand.request) is errand:
            put(errand)

    def failed(error: Exception) -> None:
        errand.work = None
        if errand.stage == "cancelled":
            return
        if offline(error) or isinstance(error, StoppedError):
            errand.stage = "working"  # fetched when the engine answers again
        else:
            _fail(errand, messages.of_error(error), for_good=False)

    errand.stage = "fetching"
    errand.work = link.run(errand.title, do, done, failed)


def put(errand: Errand) -> None:
    """Put a result on the timeline, as one step that can be undone."""
    if errand.result is None:
        return
    if session.editing():
        errand.stage = "ready"
        return
    if not errand.result.is_file():
        errand.result = None  # it can be fetched again
        _fail(errand, "The result is gone from the disk: Try Again fetches it once more", for_good=False)
        return
    scene, strip = strip_of(errand)
    if strip is None:
        _fail(errand, f"Its strip isn't here any more: the result is {errand.result}")
        return
    _, beside = results_folder()
    strip.recaster.uid = errand.uid  # which undo may have taken away
    try:
        with compat.editing(scene):
            made = placement.place(scene, strip, errand.result, errand.before, errand.facts, beside)
            made.recaster.made_for = errand.person
            coverage.keep(made, errand.told, pace_of(made, scene))
    except placement.PlaceError as error:
        _fail(errand, str(error), for_good=False)
        return
    except Exception:
        _fail(errand, "The result can't be placed: make room, then Place Result", for_good=False)
        raise
    errand.stage, errand.trouble = "placed", ""
    settled(errand)
    session.undo_step("Face Swap")


def resume_all() -> None:
    """Go on with the swaps that the opened file waits for."""
    for errand in errands.values():
        if errand.work is not None:
            errand.work.stop()
    errands.clear()
    for scene in bpy.data.scenes:
        for strip in compat.all_strips(scene):
            own = strip.recaster
            if own.pending and own.request:
                session.snapshot()  # calls the engine
                errand = errands.setdefault(own.request, _errand_of(scene, strip))
                errand.stage = "working" if own.job else "waiting"
    link = session.link()
    if link is not None:
        _watch(link)


def after_undo() -> None:
    """Undo took back what strips know of their swaps; that isn't an editor's work, and is put back."""
    for errand in errands.values():
        _, strip = strip_of(errand)
        if strip is None:
            continue
        own = strip.recaster
        if not errand.ended:
            own.uid, own.request, own.job, own.pending = errand.uid, errand.request, errand.job, True
        elif own.request == errand.request:
            own.pending = errand.kept


def _resume(errand: Errand) -> None:
    """Send a strip that could not be sent before, now that the engine answers."""
    from .source_range import ShotError

    scene, strip = strip_of(errand)
    if strip is None:
        _fail(errand, "Its strip isn't here any more")
        return
    try:
        shot, choice = shot_of(strip, scene, strip.recaster.handles), Choice.of(strip)
    except ShotError as error:
        _fail(errand, str(error))
        return
    errand.before = window_of(strip, scene, strip.recaster.handles).before
    errand.facts = facts_of(strip, scene)
    _bring(errand, shot, choice)


def _watch(link: Any) -> None:
    """Let the link look at the jobs that are waited for, however many newer ones there are."""
    wanted = frozenset(
        one.job for one in errands.values() if one.job and one.stage in ("working", "cancelled")
    )
    if wanted - link.wanted:
        link.look()
    link.wanted = wanted


def _fail(errand: Errand, why: str, *, for_good: bool = True) -> None:
    errand.stage, errand.trouble, errand.kept = "failed", why, not for_good
    if for_good:
        settled(errand)


def _strip_called(scene: Any, uid: str) -> Any | None:
    return next((one for one in compat.all_strips(scene) if uid and one.recaster.uid == uid), None)
