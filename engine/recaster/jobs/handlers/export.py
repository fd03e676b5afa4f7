"""Handler of jobs that pack a faceset or a model as one zip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.jobs.job_context import JobOutput

if TYPE_CHECKING:
    from recaster.jobs.job_context import JobContext


def handle(context: JobContext) -> JobOutput:
    """Packs it (FacesetError, ModelError, OutputError)."""
    spec = context.task.spec.export
    if spec.WhichOneof("what") == "faceset_id":
        from recaster.facesets.faceset import Faceset
        from recaster.facesets.faceset_archive import export_zip

        out = context.folder / "faceset.zip"
        export_zip(Faceset.open(context.faceset(spec.faceset_id)), out, context.report)
    else:
        from recaster.models.archive import export_model
        from recaster.models.model_folder import ModelFolder

        out = context.folder / "model.zip"
        export_model(ModelFolder(context.model(spec.model_id)), out, context.report)
    return JobOutput(files=(("zip", out),))
