"""Judge a swap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.jobs.job_context import JobOutput

if TYPE_CHECKING:
    from recaster.jobs.job_context import JobContext


def judge(work: JobContext) -> JobOutput:
    """Judge a swapped clip; the figures and pictures are its files.

    Raises:
        UsageError, ClipError, FacesetError, FaceNotFoundError: as ``recaster evaluate``.
    """
    from recaster.evaluation.evaluate import SHEET, WORST, evaluate
    from recaster.evaluation.result import NAME
    from recaster.media.probe import probe
    from recaster.media.ranges import parse_range
    from recaster.settings.evaluate import EvaluateSettings

    spec = work.task.spec.evaluate
    original, swapped = work.clip(spec.original_clip_id), work.clip(spec.swapped_clip_id)
    facesets = work.task.facesets
    settings = EvaluateSettings(
        target=facesets.get(spec.target_faceset_id),
        gallery=tuple(facesets[name] for name in spec.gallery_faceset_ids),
        frames=parse_range(spec.range, probe(original)) if spec.range else None,
        person=work.picture(spec.person),
        track=spec.track if spec.HasField("track") else None,
    )
    out = work.folder / "evaluation"
    outcome = evaluate(original, swapped, facesets[spec.source_faceset_id], out, settings, work.report)
    files = (("evaluation", out / NAME), ("sheet", out / SHEET), ("worst", out / WORST))
    return JobOutput(files=files, summary=tuple(outcome.lines()))
