"""An engine with a clip and faces, as jobs need them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from serving import wait_for

from recaster.api.v1 import job_pb2

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serving import Served

    from recaster.client import Client

BEGINNING = """
import os, struct, sys
from recaster.api.internal.v1.query_pb2 import *
from recaster.api.internal.v1.worker_pb2 import *
from recaster.api.v1.faceset_pb2 import Faceset
from recaster.api.v1.job_pb2 import JobError, LogLine, Progress
from recaster.api.v1.model_pb2 import Model
from recaster.processes.channel import pack, receive

def write(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()

def send(**message):
    write(pack(WorkerMessage(**message)))

def write_message(data):
    write(struct.pack(">I", len(data)) + data)

request = receive(sys.stdin.buffer, KIND)
folder = os.fsdecode(request.task.folder) if KIND is WorkerRequest else ""
"""
"""What a program has at hand that is the worker: the channel, as real ones have it and as nobody should."""


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
        """Wait until a job is in one of the states, and its progress that far, or has ended."""
        return wait_for(self.client, job_id, *states, done=done)


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


@pytest.fixture
def taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets a program of one's own be the worker, which gets the real one's task on its standard input."""

    def make(body: str, kind: str = "WorkerRequest") -> None:
        program = tmp_path / "program"
        program.write_text(f"#!{real}\n{BEGINNING.replace('KIND', kind)}\n{body}\n")
        program.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(program))

    real = sys.executable
    return make
