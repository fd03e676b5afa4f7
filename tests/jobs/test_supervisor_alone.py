"""The supervisor in this process, with a store that fails when told to."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import threading
from typing import TYPE_CHECKING, Any

import pytest
from serving import done, run_until

from recaster.api.v1 import clip_pb2, job_pb2
from recaster.errors import DiskFullError, LockedError, OutputError
from recaster.jobs import supervisor as module
from recaster.jobs.cleanup import tidy
from recaster.jobs.completion import JobFinalizer
from recaster.jobs.supervisor import Supervisor
from recaster.locks import LOCK_TIMEOUT_S
from recaster.models.model_folder import ModelCard, ModelFolder
from recaster.models.presets import preset
from recaster.store.database import BUSY, Database
from recaster.store.folder import DataFolder
from recaster.store.job_store import (
    CANCELLED,
    CANCELLING,
    ENDED,
    FAILED,
    PAUSED,
    QUEUED,
    RUNNING,
    SUCCEEDED,
    JobStore,
)
from recaster.store.store import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(DataFolder(tmp_path / "data"))
    yield opened
    opened.close()


def test_a_store_that_can_not_be_written_for_a_while(
    store: Store, actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(actors / "rehearsal.mp4", tmp_path / "clip.mp4")
    digest, _ = store.blobs.put(tmp_path / "clip.mp4")
    ingest = job_pb2.IngestSpec(digest=digest, kind=job_pb2.INGEST_KIND_CLIP, display_name="clip.mp4")
    clip = done(store, job_pb2.JobSpec(ingest=ingest), job_pb2.JOB_KIND_INGEST).result.clip_id

    tell = store.jobs.add_event
    failures = [2]

    def failing(job_id: str, event: job_pb2.JobEvent) -> Any:
        if failures[0]:
            failures[0] -= 1
            raise DiskFullError("no room for what a job says")
        return tell(job_id, event)

    monkeypatch.setattr(store.jobs, "add_event", failing)
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


TRAIN = job_pb2.JobSpec(train=job_pb2.TrainSpec(source_faceset_id="0" * 12))


def begun(store: Store, state: job_pb2.JobState, wish: str) -> str:
    """A training that has saved something; returns its id, which is the model's, too."""
    job, _ = store.jobs.create(TRAIN, job_pb2.JOB_KIND_TRAIN, "", {})
    model = store.folder.model(job.job_id)
    model.mkdir()
    ModelFolder(model).write(ModelCard(preset("guided-128"), "s", steps=5, seconds=1.0))
    (model / "weights.safetensors").touch()
    with store.jobs.changing(job.job_id) as changed:
        changed.state = state
    store.jobs.set_desired_state(job.job_id, wish)
    return job.job_id


def looked_after(store: Store, job_id: str) -> job_pb2.Job:
    """A job that a supervisor has brought to its end."""
    return run_until(store, job_id, lambda job: job.state in ENDED)


def test_an_engine_that_dies_while_a_job_is_cancelled(store: Store) -> None:
    job_id = begun(store, CANCELLING, "cancel")
    ended = looked_after(store, job_id)
    assert ended.state == CANCELLED
    assert store.catalog.models.get(ended.result.model_id).steps == 5


def test_what_was_taken_in_before_is_not_deleted_while_a_job_takes_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = "ab" * 32
    clip = store.catalog.clips.add(clip_pb2.Clip(digest=digest), digest)
    spec = job_pb2.JobSpec(ingest=job_pb2.IngestSpec(digest=digest, kind=job_pb2.INGEST_KIND_CLIP))
    job, _ = store.jobs.create(spec, job_pb2.JOB_KIND_INGEST, "", {})
    release = store.blobs.release
    tried = []

    def delete() -> None:
        LOCK_TIMEOUT_S.set(0.05)
        with pytest.raises(LockedError, match=re.escape(BUSY)):
            store.catalog.clips.delete(clip.clip_id)
        tried.append("too early")

    def release_meanwhile(*what: str) -> None:
        thread = threading.Thread(target=delete)
        thread.start()
        thread.join()
        release(*what)

    monkeypatch.setattr(store.blobs, "release", release_meanwhile)
    assert JobFinalizer(store).finish_known(job)
    assert tried == ["too early"]
    assert store.jobs.get(job.job_id).result.clip_id == clip.clip_id
    store.catalog.clips.delete(clip.clip_id)
    assert not JobFinalizer(store).finish_known(job)


def test_an_end_that_can_not_be_written_is_no_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = begun(store, PAUSED, "cancel")
    changing = store.jobs.changing
    failures = [OutputError("no room"), RuntimeError("never seen before")]

    def failing(name: str) -> Any:
        if failures:
            raise failures.pop(0)
        return changing(name)

    monkeypatch.setattr(store.jobs, "changing", failing)
    monkeypatch.setattr(module, "TROUBLE_S", 0.1)
    with contextlib.suppress(OutputError):
        JobFinalizer(store).cancel(job_id)
    assert store.catalog.models.list_all() == []  # both are written, or neither
    assert looked_after(store, job_id).state == CANCELLED
    assert len(store.catalog.models.list_all()) == 1


