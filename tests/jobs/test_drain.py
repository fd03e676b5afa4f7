"""An engine that is brought to rest: it starts nothing, finishes what runs, and can be taken back."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from serving import free_port, scrape

from recaster.api.v1 import job_pb2
from recaster.client.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from serving import Served
    from tests.jobs.conftest import Material

RUNNING = job_pb2.JOB_STATE_RUNNING
QUEUED = job_pb2.JOB_STATE_QUEUED
CANCELLED = job_pb2.JOB_STATE_CANCELLED
SUCCEEDED = job_pb2.JOB_STATE_SUCCEEDED
SERVING = health_pb2.HealthCheckResponse.SERVING
JOBS = "recaster.v1.JobService"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def material(
    serve: Callable[..., Served], prepare: Callable[[Served], Material], port: int
) -> Iterator[Material]:
    made = prepare(serve("--metrics", str(port)))
    yield made
    made.client.close()
    made.served.kill()


def drain(served: Served, *options: str) -> str:
    command = [sys.executable, "-m", "recaster.cli.main", "drain", "--engine", served.address, *options]
    environment = os.environ | {"RECASTER_TOKEN": served.token}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def serving(served: Served, service: str) -> bool:
    with grpc.insecure_channel(served.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        status = health.Check(health_pb2.HealthCheckRequest(service=service)).status
    return bool(status == SERVING)


def followed(served: Served, service: str, wanted: bool) -> None:
    """Wait until health says so."""
    with grpc.insecure_channel(served.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for answer in health.Watch(health_pb2.HealthCheckRequest(service=service)):
            if (answer.status == SERVING) is wanted:
                return


def test_a_drained_engine_finishes_what_runs_and_takes_nothing_new(material: Material, port: int) -> None:
    served = material.served
    jobs = material.client.jobs
    running = jobs.create(material.training(60))
    material.until(running.job_id, RUNNING)
    waiting = jobs.create(material.training(2), request_id="asked before")
    assert drain(served) == "the engine takes no new jobs; 1 still run\n"
    with served.client(patience_s=0) as impatient:
        with pytest.raises(UnreachableError, match="takes no new jobs") as caught:
            impatient.jobs.create(material.swapping("0-4"))
        assert caught.value.reason == "DRAINING"
        assert impatient.jobs.create(material.training(2), request_id="asked before") == waiting
    for service in (JOBS, ""):
        followed(served, service, False)
    assert serving(served, "recaster.v1.BlobService")
    assert serving(served, "recaster.live")
    assert scrape(port)["recaster_draining"] == 1
    assert material.until(running.job_id, SUCCEEDED).state == SUCCEEDED
    assert drain(served, "--wait").endswith("no job runs any more\n")
    assert (jobs.get(waiting.job_id).state, served.workers()) == (QUEUED, [])
    assert drain(served, "--undo") == "the engine takes jobs again\n"
    assert material.until(waiting.job_id, SUCCEEDED).state == SUCCEEDED
    followed(served, JOBS, True)
    log = (served.data / "audit.jsonl").read_text()
    assert (log.count("server.drain"), log.count("server.undrain")) == (2, 1)


def test_a_restart_takes_jobs_again(material: Material) -> None:
    served = material.served
    material.client.drain()
    served.stop()
    served.start()
    info = material.client.info()
    assert (info.draining, info.jobs_at_work) == (False, 0)
