"""Waiting jobs keep nobody else waiting."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from recaster.api.v1 import job_pb2
from recaster.jobs import queue as module
from recaster.jobs.job_resources import KINDS, kind_of
from recaster.jobs.queue import InUse, JobQueue
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


def export(store: Store, faceset: str) -> job_pb2.Job:
    return add(store, export=job_pb2.ExportSpec(faceset_id=faceset))


def names(queue: JobQueue, in_use: InUse, at_work: Counter[str] | None = None) -> list[str]:
    kinds = set(KINDS.values())
    return [job.job_id for job in queue.startable(kinds, in_use, at_work or Counter())]


def test_many_who_wait_for_one_thing_keep_nobody_else_waiting(store: Store) -> None:
    extract = add(store, extract=job_pb2.ExtractSpec(faceset_id=A))
    with store.jobs.changing(extract.job_id) as changed:
        changed.state = RUNNING
    for _ in range(120):
        export(store, A)
    other = export(store, B).job_id
    queue = JobQueue(store.jobs)
    assert names(queue, InUse.by([extract], [])) == [other]
    assert len(names(queue, InUse())) == 121
    assert names(queue, InUse.by([], [("faceset", A)])) == [other]


def test_who_reads_waits_for_who_changes_and_the_other_way_round(store: Store) -> None:
    reading = export(store, A)
    changing = add(store, extract=job_pb2.ExtractSpec(faceset_id=A))
    queue = JobQueue(store.jobs)
    assert names(queue, InUse.by([reading], [])) == [reading.job_id]  # two may read
    assert names(queue, InUse.by([changing], [])) == []
    training = add(store, train=job_pb2.TrainSpec(source_faceset_id=B))
    using = add(store, export=job_pb2.ExportSpec(model_id=training.job_id))
    assert using.job_id in names(queue, InUse.by([training], []))  # a training gives way


def test_every_job_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        export(store, A)
    queue = JobQueue(store.jobs)
    names(queue, InUse())

    def read(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(module, "works_on", read)
    assert len(names(queue, InUse())) == 3


def test_whose_client_has_less_at_work_goes_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [export(store, A).job_id for _ in range(4)]
    whose = dict(zip(jobs, ("anna", "anna", "ben", "anna"), strict=True))
    monkeypatch.setattr(module, "client_of", lambda job: whose[job.job_id])
    queue = JobQueue(store.jobs)
    assert names(queue, InUse()) == jobs
    assert names(queue, InUse(), Counter({"anna": 1})) == [jobs[2], jobs[0], jobs[1], jobs[3]]
