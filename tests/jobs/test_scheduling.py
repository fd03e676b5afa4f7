"""Order of jobs."""

from __future__ import annotations

import pytest

from recaster.api.v1 import job_pb2
from recaster.jobs.job_resources import KINDS, kind_of
from recaster.jobs.scheduling import Admission, RunningJob, admit


def job(name: str, **work: object) -> job_pb2.Job:
    spec = job_pb2.JobSpec(**work)
    return job_pb2.Job(job_id=name, spec=spec, kind=KINDS[kind_of(spec)])


def training(name: str, source: str = "faces") -> job_pb2.Job:
    return job(name, train=job_pb2.TrainSpec(source_faceset_id=source))


def swap(name: str, model: str = "other") -> job_pb2.Job:
    return job(name, swap=job_pb2.SwapSpec(clip_id="clip", model_id=model))


def export(name: str, model: str) -> job_pb2.Job:
    return job(name, export=job_pb2.ExportSpec(model_id=model))


def extract(name: str, faceset: str) -> job_pb2.Job:
    return job(name, extract=job_pb2.ExtractSpec(faceset_id=faceset))


def at_work(one: job_pb2.Job, device: str = "cpu", *, leaving: bool = False) -> RunningJob:
    return RunningJob(one, device, leaving)


FREE = Admission(is_free=True)
WAIT = Admission(is_free=False)


def test_nothing_is_in_the_way() -> None:
    assert admit(swap("s"), "cpu", 1, []) == FREE
    assert admit(swap("s"), "cpu", 1, [at_work(training("t"), "gpu")]) == FREE
    assert admit(swap("s"), "cpu", 2, [at_work(training("t"))]) == FREE


def test_a_training_gives_way_and_no_other_job_does() -> None:
    assert admit(swap("s"), "cpu", 1, [at_work(training("t"))]) == Admission(is_free=False, preempting=("t",))
    assert admit(swap("s"), "cpu", 1, [at_work(swap("s2"))]) == WAIT
    assert admit(training("t2"), "cpu", 1, [at_work(training("t"))]) == WAIT


def test_a_training_gives_way_to_whoever_needs_its_model() -> None:
    running = [at_work(training("t"), "gpu")]
    assert admit(swap("s", model="t"), "cpu", 1, running) == Admission(is_free=False, preempting=("t",))
    assert admit(export("e", model="t"), "", 2, running) == Admission(is_free=False, preempting=("t",))
    assert admit(export("e", model="other"), "", 2, running) == FREE


def test_only_as_many_trainings_stop_as_must() -> None:
    both = [at_work(training("t1")), at_work(training("t2"))]
    assert admit(swap("s"), "cpu", 2, both) == Admission(is_free=False, preempting=("t1",))
    one_leaves = [at_work(training("t1"), leaving=True), at_work(training("t2"))]
    assert admit(swap("s"), "cpu", 2, one_leaves) == WAIT


@pytest.mark.parametrize("devices", [("cpu", "cpu"), ("gpu", "cpu")])
def test_a_training_does_not_stop_for_a_job_that_could_not_start_then(devices: tuple[str, str]) -> None:
    reading = job("x", swap=job_pb2.SwapSpec(clip_id="clip", faceset_id="faces"))
    running = [at_work(reading, devices[0]), at_work(training("t"), devices[1])]
    assert admit(extract("e", faceset="faces"), "cpu", 2, running) == WAIT
