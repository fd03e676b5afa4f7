"""Handler of jobs that sign an edit's export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recaster.jobs.job_context import JobOutput
from recaster.operations import sign
from recaster.processes.channel import path_of
from recaster.provenance.manifest import SIDECAR_TYPES, sidecar_of

if TYPE_CHECKING:
    from recaster.jobs.job_context import JobContext

PNG_SIGNATURE: Final = b"\x89PNG"


def handle(context: JobContext) -> JobOutput:
    """Signs an edit with the swaps that went into it (as ``operations.sign.run``)."""
    task = context.task
    render = context.named(task.spec.sign.digest, task.spec.sign.display_name)
    swaps = []
    for digest in task.spec.sign.swaps:  # a blob has no name: its first bytes say what it is
        with path_of(task.files[digest]).open("rb") as file:
            suffix = ".png" if file.read(len(PNG_SIGNATURE)) == PNG_SIGNATURE else ".mp4"
        swaps.append(context.named(digest, f"swap{suffix}"))
    out = context.folder / f"signed{render.suffix.lower()}"
    sentence = sign.run(sign.Request(render, out, tuple(swaps)), context.grant)
    files = [("clip", out)]
    if out.suffix in SIDECAR_TYPES:
        files.append(("manifest", sidecar_of(out)))
    return JobOutput(files=tuple(files), summary=(sentence,))
