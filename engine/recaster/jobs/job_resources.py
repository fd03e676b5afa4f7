"""Resources that a job needs, and the task that its worker gets."""

from __future__ import annotations

import functools
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from recaster.api.internal.v1.worker_pb2 import NamedBlob, ProcessLimits, WorkerTask
from recaster.api.v1 import job_pb2
from recaster.errors import ModelError
from recaster.jobs.limits import machine_share
from recaster.models.model_folder import needs_tensorflow
from recaster.processes.channel import path_to_bytes
from recaster.provenance.policy import Policy

if TYPE_CHECKING:
    from recaster.store.blobs import Blobs
    from recaster.store.folder import DataFolder
    from recaster.store.store import Store

KINDS: Final = {
    name: job_pb2.JobKind.Value(f"JOB_KIND_{name.upper()}")
    for name in ("ingest", "extract", "train", "swap", "evaluate", "export", "sign", "anonymise")
}
SWAPPING: Final = ("swap", "anonymise")
"""Work that puts a face on; see ``swap_of``."""
CLUSTERED: Final = ("extract", "train", "evaluate", *SWAPPING)
"""Kinds of jobs whose work a cluster can do."""
LIGHT: Final = frozenset({"ingest", "export", "sign"})
"""Work that needs no device."""
LOOKING: Final = ProcessLimits(memory_bytes=8 << 30, cpu_s=4 * 3600, file_bytes=64 << 30, offline=True)
"""What a look at an upload may take, but for ``CPU_S_PER_GIB``: not whatever a hostile file asks for."""
CPU_S_PER_GIB: Final = 8 * 3600
"""CPU seconds more for each GiB of it: a long clip is no hostile one."""
LOADING: Final = ProcessLimits(cpu_s=3600, file_bytes=64 << 30, offline=True)
"""The same for a model, whose network reserves far more memory than it uses."""
MAX_OUTPUT_BYTES: Final = 1 << 40
"""Bytes of a file that any other work may write."""


class ResourceKey(NamedTuple):
    """Kind ("clip", "identity", "faceset", "model") and id of a record in the catalog."""

    kind: str
    id: str


@dataclass(frozen=True)
class JobResources:
    """Resources that a job reads, by id (blobs by digest), and what it makes or changes.

    Attributes:
        identities: people whose faces it makes a faceset of.
        blobs: those that it names itself.
        changes: None for nothing or a new one.
        makes: kind of what it makes or changes; empty for nothing.
    """

    clips: tuple[str, ...] = ()
    facesets: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()
    changes: ResourceKey | None = None
    makes: str = ""

    def named(self) -> list[ResourceKey]:
        """Every record that it reads or changes."""
        ids = {
            "clip": self.clips,
            "faceset": self.facesets,
            "model": self.models,
            "identity": self.identities,
        }
        keys = [ResourceKey(kind, name) for kind, names in ids.items() for name in names]
        return [*keys, self.changes] if self.changes else keys


def kind_of(spec: job_pb2.JobSpec) -> str:
    """The spec's kind of work, "" where none is set."""
    return spec.WhichOneof("work") or ""


def swap_of(spec: job_pb2.JobSpec) -> job_pb2.SwapSpec:
    """The swap that a job makes, an empty one for other work; to be changed in place."""
    return spec.anonymise.swap if kind_of(spec) == "anonymise" else spec.swap


def resources_of(spec: job_pb2.JobSpec) -> JobResources:
    """The resources that a job of this spec needs."""
    return _NEEDS[kind_of(spec)](spec)


def blobs_of(spec: job_pb2.JobSpec, store: Store) -> set[str]:
    """Digests of all blobs that a job reads (NotFoundError where a clip is gone)."""
    needed = resources_of(spec)
    return {*needed.blobs, *(store.catalog.clips.get(clip_id).digest for clip_id in needed.clips)}


def works_on(job: job_pb2.Job) -> ResourceKey | None:
    """The record that a job changes, which nobody else may read or change meanwhile.

    A model that is being made is there to be used from its first checkpoint on.
    """
    changed = resources_of(job.spec).changes
    is_new_model = changed is None and kind_of(job.spec) == "train"
    return ResourceKey("model", job.job_id) if is_new_model else changed


def _ingest(spec: job_pb2.JobSpec) -> JobResources:
    makes = {
        job_pb2.INGEST_KIND_CLIP: "clip",
        job_pb2.INGEST_KIND_FACESET: "faceset",
        job_pb2.INGEST_KIND_MODEL: "model",
    }
    return JobResources(
        identities=_set(spec.ingest.identity_id), blobs=(spec.ingest.digest,), makes=makes[spec.ingest.kind]
    )


def _extract(spec: job_pb2.JobSpec) -> JobResources:
    work = spec.extract
    pictures = [item.picture.digest for item in work.inputs if item.HasField("picture")]
    return JobResources(
        clips=_set(*(item.clip_id for item in work.inputs)),
        identities=_set(work.identity_id),
        blobs=_set(*pictures, *(item.corrections for item in work.inputs), work.options.person),
        changes=ResourceKey("faceset", work.faceset_id) if work.faceset_id else None,
        makes="faceset",
    )


def _train(spec: job_pb2.JobSpec) -> JobResources:
    work = spec.train
    return JobResources(
        facesets=_set(work.source_faceset_id, work.target_faceset_id),
        changes=ResourceKey("model", work.model_id) if work.model_id else None,
        makes="model",
    )