async def next_round(supervisor: Supervisor) -> None:
    """Wait until a supervisor has looked at the jobs once more."""
    before = supervisor.last_round_at
    supervisor.wake()
    while supervisor.last_round_at == before:
        await asyncio.sleep(0)


def test_what_is_being_changed_is_waited_for(store: Store) -> None:
    export = job_pb2.JobSpec(export=job_pb2.ExportSpec(faceset_id="0" * 12))
    job, _ = store.jobs.create(export, job_pb2.JOB_KIND_EXPORT, "", {})

    async def work() -> None:
        supervisor = Supervisor(store)
        with supervisor.reserved("faceset", "0" * 12):
            running = asyncio.create_task(supervisor.run())
            for _ in range(2):
                await next_round(supervisor)
            assert store.jobs.get(job.job_id).attempts == 0
        await next_round(supervisor)
        await supervisor.close()
        await running

    asyncio.run(work())
    assert store.jobs.get(job.job_id).attempts == 1


def test_what_a_job_waited_for_is_forgotten_when_it_is_cancelled(store: Store) -> None:
    job_id = begun(store, QUEUED, "run")
    JobFinalizer(store).block(job_id, job_pb2.JobError(reason="DISK_FULL", message="no room", exit_code=6))
    assert store.jobs.get(job_id).error.reason == "DISK_FULL"
    JobFinalizer(store).cancel(job_id)
    assert not store.jobs.get(job_id).HasField("error")


def test_what_crashes_have_left_goes_when_an_engine_starts(store: Store, tmp_path: Path) -> None:
    paused = begun(store, PAUSED, "pause")
    gone = begun(store, QUEUED, "cancel")
    JobFinalizer(store).cancel(gone)
    (tmp_path / "x").write_bytes(b"x")
    digest, _ = store.blobs.put(tmp_path / "x")
    store.blobs.acquire([digest], f"job {'9' * 12}")
    store.blobs.acquire([digest], f"job {paused}")
    crashed = begun(store, FAILED, "run")  # before its model was kept
    models, facesets = (store.folder.path / name for name in ("models", "facesets"))
    unknown = models / ("9" * 12)  # of a store that isn't here any more, perhaps
    kept = [models / paused, models / gone, models / f".{paused}.a", unknown]
    left = [models / crashed, facesets / f".{gone}.b", store.folder.job("tmpx")]
    for path in (*kept, *left):
        path.mkdir(exist_ok=True)
    (store.folder.path / "jobs" / "tmpy.png").touch()
    tidy(store)
    assert all(path.is_dir() for path in kept)
    assert not any(path.exists() for path in left)
    assert [path.name for path in (store.folder.path / "jobs").iterdir() if path.is_file()] == []
    assert store.blobs.digests_of(f"job {'9' * 12}") == []
    assert store.blobs.digests_of(f"job {paused}") == [digest]


def test_a_cancel_counts_whatever_is_written_just_then(
    store: Store, taken_over: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client cancels right before each of the supervisor's writes in turn, until a second worker begins."""
    progress = "send(progress=Progress(stage='pack', done=1, total=2))"
    taken_over(
        f"if request.task.attempt == 1:\n    {progress}\n    os.kill(os.getpid(), 9)\n"
        "send(failed=JobFailure(error=JobError(reason='INPUT', message='there is no such model')))"
    )
    client = Database(store.folder.path / "store.sqlite")
    export = job_pb2.JobSpec(export=job_pb2.ExportSpec(model_id="0" * 12))
    jobs = list[str]()
    cancelled = list[str]()

    def cancel() -> None:
        if store.jobs.get(jobs[-1]).attempts < 2:
            cancelled.append(jobs[-1])
            JobStore(client).set_desired_state(jobs[-1], "cancel")

    while jobs == cancelled:
        job, _ = store.jobs.create(export, job_pb2.JOB_KIND_EXPORT, "", {})
        jobs.append(job.job_id)
        with monkeypatch.context() as patch:
            patch.setattr(store.database, "transaction", before_write(len(jobs), cancel, store.database))
            looked_after(store, job.job_id)
    client.close()
    ends = [store.jobs.get(job_id).state for job_id in jobs]
    assert ends == [*[CANCELLED] * len(cancelled), FAILED]
    assert len(cancelled) > 5


def before_write(
    number: int, do: Callable[[], None], database: Database
) -> Callable[[], contextlib.AbstractContextManager[sqlite3.Connection]]:
    """A database's ``transaction``, which does something before the ``number``-th of them."""
    transaction = database.transaction
    left = number
    depth = 0

    @contextlib.contextmanager
    def watched() -> Iterator[sqlite3.Connection]:
        nonlocal left, depth
        if depth == 0:
            left -= 1
            if left == 0:
                do()
        depth += 1
        try:
            with transaction() as opened:
                yield opened
        finally:
            depth -= 1

    return watched
