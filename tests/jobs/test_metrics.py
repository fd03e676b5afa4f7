"""Numbers of a real engine's jobs and workers."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from serving import free_port, scrape

from recaster.api.v1 import job_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving import Served
    from tests.jobs.conftest import Material

RUNNING = job_pb2.JOB_STATE_RUNNING
CANCELLED = job_pb2.JOB_STATE_CANCELLED


def test_numbers_of_jobs(serve: Callable[..., Served], prepare: Callable[[Served], Material]) -> None:
    port = free_port()
    served = serve("--metrics", str(port))
    material = prepare(served)
    jobs = material.client.jobs
    assert scrape(port)['recaster_workers_total{ending="done",kind="ingest"}'] == 2
    first = jobs.create(material.training(1000))
    material.until(first.job_id, RUNNING, done=1)
    second = jobs.create(material.training(5))
    numbers = scrape(port)
    assert numbers['recaster_jobs{kind="ingest",state="succeeded"}'] == 2
    assert numbers['recaster_jobs{kind="train",state="running"}'] == 1
    assert numbers['recaster_jobs{kind="train",state="queued"}'] == 1
    assert numbers['recaster_queue_age_seconds{kind="train"}'] >= 0
    [worker] = served.workers()
    os.kill(worker, signal.SIGKILL)
    jobs.cancel(second.job_id)
    jobs.cancel(first.job_id)
    material.until(first.job_id, CANCELLED)
    numbers = scrape(port)
    assert numbers['recaster_workers_total{ending="died",kind="train"}'] == 1
    assert 'recaster_queue_age_seconds{kind="train"}' not in numbers
    for state, count in (("running", 2), ("cancelled", 2), ("queued", 3)):
        of = f'{{kind="train",state="{state}"}}'
        assert numbers[f"recaster_job_seconds_count{of}"] <= count
        assert numbers[f"recaster_job_seconds_sum{of}"] >= 0
    ended = '{kind="ingest",state="succeeded"}'
    running = '{kind="ingest",state="running"}'
    assert (
        numbers[f"recaster_job_seconds_count{ended}"] == numbers[f"recaster_job_seconds_count{running}"] == 2
    )
    assert numbers[f"recaster_job_seconds_sum{ended}"] >= numbers[f"recaster_job_seconds_sum{running}"] > 0
    served.kill()
