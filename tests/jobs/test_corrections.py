"""Corrections that a job names are beside its clip, where whoever works with the clip looks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.api.internal.v1.worker_pb2 import NamedBlob, WorkerTask
from recaster.api.v1 import job_pb2
from recaster.jobs.job_context import JobContext
from recaster.jobs.job_resources import resources_of
from recaster.progress import silent
from recaster.settings.corrections import default_path

if TYPE_CHECKING:
    from pathlib import Path

CLIP = "0" * 12
DIGESTS = ("1" * 64, "2" * 64)


def test_corrections_are_beside_the_clip(tmp_path: Path) -> None:
    for digest in DIGESTS:
        (tmp_path / digest).write_text(digest)
    task = WorkerTask(
        folder=bytes(tmp_path / "job"),
        files={digest: bytes(tmp_path / digest) for digest in DIGESTS},
        clips={CLIP: NamedBlob(digest=DIGESTS[0], name="shot.mov")},
    )
    context = JobContext(task, silent, lambda _path, _step: None, lambda _level, _line: None)
    clip = context.clip(CLIP)
    assert not default_path(clip).exists()
    for _ in range(2):  # a job that goes on
        assert context.clip(CLIP, DIGESTS[1]) == clip
        assert default_path(clip).read_text() == DIGESTS[1]


def test_jobs_keep_the_corrections_that_they_name() -> None:
    specs = (
        job_pb2.JobSpec(swap={"clip_id": CLIP, "options": {"corrections": DIGESTS[0]}}),
        job_pb2.JobSpec(extract={"inputs": [{"clip_id": CLIP, "corrections": DIGESTS[0]}]}),
        job_pb2.JobSpec(evaluate={"original_clip_id": CLIP, "corrections": DIGESTS[0]}),
    )
    assert [resources_of(spec).blobs for spec in specs] == [(DIGESTS[0],)] * 3
