# SPDX-License-Identifier: GPL-3.0-or-later
"""Swaps of strips on their way: to the engine, at work there, back, and onto the timeline.

What must outlive Blender is on the strip itself (its name among swaps, the request, the job); the engine
keeps the rest. So whoever opens the file again finds the result, whatever was closed or killed meanwhile.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from . import compat, placing, session
from .link import StoppedError, offline
from .preferences import cache_folder, loopback, results_folder
from .properties import CHOICES, SUFFIXES
from .shots import Shot, bring, shot_of, window_of

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2
    from recaster.client import Client

    from .link import Snapshot, Work

CLIENT = {"client": "blender"}
"""Label of all jobs that come from here."""
LONGEST_LABEL = 100


@dataclass(frozen=True)
class Choice:
    """How a strip is to be swapped, as plain data for threads; see ``StripSettings``."""

    face: str
    person: str
    everyone: bool
    mask: str
    feather: float
    erode: float
    colour: str
    smoothing: str
    codec: str

    @classmethod
    def of(cls, strip: Any) -> Choice:
        """What is chosen on a strip."""
        chosen = strip.recaster
        person = bpy.path.abspath(chosen.person) if chosen.person and not chosen.everyone else ""
        return cls(
            chosen.face, person, chosen.everyone, chosen.mask, chosen.feather, chosen.erode, chosen.colour,
            chosen.smoothing, chosen.codec,
        )  # fmt: skip


@dataclass
class Errand:
    """One swap on its way.

    Attributes:
        request: its name at the engine.
        uid: the strip's name among swaps.
        title: the strip's name.
        before: frames of the strip's content before the first one that it holds.
        stage: "sending", "waiting" (for the engine to answer), "working", "fetching", "placed", "failed",
            "cancelled".
        trouble: what went wrong, and what to do.
        job: its job's id, once it is known.
        work: what is being done for it in a thread.
        result: the finished clip on this machine.
    """

    request: str
    uid: str
    title: str
    before: int
    stage: str = "sending"
    trouble: str = ""
    job: str = ""
    work: Work | None = None
    result: Path | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.stage in ("placed", "failed", "cancelled")


errands: dict[str, Errand] = {}
"""All swaps of this file, by request, in the order they were asked for."""


def begin(scene: Any, strip: Any) -> Errand:
    """Ask for a swap of a strip with what is chosen on it.

    Raises:
        ShotError: the strip can't be swapped.
    """
    own = strip.recaster
    shot_of(strip, scene, own.handles)
    others = [
        one for one in compat.all_strips(scene) if one != strip and own.uid and one.recaster.uid == own.uid
    ]
    if not own.uid or others:  # a copy of a strip is another strip
        own.uid = uuid.uuid4().hex[:12]
    for earlier in [one for one in errands.values() if one.uid == own.uid and not one.ended]:
        cancel(earlier)
    own.request, own.job, own.pending = uuid.uuid4().hex, "", True
    return _send(scene, strip)


def swap_again(strip: Any, scene: Any) -> Errand:
    """The same once more for a strip or for the strip that it is a swap of (ShotError)."""
    return begin(scene, original_of(scene, strip) or strip)


def original_of(scene: Any, strip: Any) -> Any | None:
    """The strip that a result was made from; None for another strip, or where it is gone."""
    return _strip_called(scene, strip.recaster.result_of) if strip.recaster.result_of else None


def choices_from(active: Any, strips: list[Any]) -> None:
    """Let the choices made on the active strip hold for others."""
    for strip in strips:
        if strip != active:
            for name in CHOICES:
                setattr(strip.recaster, name, getattr(active.recaster, name))


def options_of(client: Client, choice: Choice, frames: str) -> job_pb2.SwapOptions:
    """A choice as the engine's options; brings the performer's picture there."""
    from recaster.api.v1 import job_pb2

    options = job_pb2.SwapOptions(
        range=frames,
        mask=choice.mask,
        feather=round(choice.feather, 4),
        erode=round(choice.erode, 4),
        colour=choice.colour,
        smoothing=choice.smoothing,
        codec=choice.codec,
    )
    if choice.everyone:
        options.everyone = True
    elif choice.person:
        options.person = client.transfer.upload(Path(choice.person))
    return options


def face_of(choice: Choice) -> dict[str, str]:
    """The field of a spec that says whose face is put on."""
    kind, _, name = choice.face.partition(":")
    return {f"{kind}_id": name}


def _send(scene: Any, strip: Any) -> Errand:
    own = strip.recaster
    errand = Errand(own.request, own.uid, strip.name, window_of(strip, own.handles).before)
    errands[own.request] = errand
    _bring(errand, shot_of(strip, scene, own.handles), Choice.of(strip))
    return errand


def _bring(errand: Errand, shot: Shot, choice: Choice) -> None:
    """Send the strip's file and ask for the job, in a thread."""
    link = session.link()
    if link is None:
        _fail(errand, session.snapshot().trouble)
        return
    cache, local = cache_folder() / "clips", loopback(link.address.target)
    labels = {
        **CLIENT,
        "request": errand.request,
        "strip": errand.uid,
        "name": errand.title[:LONGEST_LABEL],
        "before": str(errand.before),
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
        own = _own(errand)
        if own is not None:
            own.job = job
        if errand.stage == "cancelled":  # too late to be stopped
            cancel(errand)
            return
        errand.stage = "working"
        _watch(link)

    def failed(error: Exception) -> None:
        errand.work = None
        if offline(error) and errand.stage != "cancelled":
            errand.stage = "waiting"
        elif not isinstance(error, StoppedError):
            _fail(errand, str(error))

    errand.stage, errand.trouble = "sending", ""
    errand.work = link.run(errand.title, do, done, failed)


def cancel(errand: Errand) -> None:
    """End a swap for good."""
    errand.stage = "cancelled"
    _settled(errand)
    if errand.work is not None:
        errand.work.stop()
    link = session.link()
    if errand.job and link is not None:
        from .jobs import tell

        tell("cancel", errand.job)


def on_snapshot(found: Snapshot) -> None:
    """Let swaps go on, now that the engine was looked at."""
    link = session.link()
    if not found.online or link is None:
        return
    for errand in list(errands.values()):
        if errand.stage == "waiting":
            _resume(errand)
        elif errand.stage == "working":
            _look(errand, found)
    _watch(link)


def _look(errand: Errand, found: Snapshot) -> None:
    from recaster.api.v1 import job_pb2

    job = found.job(errand.job)
    if job is None:
        if errand.job in found.gone:
            _fail(errand, "the engine has forgotten this job; swap the strip again")
    elif job.state == job_pb2.JOB_STATE_SUCCEEDED:
        errand.before = int(job.labels["before"])
        _fetch(errand, job)
    elif job.state == job_pb2.JOB_STATE_FAILED:
        _fail(errand, job.error.message)
    elif job.state == job_pb2.JOB_STATE_CANCELLED:
        errand.stage = "cancelled"
        _settled(errand)


def _fetch(errand: Errand, job: Any) -> None:
    """Download a result, and put it on the timeline."""
    link = session.link()
    [made] = [one for one in job.result.artifacts if one.role == "clip"]
    folder, _ = results_folder()
    out = folder / f"{bpy.path.clean_name(errand.title)}-{errand.request[:8]}{made.suffix}"

    def do(client: Client, work: Work) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        client.transfer.download(made.digest, out, work.report)
        return out

    def done(path: Path) -> None:
        errand.work, errand.result = None, path
        put(errand)

    def failed(error: Exception) -> None:
        errand.work = None
        if offline(error):
            errand.stage = "working"  # fetched when the engine answers again
        elif not isinstance(error, StoppedError):
            _fail(errand, str(error), settled=False)

    errand.stage = "fetching"
    errand.work = link.run(errand.title, do, done, failed)


def put(errand: Errand) -> None:
    """Put a result on the timeline, as one step that can be undone."""
    if errand.result is None:
        return
    scene, strip = strip_of(errand)
    if strip is None:
        _fail(errand, f"its strip isn't here any more; the result is {errand.result}")
        return
    _, beside = results_folder()
    strip.recaster.uid = errand.uid  # which undo may have taken away
    try:
        with compat.editing(scene):
            placing.place(scene, strip, errand.result, errand.before, beside)
    except (placing.PlaceError, RuntimeError) as error:
        _fail(errand, str(error), settled=False)
        return
    errand.stage, errand.trouble = "placed", ""
    _settled(errand)
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
                errands[own.request] = Errand(
                    own.request, own.uid, strip.name, window_of(strip, own.handles).before,
                    stage="working" if own.job else "waiting", job=own.job,
                )  # fmt: skip
    link = session.link()
    if link is not None:
        _watch(link)


def _resume(errand: Errand) -> None:
    """Send a strip that could not be sent before, now that the engine answers."""
    from .shots import ShotError

    scene, strip = strip_of(errand)
    if strip is None:
        _fail(errand, "its strip isn't here any more")
        return
    try:
        shot = shot_of(strip, scene, strip.recaster.handles)
    except ShotError as error:
        _fail(errand, str(error))
        return
    errand.before = window_of(strip, strip.recaster.handles).before
    _bring(errand, shot, Choice.of(strip))


def _watch(link: Any) -> None:
    """Let the link look at the jobs that are waited for, however many newer ones there are."""
    link.wanted = frozenset(one.job for one in errands.values() if one.job and not one.ended)
    link.look()


def _fail(errand: Errand, why: str, *, settled: bool = True) -> None:
    errand.stage, errand.trouble = "failed", why
    if settled:
        _settled(errand)


def _settled(errand: Errand) -> None:
    """Nobody waits for this swap any more, also not when the file is opened again."""
    own = _own(errand)
    if own is not None:
        own.pending = False


def _own(errand: Errand) -> Any | None:
    """What its strip keeps of a swap; None where that is gone, or has been swapped again since."""
    _, strip = strip_of(errand)
    return strip.recaster if strip is not None and strip.recaster.request == errand.request else None


def strip_of(errand: Errand) -> tuple[Any, Any]:
    """The scene and the strip of a swap, or twice None.

    Undo can take a strip's name among swaps away; then the name that people see counts.
    """
    every = [(scene, strip) for scene in bpy.data.scenes for strip in compat.all_strips(scene)]
    called = [one for one in every if one[1].recaster.uid == errand.uid]
    alike = [one for one in called or every if one[1].name == errand.title]
    unnamed = [one for one in alike if called or not one[1].recaster.uid]
    return (unnamed or called or [(None, None)])[0]


def _strip_called(scene: Any, uid: str) -> Any | None:
    return next((one for one in compat.all_strips(scene) if one.recaster.uid == uid), None)
