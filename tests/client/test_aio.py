"""The asyncio client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from recaster.api.v1 import job_pb2
from recaster.client import Address, JobFailedError, MissingError
from recaster.client.aio import AsyncClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from serving import Served


def test_many_jobs_at_a_time(served: Served, actors: Path) -> None:
    async def work() -> None:
        async with AsyncClient(Address(served.address, served.token), patience_s=5) as engine:
            clips = ("performer.mp4", "likeness.mp4", "rehearsal.mp4")
            digests = await asyncio.gather(
                *(
                    engine.do(lambda client, name=name: client.transfer.upload(actors / name))
                    for name in clips
                )
            )
            specs = [
                job_pb2.JobSpec(
                    ingest=job_pb2.IngestSpec(digest=digest, kind=job_pb2.INGEST_KIND_CLIP, display_name=name)
                )
                for digest, name in zip(digests, clips, strict=True)
            ]
            jobs = [await engine.do(lambda client, spec=spec: client.jobs.create(spec)) for spec in specs]
            ended = await asyncio.gather(*(engine.wait(job.job_id) for job in jobs))
            assert len({job.result.clip_id for job in ended}) == 3
            events = [event async for event in engine.watch(jobs[0].job_id)]
            assert events[0].job.state == job_pb2.JOB_STATE_SUCCEEDED
            assert [event.seq for event in events[1:]] == sorted({event.seq for event in events[1:]})
            with pytest.raises(MissingError, match="there is no job"):
                await engine.wait("0" * 12)

    asyncio.run(work())


def test_a_watch_outlasts_the_engine(
    serve: Callable[..., Served], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve()
    usual = served.options

    async def work() -> None:
        async with AsyncClient(Address(served.address, served.token), patience_s=30) as engine:
            path = tmp_path / "no.mp4"
            path.write_bytes(b"no clip")
            digest = await engine.do(lambda client: client.transfer.upload(path))
            served.stop()
            served.options = ("--spare-mib", "1000000000")  # so that the job waits
            served.start()
            spec = job_pb2.JobSpec(ingest=job_pb2.IngestSpec(digest=digest, kind=job_pb2.INGEST_KIND_CLIP))
            job = await engine.do(lambda client: client.jobs.create(spec))
            begun = asyncio.Event()
            watch = engine.watch

            async def noting(job_id: str) -> AsyncIterator[job_pb2.JobEvent]:
                async for event in watch(job_id):
                    begun.set()
                    yield event

            monkeypatch.setattr(engine, "watch", noting)
            waiting = asyncio.create_task(engine.wait(job.job_id))
            await begun.wait()
            await asyncio.to_thread(served.kill)
            served.options = usual
            await asyncio.to_thread(served.start)
            with pytest.raises(JobFailedError, match="not a video"):
                await waiting

    asyncio.run(work())
    served.kill()
