"""A worker that comes no further is stopped; one that works for days isn't."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from serving import run_until

from recaster.api.internal.v1.worker_pb2 import StepTaken, WorkerMessage
from recaster.api.v1 import job_pb2
from recaster.files import sha256
from recaster.jobs.watchdog import Patience, Taken, Watchdog, taken_by
from recaster.jobs.worker_process import SchedulerLimits
from recaster.media.probe import scan
from recaster.progress import on_step
from recaster.store.folder import DataFolder
from recaster.store.job_store import ENDED, FAILED
from recaster.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = Patience(still_s=900, spin_s=3600, unseen_s=21_600)
DAY = 86_400


def watched(looks: list[tuple[float, Taken | None, Any]]) -> list[str]:
    """Verdicts at each look; a look is (seconds, CPU time taken, messages of the worker before)."""
    dog = Watchdog(PATIENCE)
    found = []
    for now, taken, said in looks:
        if said is not None:
            dog.receive(said)
        found.append(dog.look(now, taken))
    return found


def progress(done: float) -> WorkerMessage:
    return WorkerMessage(progress=job_pb2.Progress(stage="training", done=done))


def test_work_of_days_that_comes_further() -> None:
    looks = [(at, Taken(2 * at, 0), progress(at)) for at in range(0, 20 * DAY, 3000)]
    assert not any(watched(looks))
    slow = [(at, Taken(at / 1000, 0), WorkerMessage(step=StepTaken())) for at in range(0, 20 * DAY, 800)]
    assert not any(watched(slow))


def test_a_slow_machine_is_no_fault() -> None:
    """One step takes a day, of which the worker gets half an hour; or it waits for a slow disk."""
    assert not any(watched([(at, Taken(at / 48, 0), None) for at in range(0, DAY, 300)]))
    assert not any(watched([(at, Taken(0, at << 20), None) for at in range(0, DAY, 300)]))


def test_one_that_sleeps() -> None:
    looks = [(at, Taken(7 + at / 1000, 5), progress(3)) for at in range(0, 1200, 30)]  # it only wakes up
    found = watched(looks)
    assert found.index("it did nothing any more for 15 minutes") * 30 == 900


def test_one_that_computes_for_ever() -> None:
    found = watched([(at, Taken(4 * at, 0), progress(3) if at < 100 else None) for at in range(0, 7200, 30)])
    said = [one for one in found if one]
    assert said[0] == "it computed without coming a step further for 60 minutes"
    assert found.index(said[0]) * 30 >= 3600


def test_where_the_system_says_nothing() -> None:
    found = watched([(at, None, None) for at in range(0, DAY, 600)])
    assert found.index("it came no step further for 360 minutes") * 600 == 21_600


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it")
def test_what_a_worker_has_taken_is_that_of_its_processes_too() -> None:
    """A child computes, the worker itself only waits."""
    body = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    with subprocess.Popen([sys.executable, "-c", body], start_new_session=True) as worker:
        try:
            first = taken_by(worker.pid)
            assert first is not None
            while True:
                found = taken_by(worker.pid)
                assert found is not None
                if found.cpu_s > first.cpu_s + 0.5 and found.bytes > 0:
                    break
        finally:
            os.killpg(worker.pid, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it takes hours")
def test_a_job_whose_worker_stands_still(tmp_path: Path, actors: Path) -> None:
    """Its clip is a disk that doesn't answer: a pipe that nobody writes to."""
    store = Store.open(DataFolder(tmp_path / "data"))
    shutil.copyfile(actors / "rehearsal.mp4", tmp_path / "clip.mp4")
    digest, _ = store.blobs.put(tmp_path / "clip.mp4")
    blob = store.blobs.path(digest)
    blob.unlink()
    os.mkfifo(blob)
    ingest = job_pb2.IngestSpec(digest=digest, kind=job_pb2.INGEST_KIND_CLIP, display_name="clip.mp4")
    job, _ = store.jobs.create(job_pb2.JobSpec(ingest=ingest), job_pb2.JOB_KIND_INGEST, "", {})

    limits = SchedulerLimits(patience=Patience(still_s=6))
    ended = run_until(store, job.job_id, lambda job: job.state in ENDED, limits)
    store.close()
    assert ended.state == FAILED
    assert ended.error.reason == "STALLED"
    assert "it did nothing any more" in ended.error.message
    assert ended.attempts == 2


def test_long_loops_say_that_they_come_further(tmp_path: Path, actors: Path) -> None:
    steps = []
    on_step(lambda: steps.append(1))
    (tmp_path / "large").write_bytes(bytes(5 << 20))
    sha256(tmp_path / "large")
    assert len(steps) == 5
    shutil.copyfile(actors / "performer.mp4", tmp_path / "clip.mp4")
    frames = len(scan(tmp_path / "clip.mp4").pts)
    assert len(steps) >= 5 + frames
