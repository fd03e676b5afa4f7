"""Pack a faceset or a model as one zip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.jobs.job_context import JobOutput

if TYPE_CHECKING:
    from recaster.jobs.job_context import JobContext


def export(work: JobContext) -> JobOutput:
    """Pack it.

    Raises:
        FacesetError, ModelError, OutputError: it can't be packed.
    """
    spec = work.task.spec.export
    if spec.WhichOneof("what") == "faceset_id":
        from recaster.facesets.faceset import Faceset
        from recaster.facesets.faceset_archive import export_zip

        out = work.folder / "faceset.zip"
        export_zip(Faceset.open(work.task.facesets[spec.faceset_id]), out, work.report)
    else:
        from recaster.models.archive import export_model
        from recaster.models.model_folder import ModelFolder

        out = work.folder / "model.zip"
        export_model(ModelFolder(work.task.models[spec.model_id]), out, work.report)
    return JobOutput(files=(("zip", out),))
