"""An engine with a clip and faces, as jobs need them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from recaster.api.v1 import job_pb2

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serving import Served

    from recaster.client import Client

LIVE = (job_pb2.JOB_STATE_RUNNING,)


@dataclass
class Material:
    """An engine, a client of it, and the ids of what is there."""

    served: Served
    client: Client
    clip: str
    faceset: str

    def training(self, steps: int, **how: Any) -> job_pb2.JobSpec:
        options = job_pb2.TrainOptions(steps=steps, **how)
        return job_pb2.JobSpec(
            train=job_pb2.TrainSpec(source_faceset_id=self.faceset, display_name="her", options=options)
        )

    def swapping(self, frames: str, *, marked: bool = True, **how: Any) -> job_pb2.JobSpec:
        """A swap; one that isn't marked is the same to the last bit every time: no two signatures are."""
        options = job_pb2.SwapOptions(range=frames, **how)
        return job_pb2.JobSpec(
            swap=job_pb2.SwapSpec(
                clip_id=self.clip, faceset_id=self.faceset, options=options, without_manifest=not marked
            )
        )

    def until(self, job_id: str, *states: job_pb2.JobState, done: float = 0) -> job_pb2.Job:
        """Follow a job until it is in one of the states, and its progress that far."""
        for _ in self.client.jobs.watch(job_id):
            job = self.client.jobs.get(job_id)
            if job.state in states and job.progress.done >= done:
                return job
        return self.client.jobs.get(job_id)


@pytest.fixture(scope="session")
def prepare(actors: Path, packed_faces: Path) -> Callable[[Served], Material]:
    """Brings a clip and faces to an engine."""

    def made(served: Served) -> Material:
        client = served.client(patience_s=60)
        clip = client.take_clip(actors / "performer.mp4")
        return Material(served, client, clip, client.take_faceset(packed_faces))

    return made


@pytest.fixture(scope="session")
def material(served: Served, prepare: Callable[[Served], Material]) -> Material:
    """The shared engine with a clip and faces."""
    return prepare(served)
