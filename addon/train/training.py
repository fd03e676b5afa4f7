# SPDX-License-Identifier: GPL-3.0-or-later
"""Trainings of models, and views of how they go."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import bpy

from .. import images, messages
from ..config import cache_folder
from ..engine import session
from ..state import addon_state
from ..swap.sending import CLIENT, MAX_LABEL_LETTERS
from ..translations import translate
from .extraction import MAX_NAME_LETTERS

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.client import Client

    from ..engine.connection import BackgroundWork, EngineState

VIEW_INTERVAL_S = 10.0
CURVE_POINTS = 400
MAX_POINTS = 4 * CURVE_POINTS


class TrainingView:
    """View of one model's training, as far as pictures can tell.

    Attributes:
        model: its id.
        step: steps of the preview.
        preview: a file with what it paints.
        loss: the latest loss of the curve.
        asked_at: seconds of training when this was asked for.
        work: what is being asked.
    """

    def __init__(self, model: str) -> None:
        self.model: str = model
        self.step: int = 0
        self.preview: Path | None = None
        self.loss: float | None = None
        self.asked_at: tuple[int, float] = (-1, -1.0)
        self.work: BackgroundWork | None = None

    @property
    def curve_icon(self) -> str:
        """The name of its curve among the pictures."""
        return f"curve of {self.model}"

    @property
    def preview_icon(self) -> str:
        """The name of the preview among the pictures."""
        return f"sheet of {self.model}"


def train(scene: Any, more: Any | None) -> None:
    """Begins a training with what is chosen in a scene; ``more`` is a model to go on with."""
    chosen = scene.recaster
    found = session.engine_state()
    connection = addon_state.connection
    if connection is None:
        addon_state.training_troubles["train"] = found.trouble
        return
    addon_state.training_troubles.pop("train", None)
    name = _model_name(chosen, found)
    preset = chosen.preset
    minutes = chosen.minutes
    scene_name = scene.name
    opened = addon_state.files_opened
    source = chosen.source
    target = chosen.target if is_pairwise(found, preset) else ""
    if more is not None:
        name = more.display_name
        minutes = minutes + more.seconds / 60

    def do(client: Client, _work: BackgroundWork) -> Any:
        from recaster.api.v1 import job_pb2

        options = job_pb2.TrainOptions(minutes=minutes)
        if more is None:
            options.preset = preset
        spec = job_pb2.TrainSpec(
            model_id="" if more is None else more.model_id,
            display_name=name[:MAX_NAME_LETTERS],
            source_faceset_id=source,
            target_faceset_id=target,
            options=options,
        )
        labels = {**CLIENT, "name": name[:MAX_LABEL_LETTERS]}
        return client.jobs.create(job_pb2.JobSpec(train=spec), labels)

    def done(job: Any) -> None:
        addon_state.training_troubles.pop("train", None)
        into = bpy.data.scenes.get(scene_name)
        if into is not None and opened == addon_state.files_opened:
            into.recaster.model = model_of(job)
        connection.refresh()

    connection.run(
        translate("Asking for a training"),
        do,
        done,
        lambda error: addon_state.training_troubles.update(train=messages.of_error(error)),
    )


def _model_name(chosen: Any, found: EngineState) -> str:
    """Returns the name of a new model: the one that was typed, else that of the source's faceset."""
    sets = {one.faceset_id: one for one in found.facesets}
    source = sets[chosen.source].display_name.removesuffix(".zip") if chosen.source in sets else "model"
    return chosen.name.strip() or source


def is_pairwise(found: EngineState, preset: str) -> bool:
    """Tells if a preset is trained on two people."""
    presets = found.info.presets if found.info is not None else ()
    return any(one.name == preset and one.family == "pairwise" for one in presets)


def model_of(job: Any) -> str:
    """The id of the model that a training makes or goes on with."""
    return str(job.spec.train.model_id or job.job_id)


def training_of(found: EngineState, model: str) -> Any | None:
    """The latest training of a model, as a job; None where there is none that is known."""
    for job in (found.jobs or {}).values():
        if job.spec.HasField("train") and model_of(job) == model:
            return job
    return None


def on_engine_state(found: EngineState) -> None:
    """Looks at what trainings paint that are shown, every few seconds; and at facesets that changed."""
    if not found.online:
        return
    for model in {scene.recaster.model for scene in bpy.data.scenes if scene.recaster.model}:
        view = addon_state.training_views.setdefault(model, TrainingView(model))
        job = training_of(found, model)
        moment = (0 if job is None else job.attempts, 0.0 if job is None else job.progress.done)
        apart = VIEW_INTERVAL_S if job is not None and job.progress.unit == "seconds" else 1.0
        again = moment[0] != view.asked_at[0] or abs(moment[1] - view.asked_at[1]) >= apart
        ended = job is not None and job.HasField("end_time") and moment != view.asked_at
        if view.work is None and (again or ended):
            view.asked_at = moment
            _refresh_view(view)


def _refresh_view(view: TrainingView) -> None:
    connection = addon_state.connection
    folder = cache_folder() / "previews"

    def do(client: Client, _work: BackgroundWork) -> Any:
        from recaster.api.v1 import model_pb2
        from recaster.client import MissingError

        call = client.connection.call
        models = client.models
        ask = model_pb2.GetLossCurvesRequest(model_id=view.model, points=CURVE_POINTS)
        curves = call(models.GetLossCurves, ask).curves
        known = zip(curves[0].steps, curves[0].values, strict=False) if curves else ()
        points = [one for one in known if math.isfinite(one[1])][:MAX_POINTS]
        curve = images.curve(*zip(*points, strict=True)) if points else None
        loss = points[-1][1] if points else None
        try:
            sheet = call(models.GetModelPreview, model_pb2.GetModelPreviewRequest(model_id=view.model))
        except MissingError:  # none was painted yet
            return loss, curve, None, None, 0
        path = images.keep(sheet.png, folder, ".png")
        return loss, curve, path, images.read(sheet.png).fit(images.MAX_ICON_PIXELS).floats(), sheet.step

    def done(found: Any) -> None:
        loss, curve, path, picture, step = found
        view.work = None
        if path is not None:
            view.preview = path
            view.step = step
            images.draw_pixels(view.preview_icon, picture)
        if curve is not None:
            view.loss = loss
            images.draw_pixels(view.curve_icon, curve)

    def failed(_error: Exception) -> None:
        view.work = None  # it is asked again

    view.work = connection.run(translate("Looking at a model"), do, done, failed)


def forget_all() -> None:
    """Forgets what belongs to the file that was open; what was begun in it must not end in another."""
    addon_state.files_opened += 1
    for kept in (addon_state.faces_pages, addon_state.training_views, addon_state.training_troubles):
        kept.clear()
