"""Train a model, or train one on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recaster.errors import UsageError
from recaster.jobs.job_context import JobOutput
from recaster.jobs.proto_records import model_to_proto
from recaster.models.model_folder import ModelFolder, step_of
from recaster.operations.options import ingredients, schedule
from recaster.settings.train import DEFAULT_PRESET

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2
    from recaster.jobs.job_context import JobContext
    from recaster.models.presets import Preset
    from recaster.progress import Update

CHECKPOINT_S: Final = 30.0
"""Seconds between checkpoints: what a crash may cost at most, and how old a model is that others use."""


def train_model(work: JobContext) -> JobOutput:
    """Train; goes on from the last checkpoint where there is one.

    Raises:
        UsageError, ModelError, TrainingError, DeviceError, OutputError: as ``recaster train``.
    """
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.faceset_traces import faceset_traces
    from recaster.models.presets import overridden, preset
    from recaster.networks.device import select_device
    from recaster.training.loop import train
    from recaster.training.preparation import build_training, new_model, perceptual_backbone, resumed_model

    spec = work.task.spec.train
    options = spec.options
    budget = schedule(options, checkpoint_every=CHECKPOINT_S, preview_every=CHECKPOINT_S)
    folder = ModelFolder(work.task.models[work.task.made])
    source = Faceset.open(work.task.facesets[spec.source_faceset_id])
    target = Faceset.open(work.task.facesets[spec.target_faceset_id]) if spec.target_faceset_id else None
    flags = ingredients(options)
    seed = options.seed if options.HasField("seed") else None
    begun = folder.exists()
    if begun:
        card = resumed_model(folder, source, target, seed)
        _same(card.preset, options)
        recipe = overridden(card.preset, **flags)
    else:
        recipe = overridden(preset(options.preset or DEFAULT_PRESET), **flags)
        card = new_model(folder, recipe, source, target, seed or 0)
    device = select_device(
        work.task.device or "auto", options.threads if options.HasField("threads") else None
    )
    work.log("info", f"training {recipe.name} {device.note}")
    backbone = perceptual_backbone(recipe)
    if backbone is not None:
        work.log("warning" if recipe.losses.perceptual == "vggface" else "info", backbone.note)
    training = build_training(recipe, source, target, folder, card.seed, backbone, work.report)
    if not begun:
        folder.write(card)
    previews = _Previews(folder, work)
    result = train(training, folder, budget, previews.report, resume=begun)
    previews.look()  # the last is written after the last report
    name = spec.display_name
    body = model_to_proto(folder, work.task.made, name)
    traces = folder.traces() | faceset_traces(source)
    return JobOutput("model", body, summary=(result.summary(),), traces=traces)


def _same(trained: Preset, options: job_pb2.TrainOptions) -> None:
    if options.preset and options.preset != trained.name:
        raise UsageError(f"the model was trained with preset {trained.name}, not {options.preset}")


class _Previews:
    """Tells of every preview that has appeared since it was begun."""

    def __init__(self, folder: ModelFolder, work: JobContext) -> None:
        self._folder = folder
        self._work = work
        self._seen = set(folder.preview_sheets())

    def report(self, update: Update) -> None:
        """Report progress, and what has appeared."""
        self._work.report(update)
        self.look()

    def look(self) -> None:
        """Tell of what has appeared."""
        for path in self._folder.preview_sheets():
            if path not in self._seen:
                self._seen.add(path)
                self._work.preview(path, step_of(path))
