"""Handler of jobs that train a model, or train one on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recaster.jobs.job_context import JobOutput
from recaster.jobs.proto_records import model_to_proto
from recaster.models.model_folder import ModelFolder, step_of
from recaster.operations import train
from recaster.operations.request_options import parse_hyperparameters, schedule

if TYPE_CHECKING:
    from recaster.jobs.job_context import JobContext
    from recaster.progress import Update

CHECKPOINT_S: Final = 30.0
"""Seconds between checkpoints: what a crash may cost at most, and how old a model is that others use."""


def handle(context: JobContext) -> JobOutput:
    """Trains, on from the last checkpoint where there is one (as ``operations.train.run``)."""
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.faceset_traces import faceset_traces

    task = context.task
    spec = task.spec.train
    options = spec.options
    folder = ModelFolder(context.model(task.made))
    source = context.faceset(spec.source_faceset_id)
    request = train.Request(
        source=source,
        model=folder.path,
        schedule=schedule(options, checkpoint_every=CHECKPOINT_S, preview_every=CHECKPOINT_S),
        target=context.faceset(spec.target_faceset_id) if spec.target_faceset_id else None,
        preset=options.preset or None,
        hyperparameters=parse_hyperparameters(options),
        resumes=folder.exists(),
        seed=options.seed if options.HasField("seed") else None,
        # What the engine's machine has says nothing of a cluster's nodes.
        device=(options.device if task.HasField("cluster") else task.device) or "auto",
        threads=options.threads if options.HasField("threads") else None,
    )
    previews = _PreviewWatch(folder, context)
    result = train.run(request, previews.report, context.log, context.grant)
    previews.look()  # the last is written after the last report
    body = model_to_proto(folder, task.made, spec.display_name)
    traces = folder.traces() | faceset_traces(Faceset.open(source))
    return JobOutput("model", body, summary=(result.summary(),), traces=traces)


class _PreviewWatch:
    """Reports every preview that appears after it was made."""

    def __init__(self, folder: ModelFolder, context: JobContext) -> None:
        self._folder = folder
        self._context = context
        self._seen = set(folder.preview_sheets())

    def report(self, update: Update) -> None:
        """Reports progress, and new previews."""
        self._context.report(update)
        self.look()

    def look(self) -> None:
        """Reports new previews."""
        for path in self._folder.preview_sheets():
            if path not in self._seen:
                self._seen.add(path)
                self._context.preview(path, step_of(path))
