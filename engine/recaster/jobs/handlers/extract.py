"""Handler of jobs that take faces out of clips and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.jobs.job_context import JobOutput
from recaster.jobs.proto_records import faceset_to_proto
from recaster.operations import extract
from recaster.operations.request_options import extract_settings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import job_pb2
    from recaster.jobs.job_context import JobContext


def handle(context: JobContext) -> JobOutput:
    """Takes faces into a new faceset, or adds to one (as ``operations.extract.run``)."""
    from recaster.facesets.faceset_info import describe, summarize
    from recaster.facesets.faceset_traces import faceset_traces
    from recaster.likeness.few_pictures import describe_faceset_gaps

    task = context.task
    spec = task.spec.extract
    warnings: list[str] = []
    inputs = tuple(_input(context, item) for item in spec.inputs)
    settings = extract_settings(spec.options, context.picture(spec.options.person))
    faceset = extract.run(
        extract.Request(inputs, context.faceset(task.made), settings),
        context.report,
        lambda path, warning: warnings.append(f"{path.name}: {warning}"),
        context.grant,
    )
    if gaps := describe_faceset_gaps(faceset):
        warnings.append(gaps)
    body = faceset_to_proto(faceset, task.made, spec.display_name, spec.identity_id)
    lines = tuple(summarize(describe(faceset)))
    return JobOutput("faceset", body, (), lines, tuple(warnings), faceset_traces(faceset))


def _input(context: JobContext, item: job_pb2.ExtractInput) -> Path:
    if item.WhichOneof("input") == "clip_id":
        return context.clip(item.clip_id, item.corrections)
    return context.named(item.picture.digest, item.picture.display_name)
