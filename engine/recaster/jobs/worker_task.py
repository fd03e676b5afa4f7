"""The task of a worker: the job, and where everything that it needs lies."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.api.internal.v1 import worker_pb2
from recaster.processes.channel import path_of, path_to_bytes
from recaster.provenance.provenance_mark import ProvenanceMark
from recaster.provenance.signer import Signer
from recaster.provenance.vetting import VettingRules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recaster.api.v1 import job_pb2


@dataclass(frozen=True)
class Limits:
    """Limits of a worker; 0 for no limit.

    Attributes:
        memory_bytes: address space; only for work that decodes and computes little, as TensorFlow
            reserves far more than it uses.
        cpu_s: CPU time in seconds.
        file_bytes: size of any file that it writes.
        spare_bytes: of the disk, that stay free where a zip is unpacked.
        left_bytes: that a zip may unpack to now.
        most_bytes: that it could unpack to at best, whatever is deleted.
        data_bytes: memory that it has written to or may write to, which TensorFlow's reserves are not.
        offline: no network, where the system allows that to be forbidden (Linux).
    """

    memory_bytes: int = 0
    cpu_s: int = 0
    file_bytes: int = 0
    offline: bool = False
    data_bytes: int = 0
    spare_bytes: int = 0
    left_bytes: int = 0
    most_bytes: int = 0


@dataclass(frozen=True)
class WorkerTask:
    """One start of a worker.

    Attributes:
        job_id: the job.
        attempt: 1 for the job's first worker.
        spec: what is to be done.
        folder: the job's own folder.
        files: blobs that the spec names, by digest.
        clips: the clips that it names: their file's digest and name, by id.
        facesets: folders of the facesets that it names, or makes, by id.
        models: folders of the models that it names, or makes, by id.
        made: id of the clip, faceset or model that the job makes or works on; empty for none.
        device: what computes: "gpu" or "cpu"; empty for work that needs none.
        limits: what it may take.
        mark: how a swap is marked; None for not at all.
        signer: who signs; None where nothing is.
        vetting: what the swaps in an edit must be; None for other work.
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
    limits: Limits = Limits()
    mark: ProvenanceMark | None = None
    signer: Signer | None = None
    vetting: VettingRules | None = None

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
            limits=worker_pb2.ProcessLimits(**dataclasses.asdict(self.limits)),
            mark=_to_text(self.mark),
            signer=_to_text(self.signer),
            vetting=_to_text(self.vetting),
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
            limits=Limits(**{f.name: getattr(task.limits, f.name) for f in dataclasses.fields(Limits)}),
            mark=ProvenanceMark.from_json(json.loads(task.mark)) if task.mark else None,
            signer=Signer.from_json(json.loads(task.signer)) if task.signer else None,
            vetting=VettingRules.from_json(json.loads(task.vetting)) if task.vetting else None,
        )


def _to_bytes(paths: Mapping[str, Path]) -> dict[str, bytes]:
    return {name: path_to_bytes(path) for name, path in paths.items()}


def _to_paths(paths: Mapping[str, bytes]) -> dict[str, Path]:
    return {name: path_of(path) for name, path in paths.items()}


def _to_text(value: ProvenanceMark | Signer | VettingRules | None) -> str:
    return "" if value is None else json.dumps(value.to_json())
