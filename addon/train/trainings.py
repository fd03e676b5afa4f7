# SPDX-License-Identifier: GPL-3.0-or-later
"""Facesets from strips and folders, models trained on them, and how trainings go."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import bpy

from .. import images, messages
from ..config import cache_folder, is_loopback
from ..engine import session
from ..engine.connection import StoppedError
from ..swap.source_range import Shot, bring
from ..swap.workflow import CLIENT, LONGEST_LABEL

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.client import Client

    from ..engine.connection import Snapshot, Work

CLIPS = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mxf", ".mpg", ".mpeg", ".mts", ".m2ts"})
STILLS = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})
PAGE = 24
"""Faces shown at a time."""
SHEET_EVERY_S = 10.0
CURVE_POINTS = 400
MAX_POINTS = 4 * CURVE_POINTS
MOST_NAME = 200


@dataclass
class Gathering:
    """Faces being taken out of strips or files.

    Attributes:
        work: what is being done.
        trouble: what went wrong, and what to do.
    """

    work: Work | None = None
    trouble: str = ""


@dataclass
class Sheet:
    """A page of a faceset: its faces (Face, without thumbnails) and where their pictures are."""

    faceset: str
    page: int
    digest: str
    faces: list[Any] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    trouble: str = ""
    work: Work | None = None


@dataclass
class Course:
    """How one model's training goes, as far as pictures can tell.

    Attributes:
        model: its id.
        step: steps of the preview.
        preview: a file with what it paints.
        loss: the latest loss of the curve.
        looked: seconds of training when this was asked for.
        work: what is being asked.
    """

    model: str
    step: int = 0
    preview: Path | None = None
    loss: float | None = None
    looked: tuple[int, float] = (-1, -1.0)
    work: Work | None = None

    @property
    def curve(self) -> str:
        """The name of its curve among the pictures."""
        return f"curve of {self.model}"

    @property
    def sheet(self) -> str:
        """The name of the preview among the pictures."""
        return f"sheet of {self.model}"


gatherings: dict[str, Gathering] = {"source": Gathering(), "target": Gathering()}
sheets: dict[str, Sheet] = {}
courses: dict[str, Course] = {}
trouble: dict[str, str] = {}
"""What went wrong when something was asked for, by what it was."""
files_opened = 0
"""How often a file was opened."""


def gather_strips(scene: Any, role: str, shots: list[Shot]) -> None:
    """Take the faces of the main person of strips into a faceset, and make it the source or target."""

    def do(client: Client, work: Work, local: bool, cache: Path) -> str:
        faceset = ""
        for shot in shots:
            brought = bring(client, work, shot, cache / "clips", local)
            faceset = _extract(
                client, work, faceset, shot.name, [{"clip_id": brought.clip.clip_id}], brought.range
            )
        return faceset

    _gather(scene, role, do)


def gather_folder(scene: Any, role: str, folder: Path) -> None:
    """The same for the clips and pictures of a folder (those directly in it)."""

    def do(client: Client, work: Work, _local: bool, _cache: Path) -> str:
        from recaster.api.v1 import job_pb2
        from recaster.errors import InputError

        inputs: list[dict[str, Any]] = []
        for path in sorted(folder.iterdir()):
            suffix = path.suffix.lower()
            if suffix in CLIPS:
                inputs.append({"clip_id": client.take_clip(path, work.report)})
            elif suffix in STILLS:
                digest = client.transfer.upload(path, work.report)
                inputs.append({"picture": job_pb2.Picture(digest=digest, display_name=path.name[:MOST_NAME])})
        if not inputs:
            raise InputError("The folder holds neither clips nor pictures: choose another")
        return _extract(client, work, "", folder.name, inputs, "")

    _gather(scene, role, do)


def _gather(scene: Any, role: str, do: Any) -> None:
    link, gathering, name = session.link(), gatherings[role], scene.name
    if link is None:
        gathering.trouble = session.snapshot().trouble
        return
    cache, local, opened = cache_folder(), is_loopback(link.address.target), files_opened

    def done(faceset: str) -> None:
        gathering.work = None
        into = bpy.data.scenes.get(name)
        if into is not None and opened == files_opened:
            setattr(into.recaster, role, faceset)
        link.look()

    def failed(error: Exception) -> None:
        gathering.work, gathering.trouble = None, messages.of_error(error)

    gathering.trouble = ""
    gathering.work = link.run(
        f"Faces of the {role}", lambda client, work: do(client, work, local, cache), done, failed
    )


def _extract(
    client: Client, work: Work, faceset: str, name: str, inputs: list[dict[str, Any]], frames: str
) -> str:
    """Let an extract job be done and wait for it; returns the faceset's id."""
    from recaster.api.v1 import job_pb2

    spec = job_pb2.ExtractSpec(faceset_id=faceset, inputs=[job_pb2.ExtractInput(**one) for one in inputs])
    if not faceset:
        spec.display_name = name[:MOST_NAME]
    if frames:
        spec.options.range = frames
    labels = {**CLIENT, "name": name[:LONGEST_LABEL]}
    job = client.jobs.create(job_pb2.JobSpec(extract=spec), labels)
    work.job = job.job_id
    try:
        found: str = client.jobs.wait(job.job_id, work.report).result.faceset_id
    except StoppedError:
        client.jobs.cancel(job.job_id)
        raise
    return found


