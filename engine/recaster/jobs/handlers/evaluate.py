"""Handler of jobs that judge a swap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.jobs.job_context import JobOutput
from recaster.operations import evaluate
from recaster.settings.evaluate import EvaluateSettings

if TYPE_CHECKING:
    from recaster.jobs.job_context import JobContext


def handle(context: JobContext) -> JobOutput:
    """Judges a swapped clip; figures and pictures are the job's files (as ``operations.evaluate.run``)."""
    spec = context.task.spec.evaluate
    settings = EvaluateSettings(
        target=context.faceset(spec.target_faceset_id) if spec.target_faceset_id else None,
        gallery=tuple(map(context.faceset, spec.gallery_faceset_ids)),
        person=context.picture(spec.person),
        track=spec.track if spec.HasField("track") else None,
    )
    out = context.folder / "evaluation"
    original = context.clip(spec.original_clip_id, spec.corrections)
    swapped = context.clip(spec.swapped_clip_id)
    source = context.faceset(spec.source_faceset_id)
    request = evaluate.Request(original, swapped, source, out, spec.range or None, settings)
    result = evaluate.run(request, context.report, context.grant)
    names = {role: name for name, role in evaluate.ARTIFACTS.items()}
    # The figures come first: clients may take a result's first file.
    files = tuple((role, out / names[role]) for role in ("evaluation", "sheet", "worst"))
    return JobOutput(files=files, summary=tuple(result.lines()))
