"""Order of jobs, and who waits for whom."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from recaster.api.v1 import job_pb2
from recaster.errors import UsageError
from recaster.jobs import scheduling
from recaster.jobs.job_resources import KINDS, ResourceKey, kind_of
from recaster.jobs.scheduling import Admission, InUse, JobQueue, RunningJob, admit
from recaster.store.folder import DataFolder
from recaster.store.job_store import RUNNING
from recaster.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A = "a" * 12
B = "b" * 12


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(DataFolder(tmp_path / "data"))
    yield opened
    opened.close()


def add(store: Store, **work: object) -> job_pb2.Job:
    spec = job_pb2.JobSpec(**work)
    return store.jobs.create(spec, KINDS[kind_of(spec)], "", {})[0]


def add_export(store: Store, faceset: str) -> job_pb2.Job:
    return add(store, export=job_pb2.ExportSpec(faceset_id=faceset))


def names(queue: JobQueue, in_use: InUse, at_work: Counter[str] | None = None) -> list[str]:
    kinds = set(KINDS.values())
    return [job.job_id for job in queue.startable(kinds, in_use, at_work or Counter())]


def test_many_who_wait_for_one_thing_keep_nobody_else_waiting(store: Store) -> None:
    extract = add(store, extract=job_pb2.ExtractSpec(faceset_id=A))
    with store.jobs.changing(extract.job_id) as changed:
        changed.state = RUNNING
    for _ in range(120):
        add_export(store, A)
    other = add_export(store, B).job_id
    queue = JobQueue(store.jobs)
    assert names(queue, InUse.by([extract], [])) == [other]
    assert len(names(queue, InUse())) == 121
    assert names(queue, InUse.by([], [ResourceKey("faceset", A)])) == [other]


def test_who_reads_waits_for_who_changes_and_the_other_way_round(store: Store) -> None:
    reading = add_export(store, A)
    changing = add(store, extract=job_pb2.ExtractSpec(faceset_id=A))
    queue = JobQueue(store.jobs)
    assert names(queue, InUse.by([reading], [])) == [reading.job_id]  # two may read
    assert names(queue, InUse.by([changing], [])) == []
    training = add(store, train=job_pb2.TrainSpec(source_faceset_id=B))
    using = add(store, export=job_pb2.ExportSpec(model_id=training.job_id))
    assert using.job_id in names(queue, InUse.by([training], []))  # a training gives way


def test_every_job_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        add_export(store, A)
    queue = JobQueue(store.jobs)
    names(queue, InUse())

    def read(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(scheduling, "works_on", read)
    assert len(names(queue, InUse())) == 3


def test_whose_client_has_less_at_work_goes_first(store: Store) -> None:
    jobs = [add_export(store, A).job_id for _ in range(4)]
    for job_id, client in zip(jobs, ("anna", "anna", "ben", "anna"), strict=True):
        with store.jobs.changing(job_id) as changed:
            changed.created_by = client
    queue = JobQueue(store.jobs)
    assert names(queue, InUse()) == jobs
    assert names(queue, InUse(), Counter({"anna": 1})) == [jobs[2], jobs[0], jobs[1], jobs[3]]


def test_moved_jobs_take_each_others_turns_and_nobody_elses(store: Store) -> None:
    jobs = [add_export(store, A).job_id for _ in range(5)]
    with store.database.transaction() as opened:
        opened.execute("update job set turn = 0 where job_id != ?", (jobs[4],))  # as before there were turns
    with store.jobs.changing(jobs[1]) as changed:
        changed.created_by = "ben"
    with store.database.transaction() as opened:
        opened.execute("update job set created_by = 'ben' where job_id = ?", (jobs[1],))
    queue = JobQueue(store.jobs)
    assert names(queue, InUse()) == jobs
    store.jobs.move(jobs[4], "")
    assert names(queue, InUse()) == [jobs[4], jobs[1], jobs[0], jobs[2], jobs[3]]
    store.jobs.move(jobs[3], jobs[0])
    store.jobs.move(jobs[3], jobs[3])
    assert names(queue, InUse()) == [jobs[4], jobs[1], jobs[3], jobs[0], jobs[2]]
    turns = [store.jobs.get(one).turn for one in names(queue, InUse())]
    assert turns == sorted(turns)
    with pytest.raises(UsageError, match="another client's"):
        store.jobs.move(jobs[3], jobs[1])
    with store.jobs.changing(jobs[2]) as changed:
        changed.state = RUNNING
    with pytest.raises(UsageError, match="doesn't wait"):
        store.jobs.move(jobs[2], "")


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
