"""Jobs that are paused, cancelled, killed, crashed and blocked lose nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest
from serving import Served, wait_ended

from recaster.api.v1 import job_pb2, model_pb2
from recaster.client import JobFailedError, RefusedError
from recaster.client.job_calls import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.jobs.conftest import Material

RUNNING = job_pb2.JOB_STATE_RUNNING
PAUSED = job_pb2.JOB_STATE_PAUSED
CANCELLED = job_pb2.JOB_STATE_CANCELLED
FAILED = job_pb2.JOB_STATE_FAILED
BLOCKED = job_pb2.JOB_STATE_BLOCKED
SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED


def test_pause_resume_and_cancel_a_training(material: Material) -> None:
    jobs = material.client.jobs
    job = jobs.create(material.training(1000))
    material.until(job.job_id, RUNNING, done=2)
    [worker] = material.served.workers()
    assert os.getsid(worker) != os.getsid(material.served.pid)  # Ctrl-C in a terminal isn't for it
    jobs.pause(job.job_id)
    paused = material.until(job.job_id, PAUSED)
    assert material.served.workers() == []
    assert paused.progress.stage == "training"
    jobs.resume(job.job_id)
    material.until(job.job_id, RUNNING, done=paused.progress.done + 2)
    jobs.cancel(job.job_id)
    ended = material.until(job.job_id, CANCELLED)
    model = material.client.model(ended.result.model_id)
    assert model.usable
    assert model.steps >= paused.progress.done
    assert jobs.cancel(job.job_id) == ended  # who asks again means the same
    for ask in (jobs.pause, jobs.resume):
        with pytest.raises(RefusedError, match="has ended already: cancelled"):
            ask(job.job_id)


def test_pause_and_cancel_a_job_that_waits(material: Material) -> None:
    jobs = material.client.jobs
    first = jobs.create(material.training(1000))
    material.until(first.job_id, RUNNING)
    second = jobs.create(material.training(5))
    assert jobs.get(second.job_id).state == job_pb2.JOB_STATE_QUEUED  # the device is taken
    third = jobs.create(material.training(5))
    assert jobs.move(third.job_id, second.job_id).turn == second.turn
    assert jobs.move(third.job_id).turn == jobs.get(second.job_id).turn - 1
    with pytest.raises(RefusedError, match="must be another job"):
        jobs.move(second.job_id, second.job_id)
    with pytest.raises(RefusedError, match="doesn't wait for its turn any more") as refused:
        jobs.move(second.job_id, first.job_id)
    assert refused.value.reason == "JOB_NOT_QUEUED"
    assert jobs.cancel(third.job_id).state == CANCELLED
    assert jobs.pause(second.job_id).state == PAUSED
    assert jobs.cancel(second.job_id).state == CANCELLED
    with pytest.raises(JobFailedError, match="was cancelled") as caught:
        jobs.wait(second.job_id)
    assert caught.value.exit_code == 130
    jobs.cancel(first.job_id)
    material.until(first.job_id, CANCELLED)


def test_a_training_gives_way_to_a_swap_with_its_model(material: Material) -> None:
    jobs = material.client.jobs
    training = jobs.create(material.training(1000))
    material.until(training.job_id, RUNNING, done=2)
    jobs.pause(training.job_id)
    paused = material.until(training.job_id, PAUSED)
    [model] = [one for one in models(material) if one.model_id == training.job_id]
    assert (model.usable, model.display_name) == (True, "her")
    with pytest.raises(RefusedError, match="is needed by job"):
        material.client.connection.call(
            material.client.models.DeleteModel, model_pb2.DeleteModelRequest(model_id=model.model_id)
        )
    jobs.resume(training.job_id)
    material.until(training.job_id, RUNNING, done=paused.progress.done + 1)
    swap = material.swapping("0-9")
    swap.swap.model_id = model.model_id
    assert len(jobs.wait(jobs.create(swap).job_id).result.artifacts) == 1
    waiting = jobs.get(training.job_id)
    assert waiting.state not in (PAUSED, *ENDED)
    on = material.until(training.job_id, RUNNING, done=waiting.progress.done + 1)
    assert on.attempts == waiting.attempts + (waiting.state == job_pb2.JOB_STATE_QUEUED)
    jobs.cancel(training.job_id)
    material.until(training.job_id, CANCELLED)
    assert [one.model_id for one in models(material)].count(training.job_id) == 1


def models(material: Material) -> list[model_pb2.Model]:
    client = material.client
    return list(client.connection.call(client.models.ListModels, model_pb2.ListModelsRequest()).models)


def test_a_killed_worker_goes_on_from_its_checkpoint(material: Material) -> None:
    jobs = material.client.jobs
    job = jobs.create(material.training(12))
    material.until(job.job_id, RUNNING, done=2)
    for process in material.served.workers():
        os.kill(process, signal.SIGKILL)
    ended = jobs.wait(job.job_id)
    assert ended.attempts == 2
    assert material.client.model(ended.result.model_id).steps == 12


def test_a_job_that_crashes_without_coming_further_fails(material: Material) -> None:
    jobs = material.client.jobs
    job = jobs.create(material.training(12))
    killed = set()
    while len(killed) < 2:
        for process in set(material.served.workers()) - killed:
            os.kill(process, signal.SIGKILL)
            killed.add(process)
        time.sleep(0.01)
    with pytest.raises(JobFailedError, match=r"died twice at the same place \(killed by SIGKILL") as caught:
        jobs.wait(job.job_id)
    assert caught.value.reason == "CRASHED"


def test_a_killed_engine_goes_on(
    serve: Callable[..., Served], prepare: Callable[[Served], Material], material: Material
) -> None:
    mine = prepare(serve())
    once = material.client.jobs.create(material.swapping("0-199", marked=False))
    undisturbed = material.client.jobs.wait(once.job_id)
    spec = mine.swapping("0-199", marked=False)
    job = mine.client.jobs.create(spec)
    seen: list[job_pb2.JobEvent] = []
    watching = threading.Thread(target=lambda: seen.extend(mine.client.jobs.watch(job.job_id)), daemon=True)
    watching.start()
    for done in (1, 80):
        mine.until(job.job_id, RUNNING, done=done)
        orphans = mine.served.workers()
        mine.served.kill()
        assert all(map(wait_ended, orphans))
        mine.served.start()
    ended = mine.client.jobs.wait(job.job_id)
    assert ended.result.artifacts == undisturbed.result.artifacts  # to the last bit
    watching.join(30)
    assert not watching.is_alive()
    numbers = [event.seq for event in seen[1:]]
    assert numbers == sorted(set(numbers))
    told = [event.job.state for event in seen[1:] if event.HasField("job")]
    kept = [
        event.job.state for event in mine.client.jobs.watch(job.job_id, seen[0].seq) if event.HasField("job")
    ]
    assert told == kept[1:]
    assert mine.client.jobs.create(spec, request_id="x") != ended  # a new request is a new job
    assert mine.served.stop() == 0


def test_a_stopped_engine_saves_what_was_done(
    serve: Callable[..., Served], prepare: Callable[[Served], Material]
) -> None:
    mine = prepare(serve())
    job = mine.client.jobs.create(mine.training(20))
    mine.until(job.job_id, RUNNING, done=3)
    assert mine.served.stop() == 0
    checkpoints = sorted((mine.served.data / "models" / job.job_id / "checkpoints").glob("*.json"))
    assert checkpoints
    mine.served.start()
    ended = mine.client.jobs.wait(job.job_id)
    assert mine.client.model(ended.result.model_id).steps == 20
    mine.served.kill()


def test_a_full_disk_blocks_and_room_lets_go_on(
    serve: Callable[..., Served], prepare: Callable[[Served], Material]
) -> None:
    mine = prepare(serve())
    mine.served.stop()
    usual = mine.served.options
    mine.served.options = ("--spare-mib", "1000000000")
    mine.served.start()
    job = mine.client.jobs.create(mine.swapping("0-9"))
    blocked = mine.until(job.job_id, BLOCKED)
    assert blocked.error.reason == "DISK_FULL"
    assert mine.client.jobs.pause(job.job_id).state == PAUSED
    assert mine.client.jobs.resume(job.job_id)
    mine.until(job.job_id, BLOCKED)
    mine.served.stop()
    mine.served.options = usual
    mine.served.start()
    assert mine.client.jobs.wait(job.job_id).state == SUCCEEDED
    mine.served.kill()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 400 MiB, in memory."""
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m,mode=700", "tmpfs", tmp_path],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        pytest.skip(f"a small disk can't be mounted here: {made.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_a_disk_that_fills_while_a_job_works(
    small_disk: Path, prepare: Callable[[Served], Material], material: Material
) -> None:
    spec = material.swapping("0-199", marked=False, quality=1)
    undisturbed = material.client.jobs.wait(material.client.jobs.create(spec).job_id)
    mine = prepare(Served(small_disk / "data", "--spare-mib", "0"))
    job = mine.client.jobs.create(mine.swapping("0-199", marked=False, quality=1))
    mine.until(job.job_id, RUNNING, done=1)
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        while shutil.disk_usage(small_disk).free > 64 << 10:
            file.write(bytes(16 << 10))
    blocked = mine.until(job.job_id, BLOCKED)
    assert blocked.error.reason == "DISK_FULL"
    attempts = blocked.attempts
    time.sleep(3)
    assert mine.client.jobs.get(job.job_id).attempts == attempts  # nothing has changed: it waits
    filler.unlink()
    ended = mine.client.jobs.wait(job.job_id)
    assert ended.attempts == attempts + 1
    assert ended.result.artifacts == undisturbed.result.artifacts
    assert mine.served.stop() == 0
