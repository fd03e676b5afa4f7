"""What a worker is told when it starts: the job, and where everything that it needs lies."""

from __future__ import annotations

import base64
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recaster.api.v1 import job_pb2
from recaster.provenance.provenance_mark import ProvenanceMark
from recaster.provenance.signer import Signer
from recaster.provenance.vetting import VettingRules

if TYPE_CHECKING:
    from collections.abc import Mapping


FINISHED: Final = "finished.json"
"""A worker's note of what it has made, in its job's folder."""


@dataclass(frozen=True)
class Limits:
    """What a worker may take; 0 for no limit.

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

    def to_line(self) -> str:
        """As one line of JSON, to be sent to a worker."""
        return json.dumps(
            {
                "job_id": self.job_id,
                "attempt": self.attempt,
                "spec": base64.b64encode(self.spec.SerializeToString()).decode(),
                "folder": str(self.folder),
                "files": {digest: str(path) for digest, path in self.files.items()},
                "clips": self.clips,
                "facesets": {name: str(path) for name, path in self.facesets.items()},
                "models": {name: str(path) for name, path in self.models.items()},
                "made": self.made,
                "device": self.device,
                "limits": dataclasses.astuple(self.limits),
                "mark": self.mark and self.mark.to_json(),
                "signer": self.signer and self.signer.to_json(),
                "vetting": self.vetting and self.vetting.to_json(),
            }
        )

    @classmethod
    def from_line(cls, line: str) -> WorkerTask:
        """What ``to_line`` wrote."""
        value = json.loads(line)
        return cls(
            job_id=value["job_id"],
            attempt=value["attempt"],
            spec=job_pb2.JobSpec.FromString(base64.b64decode(value["spec"])),
            folder=Path(value["folder"]),
            files=_paths(value["files"]),
            clips={name: (digest, shown) for name, (digest, shown) in value["clips"].items()},
            facesets=_paths(value["facesets"]),
            models=_paths(value["models"]),
            made=value["made"],
            device=value["device"],
            limits=Limits(*value["limits"]),
            mark=ProvenanceMark.from_json(value["mark"]) if value["mark"] else None,
            signer=Signer.from_json(value["signer"]) if value["signer"] else None,
            vetting=VettingRules.from_json(value["vetting"]) if value["vetting"] else None,
        )


def _paths(values: Mapping[str, str]) -> dict[str, Path]:
    return {name: Path(path) for name, path in values.items()}
