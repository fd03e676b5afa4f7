"""Scheduling of jobs: their order, the resources that they may not share, and trainings, which give way.

What each waiting job needs is kept in memory, so that all can be looked at. Trainings take long and can stop
at any step: all other work goes first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recaster.api.v1 import job_pb2
from recaster.jobs.job_resources import ResourceKey, resources_of, works_on

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from recaster.store.job_store import JobStore


@dataclass(frozen=True)
class WaitingJob:
    """A job that waits.

    Attributes:
        client: empty where nobody said who asked for it.
        needed: what it reads or changes.
        changed: what nobody else may read or change meanwhile.
    """

    client: str
    needed: frozenset[ResourceKey]
    changed: ResourceKey | None


@dataclass
class InUse:
    """Resources that can't be had now: nobody may use the reserved ones, nor change those that are needed."""

    reserved: set[ResourceKey] = field(default_factory=set)
    changed: set[ResourceKey] = field(default_factory=set)
    needed: set[ResourceKey] = field(default_factory=set)

    @classmethod
    def by(cls, running: Iterable[job_pb2.Job], reserved: Iterable[ResourceKey]) -> InUse:
        """By jobs that run, but for trainings."""
        in_use = cls(set(reserved))
        for job in running:
            if not _is_training(job):
                in_use.needed.update(resources_of(job.spec).named())
                changed = works_on(job)
                if changed is not None:
                    in_use.changed.add(changed)
        return in_use

    def blocks(self, job: WaitingJob) -> bool:
        """True where a job needs one of them."""
        return job.changed in self.needed or not job.needed.isdisjoint(self.changed | self.reserved)


class JobQueue:
    """The queued jobs of one engine, each read from the store once."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self._known: dict[str, WaitingJob] = {}

    def startable(
        self, kinds: Collection[int], in_use: InUse, at_work: Counter[str]
    ) -> Iterator[job_pb2.Job]:
        """Jobs of these kinds whose resources can be had, best first: whose client has the fewest at work."""
        queued = self._jobs.queued()
        self._known = {job_id: self._known.get(job_id) or self._read(job_id) for job_id, _ in queued}
        waiting = [(self._known[job_id], job_id) for job_id, kind in queued if kind in kinds]
        able = [(job, job_id) for job, job_id in waiting if not in_use.blocks(job)]
        for _, job_id in sorted(able, key=lambda each: at_work[each[0].client]):  # keeps turns otherwise
            yield self._jobs.get(job_id)

    def _read(self, job_id: str) -> WaitingJob:
        job = self._jobs.get(job_id)
        needed = frozenset(resources_of(job.spec).named())
        return WaitingJob(job.created_by, needed, works_on(job))


@dataclass(frozen=True)
class RunningJob:
    """A job that runs; ``is_leaving`` where it was asked to stop."""

    job: job_pb2.Job
    device: str
    is_leaving: bool


@dataclass(frozen=True)
class Admission:
    """Decision on whether a job can start.

    Attributes:
        is_free: nothing is in its way.
        preempting: trainings that are in its way and alone so: when they have stopped, it can start.
    """

    is_free: bool
    preempting: tuple[str, ...] = ()


def admit(job: job_pb2.Job, device: str, max_on_device: int, running: Sequence[RunningJob]) -> Admission:
    """Decides by all jobs that run: those on the job's device, and those about the same resources."""
    clashing = [other for other in running if _clashes(job, other.job)]
    neighbours = [other for other in running if other.device == device]
    places = max_on_device - len(neighbours)
    if places > 0 and not clashing:
        return Admission(is_free=True)
    trainings = [other for other in neighbours if _is_training(other.job)]
    can_preempt = all(_is_training(other.job) for other in clashing) and places + len(trainings) > 0
    if _is_training(job) or not can_preempt:
        return Admission(is_free=False)
    leaving = sum(other.is_leaving for other in neighbours)
    stopping = [*clashing, *trainings[: max(0, 1 - places - leaving)]]
    return Admission(is_free=False, preempting=tuple(dict.fromkeys(other.job.job_id for other in stopping)))


def _clashes(job: job_pb2.Job, other: job_pb2.Job) -> bool:
    """True where one of two jobs changes a resource that the other needs."""
    return (
        works_on(job) in resources_of(other.spec).named() or works_on(other) in resources_of(job.spec).named()
    )


def _is_training(job: job_pb2.Job) -> bool:
    return job.kind == job_pb2.JOB_KIND_TRAIN