def train(scene: Any, more: Any | None) -> None:
    """Begin a training with what is chosen in a scene; ``more`` is a model to go on with."""
    chosen, found = scene.recaster, session.snapshot()
    link = session.link()
    if link is None:
        trouble["train"] = found.trouble
        return
    sets = {one.faceset_id: one for one in found.facesets}
    trouble.pop("train", None)
    name = chosen.name.strip() or (
        sets[chosen.source].display_name.removesuffix(".zip") if chosen.source in sets else "model"
    )
    preset, minutes, scene_name, opened = chosen.preset, chosen.minutes, scene.name, files_opened
    source, target = chosen.source, chosen.target if pairwise(found, preset) else ""
    if more is not None:
        name, minutes = more.display_name, minutes + more.seconds / 60

    def do(client: Client, _work: Work) -> Any:
        from recaster.api.v1 import job_pb2

        options = job_pb2.TrainOptions(minutes=minutes)
        if more is None:
            options.preset = preset
        spec = job_pb2.TrainSpec(
            model_id="" if more is None else more.model_id,
            display_name=name[:MOST_NAME],
            source_faceset_id=source,
            target_faceset_id=target,
            options=options,
        )
        labels = {**CLIENT, "name": name[:LONGEST_LABEL]}
        return client.jobs.create(job_pb2.JobSpec(train=spec), labels)

    def done(job: Any) -> None:
        trouble.pop("train", None)
        into = bpy.data.scenes.get(scene_name)
        if into is not None and opened == files_opened:
            into.recaster.model = model_of(job)
        link.look()

    link.run("Asking for a training", do, done, lambda error: trouble.update(train=messages.of_error(error)))


def pairwise(found: Snapshot, preset: str) -> bool:
    """Whether a preset is trained on two people."""
    presets = found.info.presets if found.info is not None else ()
    return any(one.name == preset and one.family == "pairwise" for one in presets)


def model_of(job: Any) -> str:
    """The id of the model that a training makes or goes on with."""
    return str(job.spec.train.model_id or job.job_id)


def training_of(found: Snapshot, model: str) -> Any | None:
    """The latest training of a model, as a job; None where there is none that is known."""
    for job in (found.jobs or {}).values():
        if job.spec.HasField("train") and model_of(job) == model:
            return job
    return None


def on_snapshot(found: Snapshot) -> None:
    """Look at what trainings paint that are shown, every few seconds; and at facesets that changed."""
    if not found.online:
        return
    for model in {scene.recaster.model for scene in bpy.data.scenes if scene.recaster.model}:
        course = courses.setdefault(model, Course(model))
        job = training_of(found, model)
        moment = (0 if job is None else job.attempts, 0.0 if job is None else job.progress.done)
        apart = SHEET_EVERY_S if job is not None and job.progress.unit == "seconds" else 1.0
        again = moment[0] != course.looked[0] or abs(moment[1] - course.looked[1]) >= apart
        ended = job is not None and job.HasField("end_time") and moment != course.looked
        if course.work is None and (again or ended):
            course.looked = moment
            _look(course)


