"""The supervisor in this process, with a store that fails when told to."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from recaster.api.v1 import job_pb2
from recaster.errors import DiskFullError
from recaster.jobs.supervisor import Supervisor
from recaster.store.folder import DataFolder
from recaster.store.jobs import ENDED, RUNNING, SUCCEEDED
from recaster.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(DataFolder(tmp_path / "data"))
    yield opened
    opened.close()


def done(store: Store, spec: job_pb2.JobSpec, kind: job_pb2.JobKind) -> job_pb2.Job:
    """Run a supervisor until a job has ended."""

    async def work() -> None:
        supervisor = Supervisor(store)
        running = asyncio.create_task(supervisor.run())
        while store.jobs.get(job.job_id).state not in ENDED:
            await asyncio.sleep(0.05)
        await supervisor.close()
        await running

    job, _ = store.jobs.create(spec, kind, "", {})
    asyncio.run(work())
    return store.jobs.get(job.job_id)


def test_a_store_that_can_not_be_written_for_a_while(
    store: Store, actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(actors / "rehearsal.mp4", tmp_path / "clip.mp4")
    digest, _ = store.blobs.put(tmp_path / "clip.mp4")
    ingest = job_pb2.IngestSpec(digest=digest, kind=job_pb2.INGEST_KIND_CLIP, display_name="clip.mp4")
    clip = done(store, job_pb2.JobSpec(ingest=ingest), job_pb2.JOB_KIND_INGEST).result.clip_id

    tell = store.jobs.tell
    failures = [2]

    def failing(job_id: str, event: job_pb2.JobEvent) -> Any:
        if failures[0]:
            failures[0] -= 1
            raise DiskFullError("no room for what a job says")
        return tell(job_id, event)

    monkeypatch.setattr(store.jobs, "tell", failing)
    extract = job_pb2.ExtractSpec(
        inputs=[job_pb2.ExtractInput(clip_id=clip)], options=job_pb2.ExtractOptions(range="0-9")
    )
    job = done(store, job_pb2.JobSpec(extract=extract), job_pb2.JOB_KIND_EXTRACT)
    assert failures == [0]
    assert job.state == SUCCEEDED  # two engines' troubles are no crash of the job's
    assert job.attempts == 3


def test_what_nobody_runs_is_queued_again(store: Store) -> None:
    export = job_pb2.JobSpec(export=job_pb2.ExportSpec(model_id="0" * 12))
    job, _ = store.jobs.create(export, job_pb2.JOB_KIND_EXPORT, "", {})
    with store.jobs.changing(job.job_id) as changed:
        changed.state = RUNNING
    assert Supervisor(store).recover() == 1
    assert store.jobs.get(job.job_id).state == job_pb2.JOB_STATE_QUEUED
