"""Who goes first: trainings, which take long and can stop at any step, give way to all other work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.api.v1 import job_pb2
from recaster.jobs.completion import JobFinalizer

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class RunningJob:
    """A job that runs.

    Attributes:
        job: the job.
        device: what it computes on.
        leaving: whether it was asked to stop.
    """

    job: job_pb2.Job
    device: str
    leaving: bool


@dataclass(frozen=True)
class Admission:
    """Whether a job can start.

    Attributes:
        free: nothing is in its way.
        yielding: trainings that are in its way and alone so: when they have stopped, it can start.
    """

    free: bool
    preempting: tuple[str, ...] = ()


def admit(job: job_pb2.Job, device: str, at_once: int, running: Sequence[RunningJob]) -> Admission:
    """What is in a job's way: jobs on its device, and jobs about the same things.

    Args:
        job: that wants to start.
        device: what it computes on.
        at_once: jobs that may compute there at a time.
        running: all jobs that run.
    """
    clashing = [other for other in running if JobFinalizer.clash(job, other.job)]
    beside = [other for other in running if other.device == device]
    room = at_once - len(beside)
    if room > 0 and not clashing:
        return Admission(free=True)
    trainings = [other for other in beside if _trains(other)]
    if _trains(job) or not all(map(_trains, clashing)) or room + len(trainings) <= 0:
        return Admission(free=False)
    leaving = sum(other.leaving for other in beside)
    stopping = [*clashing, *trainings[: max(0, 1 - room - leaving)]]
    return Admission(free=False, preempting=tuple(dict.fromkeys(other.job.job_id for other in stopping)))


def _trains(one: RunningJob | job_pb2.Job) -> bool:
    job = one.job if isinstance(one, RunningJob) else one
    return job.kind == job_pb2.JOB_KIND_TRAIN
