"""The jobs that wait for their turn: what each needs is kept in memory, so that all can be looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from recaster.api.v1 import job_pb2
from recaster.jobs.job_resources import resources_of, works_on

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Iterable, Iterator

    from recaster.store.job_store import JobStore

Thing: TypeAlias = tuple[str, str]
"""Kind and id."""


@dataclass(frozen=True)
class Waiting:
    """A job that waits.

    Attributes:
        number: of two jobs, the older has the lower.
        client: who asked for it; empty where nobody said.
        needed: what it reads or changes.
        changed: what it changes, which nobody else may read or change meanwhile.
    """

    number: int
    client: str
    needed: frozenset[Thing]
    changed: Thing | None


@dataclass
class InUse:
    """Things that can't be had now.

    Attributes:
        kept: which nobody may use.
        changed: which are being changed.
        needed: which are being read or changed, so that nobody may change them.
    """

    kept: set[Thing] = field(default_factory=set)
    changed: set[Thing] = field(default_factory=set)
    needed: set[Thing] = field(default_factory=set)

    @classmethod
    def by(cls, running: Iterable[job_pb2.Job], kept: Iterable[Thing]) -> InUse:
        """By jobs that run; but for trainings, which give way."""
        found = cls(set(kept))
        for job in running:
            if job.kind != job_pb2.JOB_KIND_TRAIN:
                found.needed.update(resources_of(job.spec).named())
                changed = works_on(job)
                if changed is not None:
                    found.changed.add(changed)
        return found

    def blocks(self, job: Waiting) -> bool:
        """True where a job needs one of them."""
        return (
            job.changed in self.needed
            or not job.needed.isdisjoint(self.changed)
            or not job.needed.isdisjoint(self.kept)
        )


class JobQueue:
    """The queued jobs of one engine, each read from the store once."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self._known: dict[str, Waiting] = {}

    def startable(
        self, kinds: Collection[int], in_use: InUse, at_work: Counter[str]
    ) -> Iterator[job_pb2.Job]:
        """Jobs of these kinds whose things can be had, best first: whose client has the fewest at work.

        Args:
            kinds: which are looked for.
            in_use: what can't be had.
            at_work: jobs that run, by client.
        """
        able = [(one, job_id) for job_id, one in self._waiting(kinds).items() if not in_use.blocks(one)]
        for _, job_id in sorted(able, key=lambda each: (at_work[each[0].client], each[0].number)):
            yield self._jobs.get(job_id)

    def _waiting(self, kinds: Collection[int]) -> dict[str, Waiting]:
        queued = self._jobs.queued()
        self._known = {
            job_id: self._known.get(job_id) or self._read(job_id, number) for job_id, number, _ in queued
        }
        return {job_id: self._known[job_id] for job_id, _, kind in queued if kind in kinds}

    def _read(self, job_id: str, number: int) -> Waiting:
        job = self._jobs.get(job_id)
        return Waiting(number, client_of(job), frozenset(resources_of(job.spec).named()), works_on(job))


def client_of(job: job_pb2.Job) -> str:
    """The client that asked for a job."""
    return str(job.created_by)