def _look(course: Course) -> None:
    link = session.link()
    folder = cache_folder() / "previews"

    def do(client: Client, _work: Work) -> Any:
        from recaster.api.v1 import model_pb2
        from recaster.client import MissingError

        call, models = client.connection.call, client.models
        ask = model_pb2.GetLossCurvesRequest(model_id=course.model, points=CURVE_POINTS)
        curves = call(models.GetLossCurves, ask).curves
        try:
            sheet = call(models.GetModelPreview, model_pb2.GetModelPreviewRequest(model_id=course.model))
        except MissingError:  # none was painted yet
            return curves, None, 0
        return curves, images.keep(sheet.png, folder, ".png"), sheet.step

    def done(found: Any) -> None:
        curves, path, step = found
        course.work = None
        if path is not None:
            course.preview, course.step = path, step
            images.draw(course.sheet, path)
        if curves:
            known = zip(curves[0].steps, curves[0].values, strict=False)
            points = [one for one in known if math.isfinite(one[1])][:MAX_POINTS]
            if points:
                course.loss = points[-1][1]
                images.draw_curve(course.curve, *zip(*points, strict=True))

    def failed(_error: Exception) -> None:
        course.work = None  # it is asked again

    course.work = link.run("Looking at a model", do, done, failed)


def show_faces(faceset: Any, page: int) -> None:
    """Fetch a page of a faceset's faces, in a thread."""
    link = session.link()
    sheet = Sheet(faceset.faceset_id, page, _state(faceset))
    before = sheets.get(faceset.faceset_id)
    if link is None or (before is not None and before.work is not None):
        return
    folder = cache_folder() / "faces"
    sheets[faceset.faceset_id] = sheet

    def do(client: Client, _work: Work) -> tuple[list[Any], list[Path]]:
        from recaster.api.v1 import faceset_pb2

        ask = faceset_pb2.ListFacesRequest(
            faceset_id=faceset.faceset_id,
            page_size=PAGE,
            page_token=str((page - 1) * PAGE) if page > 1 else "",
            thumbnails=True,
        )
        faces = list(client.connection.call(client.facesets.ListFaces, ask, 60.0).faces)[:PAGE]
        return faces, [images.keep(one.thumbnail, folder, ".jpg") for one in faces]

    def done(found: tuple[list[Any], list[Path]]) -> None:
        sheet.work = None
        sheet.faces, sheet.files = found
        for path in sheet.files:
            images.load(path)

    def failed(error: Exception) -> None:
        sheet.work, sheet.trouble = None, messages.of_error(error)

    sheet.work = link.run("Fetching faces", do, done, failed)


def stale(faceset: Any, page: int) -> bool:
    """Whether the page of a faceset's faces that is shown isn't the one that should be."""
    sheet = sheets.get(faceset.faceset_id)
    return sheet is None or (sheet.page, sheet.digest) != (page, _state(faceset))


def drop_face(faceset: Any, face: Any) -> None:
    """Leave a face out, or take it in again, in a thread."""
    link, sheet = session.link(), sheets.get(faceset.faceset_id)
    if link is None or sheet is None:
        return

    def do(client: Client, _work: Work) -> Any:
        from recaster.api.v1 import faceset_pb2

        ask = faceset_pb2.DropFacesRequest(
            faceset_id=faceset.faceset_id, face_ids=[face.face_id], restore=face.dropped
        )
        return client.connection.call(client.facesets.DropFaces, ask, 60.0)

    def done(changed: Any) -> None:
        face.dropped = not face.dropped
        sheet.digest, sheet.trouble = _state(changed), ""
        link.look()

    def failed(error: Exception) -> None:
        sheet.trouble = messages.of_error(error)

    link.run("Dropping a face", do, done, failed)


def _state(faceset: Any) -> str:
    return f"{faceset.digest} {faceset.dropped}"


def forget_all() -> None:
    """Another file was opened."""
    global files_opened  # noqa: PLW0603 - what was begun in another file must not end in this one
    files_opened += 1
    for kept in (sheets, courses, trouble):
        kept.clear()
