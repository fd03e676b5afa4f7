"""An engine with several clients, each with a token and a role of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recaster.api.v1 import blob_pb2_grpc, job_pb2
from recaster.client import Address, Client
from recaster.store.database import Database
from recaster.store.job_store import JobStore

if TYPE_CHECKING:
    from serving import Served


@dataclass
class Studio:
    """An engine, and a way to its clients."""

    served: Served
    clients: dict[str, Client]

    def tokens(self, *arguments: str) -> str:
        command = [
            sys.executable,
            "-m",
            "recaster.cli.main",
            "tokens",
            *arguments,
            "--data",
            self.served.data,
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def client(self, name: str, role: str, *options: str) -> Client:
        if name not in self.clients:
            token = self.tokens("add", name, "--role", role, *options)
            self.clients[name] = Client(Address(self.served.address, token), patience_s=5)
        return self.clients[name]


def blobs(client: Client) -> Any:
    return blob_pb2_grpc.BlobServiceStub(client.connection.channel)


def rests(studio: Studio, client: str) -> str:
    """The id of a job of a client that stays where it is."""
    database = Database(studio.served.data / "store.sqlite")
    jobs = JobStore(database)
    with database.transaction():
        spec = job_pb2.JobSpec(export=job_pb2.ExportSpec(model_id="a" * 12))
        job, _ = jobs.create(spec, job_pb2.JOB_KIND_EXPORT, "", {}, client)
        jobs.set_desired_state(job.job_id, "pause")
        with jobs.changing(job.job_id) as kept:
            kept.state = job_pb2.JOB_STATE_PAUSED
    database.close()
    return job.job_id
