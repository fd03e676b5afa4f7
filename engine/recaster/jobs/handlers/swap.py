"""Swap a face in a clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.jobs.job_context import JobOutput
from recaster.jobs.proto_records import coverage_to_proto
from recaster.operations.options import swap_settings

if TYPE_CHECKING:
    from recaster.jobs.job_context import JobContext


def swap(work: JobContext) -> JobOutput:
    """Swap; parts that an earlier run finished are kept.

    Raises:
        UsageError, ClipError, ModelError, FaceNotFoundError, DeviceError, OutputError: as ``recaster swap``.
    """
    from recaster.media.clip import Clip
    from recaster.provenance.manifest import SIDECAR_TYPES, sidecar_of
    from recaster.swapping.load import SwapperFactory, choose_device, load_swapper, needs_tensorflow
    from recaster.swapping.pipeline import swap_clip
    from recaster.swapping.request import SwapRequest

    spec = work.task.spec.swap
    clip = Clip(work.clip(spec.clip_id))
    out = work.folder / f"swapped{spec.suffix or '.mp4'}"
    matte = out.with_stem("matte") if spec.matte else None
    report = out.with_name("report.json") if spec.report else None
    settings = swap_settings(spec.options, clip.info, work.picture(spec.options.person), matte, report)
    model = work.task.models.get(spec.model_id)
    threads = spec.options.threads if spec.options.HasField("threads") else None
    asked = spec.options.device or "auto"
    device = choose_device(asked, threads, tensorflow=needs_tensorflow(model, spec.options.detector))
    work.log("info", f"swapping {device}")
    source = work.task.facesets.get(spec.faceset_id)
    request = SwapRequest(
        clip=clip,
        out=out,
        swapper=load_swapper(model, source, asked),
        settings=settings,
        mark=work.task.mark,
        factory=SwapperFactory(model, source, asked) if threads is None else None,
        # The job's folder goes when it has ended: until then an interruption must cost no more than a join.
        keeps_segments=True,
    )
    result = swap_clip(request, work.report)
    made = {"clip": out, "matte": matte, "report": report}
    files = [(role, path) for role, path in made.items() if path is not None]
    if work.task.mark is not None and out.suffix in SIDECAR_TYPES:
        files.append(("manifest", sidecar_of(out)))
    return JobOutput(
        files=tuple(files),
        summary=result.summary(device),
        warnings=result.warnings,
        coverage=coverage_to_proto(result.coverage),
        mark=result.marked,
    )
