"""The task of a worker: the job, and where everything that it needs lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recaster.api.internal.v1 import worker_pb2
from recaster.jobs.grants import grant_from_proto, grant_to_proto
from recaster.operations.face_rights import Grant
from recaster.processes.channel import path_of, path_to_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recaster.api.v1 import job_pb2


@dataclass(frozen=True)
class WorkerTask:
    """One start of a worker.

    Attributes:
        attempt: 1 for the job's first worker.
        folder: the job's own folder.
        files: blobs that the spec names, by digest.
        clips: digest and name of the clips that it names, by id.
        facesets: folders of those that it names or makes, by id; ``models`` likewise.
        made: id of the clip, faceset or model that the job makes or works on; empty for none.
        device: "gpu" or "cpu"; empty for work that needs none.
    """

    job_id: str
    attempt: int
    spec: job_pb2.JobSpec
    folder: Path
    files: Mapping[str, Path]
    clips: Mapping[str, tuple[str, str]]
    facesets: Mapping[str, Path]
    models: Mapping[str, Path]
    made: str = ""
    device: str = ""
    limits: worker_pb2.ProcessLimits = field(default_factory=worker_pb2.ProcessLimits)
    grant: Grant = field(default_factory=Grant)

    def to_proto(self) -> worker_pb2.WorkerTask:
        """As the message that a worker gets."""
        return worker_pb2.WorkerTask(
            job_id=self.job_id,
            attempt=self.attempt,
            spec=self.spec,
            folder=path_to_bytes(self.folder),
            files=_to_bytes(self.files),
            clips={
                name: worker_pb2.NamedBlob(digest=digest, name=shown)
                for name, (digest, shown) in self.clips.items()
            },
            facesets=_to_bytes(self.facesets),
            models=_to_bytes(self.models),
            made=self.made,
            device=self.device,
            limits=self.limits,
            grant=grant_to_proto(self.grant),
        )

    @classmethod
    def from_proto(cls, task: worker_pb2.WorkerTask) -> WorkerTask:
        """Reads what ``to_proto`` wrote."""
        return cls(
            job_id=task.job_id,
            attempt=task.attempt,
            spec=task.spec,
            folder=path_of(task.folder),
            files=_to_paths(task.files),
            clips={name: (clip.digest, clip.name) for name, clip in task.clips.items()},
            facesets=_to_paths(task.facesets),
            models=_to_paths(task.models),
            made=task.made,
            device=task.device,
            limits=task.limits,
            grant=grant_from_proto(task.grant),
        )


def _to_bytes(paths: Mapping[str, Path]) -> dict[str, bytes]:
    return {name: path_to_bytes(path) for name, path in paths.items()}


def _to_paths(paths: Mapping[str, bytes]) -> dict[str, Path]:
    return {name: path_of(path) for name, path in paths.items()}
