"""Records of jobs in the audit log: what was asked for, by which faces, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from recaster.jobs.job_resources import SWAPPING, kind_of, resources_of, swap_of
from recaster.provenance.audit_events import name_identities
from recaster.provenance.register import Register

SWAPS: Final = ("clip", "layers", "list", "layers-list")
"""Roles of files that show a face that was put on, or list its pictures."""

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.api.v1 import identity_pb2, job_pb2
    from recaster.provenance.audit_log import Record
    from recaster.store.store import Store


def note_created(job: job_pb2.Job, store: Store) -> None:
    """Note that a job was asked for, and of what."""
    needed = resources_of(job.spec)
    changed = {} if needed.changes is None else {f"{needed.changes.kind}s": (needed.changes.id,)}
    for name in ("clips", "facesets", "models", "identities", "blobs"):
        changed[name] = (*getattr(needed, name), *changed.get(name, ()))
    _add(store, "job.create", job=job.job_id, kind=kind_of(job.spec), **_lists(changed))


def note_begun(job: job_pb2.Job, store: Store, people: Sequence[identity_pb2.Identity]) -> Record:
    """Note that a job's next worker begins, with the faces as they are now; ``people``'s it puts on."""
    kind = kind_of(job.spec)
    needed = resources_of(job.spec)
    details = name_identities(person.identity_id for person in people)
    if kind == "sign":
        details["swaps"] = list(job.spec.sign.swaps)
    else:
        clips = [store.catalog.clips.get(clip_id).digest for clip_id in needed.clips]
        details |= _lists({"faces": faces_in(job.spec, store), "clips": clips})
    if kind == "ingest":
        details["blobs"] = list(needed.blobs)
    if kind == "extract":
        details["pictures"] = sum(item.HasField("picture") for item in job.spec.extract.inputs)
    return _add(store, f"{kind}.start", job=job.job_id, attempt=job.attempts, **details)


def note_delivered(job: job_pb2.Job, people: Sequence[str], faces: Sequence[str], store: Store) -> None:
    """Note what came of a job that has succeeded; ``people`` by id, ``faces`` as ``faces_of_result``."""
    kind = kind_of(job.spec)
    result = job.result
    swapped = kind in (*SWAPPING, "sign")
    details: dict[str, Any] = {
        "made": [file.digest for file in result.artifacts if file.role in SWAPS or not swapped],
        "identities": list(people),
    }
    ids = {"clip": result.clip_id, "faceset": result.faceset_id, "model": result.model_id}
    details |= {made: resource_id for made, resource_id in ids.items() if resource_id}
    if result.faceset_id:
        faces = digests_of("faceset", result.faceset_id, store)
    details |= _lists({"faces": faces})
    if kind == "sign":
        details["swaps"] = list(job.spec.sign.swaps)
    if swap_of(job.spec).without_manifest:
        details["manifest"] = "left out, as asked"
    _add(store, f"{kind}.deliver", job=job.job_id, **details)


def faces_of_result(job: job_pb2.Job, store: Store) -> list[str]:
    """Digests of the model that a job has made, or of the faces that its result was made of.

    Models are read for that: not while a transaction keeps others from writing. A faceset's digest is known
    when it is kept.
    """
    needed = resources_of(job.spec)
    if needed.makes == "model":
        return digests_of("model", needed.changes.id if needed.changes else job.job_id, store)
    return [] if needed.makes else faces_in(job.spec, store)


def faces_in(spec: job_pb2.JobSpec, store: Store) -> list[str]:
    """Digests of the facesets and models that a job uses or changes, as they are now."""
    faces = dict.fromkeys(key for key in resources_of(spec).named() if key.kind in ("faceset", "model"))
    return [digest for key in faces for digest in digests_of(*key, store)]


def digests_of(kind: str, resource_id: str, store: Store) -> list[str]:
    """A faceset's or model's digest; none where it is gone, or nothing of it was saved yet."""
    if kind == "faceset":
        faceset = store.catalog.facesets.find(resource_id)
        return [faceset.digest] if faceset is not None and faceset.digest else []
    from recaster.models.model_folder import ModelFolder

    try:
        model = ModelFolder(store.folder.model(resource_id))
        return [model.digest()] if model.exists() else []
    except OSError:
        return []


def _lists(values_by_name: dict[str, Any]) -> dict[str, list[str]]:
    return {name: list(values) for name, values in values_by_name.items() if any(values)}


def _add(store: Store, event: str, **details: Any) -> Record:
    return Register.of(store.folder, store.catalog).audit.add(event, **details)
