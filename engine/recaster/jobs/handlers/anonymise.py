"""Handler of jobs that make people in a clip unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.jobs.job_context import JobOutput
from recaster.operations import anonymise
from recaster.provenance.manifest import SIDECAR_TYPES, sidecar_of
from recaster.settings.anonymise import AnonymiseSettings
from recaster.settings.messages import settings_from

if TYPE_CHECKING:
    from recaster.jobs.job_context import JobContext


def handle(context: JobContext) -> JobOutput:
    """Makes people unknown (as ``operations.anonymise.run``); parts that an earlier run finished are kept."""
    work = context.task.spec.anonymise
    swap = work.swap
    out = context.folder / f"anonymised{swap.suffix or '.mp4'}"
    report = context.folder / "report.json" if swap.report else None
    options = swap.options
    wishes = {"track": options.track} if options.HasField("track") else {}
    wishes |= {"min_face": options.min_face} if options.HasField("min_face") else {}
    request = anonymise.Request(
        clip=context.clip(swap.clip_id, options.corrections),
        out=out,
        settings=settings_from(AnonymiseSettings, work, person=context.picture(options.person), **wishes),
        options=options,
        model=context.model(swap.model_id) if swap.model_id else None,
        source=context.faceset(swap.faceset_id) if swap.faceset_id else None,
        report=report,
    )
    result = anonymise.run(request, context.report, context.log, context.grant)
    files = [("clip", out)] if report is None else [("clip", out), ("report", report)]
    if out.suffix in SIDECAR_TYPES:
        files.append(("manifest", sidecar_of(out)))
    return JobOutput(files=tuple(files), summary=result.summary(), warnings=result.warnings, mark=result.mark)