def _swap(spec: job_pb2.JobSpec) -> JobResources:
    work = swap_of(spec)
    return JobResources(
        clips=_set(work.clip_id, work.options.keep_out, work.options.keep_in),
        facesets=_set(work.faceset_id, *(member.faceset_id for member in work.cast)),
        models=_set(work.model_id, *(member.model_id for member in work.cast)),
        blobs=_set(work.options.person, work.options.corrections, *(member.person for member in work.cast)),
    )


def _evaluate(spec: job_pb2.JobSpec) -> JobResources:
    work = spec.evaluate
    return JobResources(
        clips=_set(work.original_clip_id, work.swapped_clip_id),
        facesets=_set(work.source_faceset_id, work.target_faceset_id, *work.gallery_faceset_ids),
        blobs=_set(work.person, work.corrections),
    )


def _export(spec: job_pb2.JobSpec) -> JobResources:
    return JobResources(facesets=_set(spec.export.faceset_id), models=_set(spec.export.model_id))


def _sign(spec: job_pb2.JobSpec) -> JobResources:
    return JobResources(blobs=_set(spec.sign.digest, *spec.sign.swaps))


def _set(*names: str) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(names) if name)


_NEEDS: Final = {
    "ingest": _ingest,
    "extract": _extract,
    "train": _train,
    "swap": _swap,
    "evaluate": _evaluate,
    "export": _export,
    "sign": _sign,
    "anonymise": _swap,
}


@functools.cache
def devices() -> tuple[str, ...]:
    """Devices that can compute, the best first: "gpu" where an NVIDIA driver shows one, and always "cpu"."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return ("cpu",)
    try:
        listing = subprocess.run([command, "-L"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ("cpu",)
    return ("gpu", "cpu") if listing.returncode == 0 and "GPU 0" in listing.stdout else ("cpu",)


def device_for(spec: job_pb2.JobSpec, folder: DataFolder) -> str:
    """The device that a job computes on: "gpu", "cpu", or "" where it needs no device."""
    kind = kind_of(spec)
    if kind in LIGHT:
        return ""
    swap = swap_of(spec)
    named = {"train": spec.train.options.device} | dict.fromkeys(SWAPPING, swap.options.device)
    asked = named.get(kind, "cpu")
    if asked not in ("", "auto"):
        return asked
    return "cpu" if kind in SWAPPING and not _needs_tensorflow(swap, folder) else devices()[0]


def _needs_tensorflow(swap: job_pb2.SwapSpec, folder: DataFolder) -> bool:
    try:
        return any(
            needs_tensorflow(folder.model(one.model_id) if one.model_id else None, swap.options.detector)
            for one in swap.cast or [swap]
        )
    except ModelError:
        return True  # its worker will say what is wrong


def _limits(
    spec: job_pb2.JobSpec, device: str, policy: Policy, upload_bytes: int, blobs: Blobs
) -> ProcessLimits:
    if kind_of(spec) != "ingest":
        # A GPU's driver may need sockets that aren't there without the network, a timestamp the network.
        offline = device != "gpu" and not policy.timestamp
        memory = 0 if device == "gpu" else machine_share()  # a GPU's driver maps its own as well
        return ProcessLimits(file_bytes=MAX_OUTPUT_BYTES, offline=offline, data_bytes=memory)
    limits = ProcessLimits(
        spare_bytes=blobs.quota.spare,
        left_bytes=max(1, blobs.quota.total - blobs.used()),
        most_bytes=blobs.quota.total,
    )
    limits.MergeFrom(LOADING if spec.ingest.kind == job_pb2.INGEST_KIND_MODEL else LOOKING)
    limits.cpu_s += CPU_S_PER_GIB * upload_bytes // (1 << 30)
    return limits


def task_for(job: job_pb2.Job, store: Store) -> WorkerTask:
    """The task of a job's next worker, without a grant (NotFoundError; UsageError for its policy)."""
    needed = resources_of(job.spec)
    signs = kind_of(job.spec) in (*SWAPPING, "sign")
    policy = Policy.load(store.folder.path) if signs else Policy()
    clips = [store.catalog.clips.get(clip_id) for clip_id in needed.clips]
    made = needed.changes.id if needed.changes else job.job_id if needed.makes else ""
    facesets = {*needed.facesets, *([made] if needed.makes == "faceset" else [])}
    models = {*needed.models, *([made] if needed.makes == "model" else [])}
    device = device_for(job.spec, store.folder)
    files = {digest: store.blobs.path(digest) for digest in blobs_of(job.spec, store)}
    sizes = sum(path.stat().st_size for path in files.values() if path.exists())
    return WorkerTask(
        job_id=job.job_id,
        attempt=job.attempts,
        spec=job.spec,
        folder=path_to_bytes(store.folder.job(job.job_id)),
        files={digest: path_to_bytes(path) for digest, path in files.items()},
        clips={clip.clip_id: NamedBlob(digest=clip.digest, name=clip.display_name) for clip in clips},
        facesets={name: path_to_bytes(store.folder.faceset(name)) for name in facesets},
        models={name: path_to_bytes(store.folder.model(name)) for name in models},
        made=made,
        device=device,
        limits=_limits(job.spec, device, policy, sizes, store.blobs),
    )
