"""Take faces out of clips and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.jobs.job_context import JobOutput
from recaster.jobs.proto_records import faceset_to_proto
from recaster.operations.options import extract_settings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import job_pb2
    from recaster.jobs.job_context import JobContext


def extract_faces(work: JobContext) -> JobOutput:
    """Take faces into a new faceset, or add to one; goes on where it was stopped.

    Raises:
        InputError, FaceNotFoundError, OutputError: as ``facesets.extract.extract``.
    """
    from recaster.facesets.extraction import extract
    from recaster.facesets.faceset_info import describe
    from recaster.facesets.faceset_traces import faceset_traces
    from recaster.facesets.inputs import find_inputs
    from recaster.facesets.summary import summary
    from recaster.media.probe import probe

    spec = work.task.spec.extract
    inputs = [_input(work, one) for one in spec.inputs]
    settings = extract_settings(spec.options, work.picture(spec.options.person))
    warnings = [
        f"{file.path.name}: {warning}"
        for file in find_inputs(inputs)
        if file.kind == "clip"
        for warning in probe(file.path).warnings
    ]
    faceset = extract(inputs, work.task.facesets[work.task.made], settings, work.report)
    body = faceset_to_proto(faceset, work.task.made, spec.display_name, spec.identity_id)
    lines = tuple(summary(describe(faceset)))
    return JobOutput("faceset", body, (), lines, tuple(warnings), faceset_traces(faceset))


def _input(work: JobContext, one: job_pb2.ExtractInput) -> Path:
    if one.WhichOneof("input") == "clip_id":
        return work.clip(one.clip_id)
    return work.named(one.picture.digest, one.picture.display_name)
