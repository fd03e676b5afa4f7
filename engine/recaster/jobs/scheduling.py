"""Admission of jobs: trainings, which take long and can stop at any step, give way to all other work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.api.v1 import job_pb2
from recaster.jobs.job_resources import resources_of, works_on

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class RunningJob:
    """A job that runs.

    Attributes:
        job: the job.
        device: what it computes on.
        is_leaving: it was asked to stop.
    """

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
    """Decides by the jobs on a job's device, and by those about the same things.

    Args:
        job: that wants to start.
        device: what it computes on.
        max_on_device: jobs that may compute there at a time.
        running: all jobs that run.
    """
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
    """True where one of two jobs changes a thing that the other needs."""
    return (
        works_on(job) in resources_of(other.spec).named() or works_on(other) in resources_of(job.spec).named()
    )


def _is_training(job: job_pb2.Job) -> bool:
    return job.kind == job_pb2.JOB_KIND_TRAIN
