"""Handler of jobs that swap a clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.jobs.job_context import JobOutput
from recaster.jobs.proto_records import coverage_to_proto
from recaster.operations import swap
from recaster.provenance.manifest import SIDECAR_TYPES, sidecar_of

if TYPE_CHECKING:
    from recaster.jobs.job_context import JobContext


def handle(context: JobContext) -> JobOutput:
    """Swaps; segments that an earlier run finished are kept (as ``operations.swap.run``)."""
    spec = context.task.spec.swap
    out = context.folder / f"swapped{spec.suffix or '.mp4'}"
    request = swap.Request(
        clip=context.clip(spec.clip_id),
        out=out,
        options=spec.options,
        model=context.model(spec.model_id) if spec.model_id else None,
        source=context.faceset(spec.faceset_id) if spec.faceset_id else None,
        person=context.picture(spec.options.person),
        matte=out.with_stem("matte") if spec.matte else None,
        report=out.with_name("report.json") if spec.report else None,
        layers=tuple(spec.layers),
        layers_out=out.with_name("layers.mov") if spec.layers else None,
        # The job's folder goes when it has ended: until then an interruption must cost no more than a join.
        keeps_segments=True,
    )
    result = swap.run(request, context.report, context.log, context.grant)
    made = {
        "clip": out,
        "matte": request.matte,
        "report": request.report,
        "layers": request.layers_out,
    }
    files = [(role, path) for role, path in made.items() if path is not None]
    if context.grant.mark is not None and out.suffix in SIDECAR_TYPES:
        files.append(("manifest", sidecar_of(out)))
    return JobOutput(
        files=tuple(files),
        summary=result.summary(),
        warnings=result.swap.warnings,
        coverage=coverage_to_proto(result.swap.coverage),
        mark=result.swap.marked,
    )
