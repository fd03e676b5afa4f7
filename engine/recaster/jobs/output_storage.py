"""Storage of what jobs make: files among the blobs, clips, facesets and models in the catalog."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster.api.v1 import job_pb2, model_pb2
from recaster.errors import ModelError, OutputError
from recaster.files import read_inside, remove_folder, resolve_inside
from recaster.jobs.cleanup import folders_of
from recaster.jobs.job_resources import kind_of, works_on
from recaster.jobs.rights import register_of, trained_identity
from recaster.jobs.worker_messages import FINISHED
from recaster.models.model_folder import ModelFolder
from recaster.processes.channel import path_of
from recaster.store.blobs import is_digest
from recaster.store.catalog import record_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.api.internal.v1 import worker_pb2
    from recaster.store.store import Store

MAX_PREVIEW_BYTES: Final = 32 << 20


class OutputStorage:
    """Keeps what the jobs of one store make; whatever their workers say is checked."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep_files(
        self, job: job_pb2.Job, files: Sequence[worker_pb2.MadeFile], result: job_pb2.JobResult
    ) -> None:
        """Takes the files that a job made among the blobs, and names them in its result.

        Raises:
            ValueError: one isn't in the job's folder, or its digest is none.
            OutputError: one is gone, or can't be kept now.
        """
        folder = self._store.folder.job(job.job_id)
        paths = [resolve_inside(path_of(file.path), [folder]) for file in files]
        digests = [file.digest for file in files]
        if not all(map(is_digest, digests)):  # it becomes the name of a file
            raise ValueError("a file that was made has no digest")
        self._store.blobs.acquire(digests, f"job {job.job_id}")  # first: nobody may sweep them away
        for path, file in zip(paths, files, strict=True):
            if not self._store.blobs.has(file.digest):  # else an engine that died had come this far
                if not path.is_file():
                    (folder / FINISHED).unlink(missing_ok=True)
                    raise OutputError(f"{path.name}: is gone; it is made again")
                self._store.blobs.commit(path, file.digest)
            self._store.client_usage.note(job.created_by, file.digest)
            result.artifacts.add(role=file.role, digest=file.digest, size=file.size, suffix=path.suffix)

    def keep_resource(self, job: job_pb2.Job, kind: str, resource: Any) -> str:
        """Keeps the clip, faceset or model that a job made or changed; returns its id."""
        changed = works_on(job)
        # Whatever a worker says: what it works on is known, and whose face that is.
        setattr(resource, f"{kind}_id", job.job_id if changed is None else changed.id)
        if kind == "clip":
            resource.digest = job.spec.ingest.digest
        else:
            resource.identity_id = getattr(getattr(job.spec, kind_of(job.spec)), "identity_id", "")
        before = None if changed is None else self._store.catalog.of(kind).find(changed.id)
        if before is None:
            return self._add(job, kind, resource)
        resource.create_time.CopyFrom(before.create_time)
        resource.display_name = resource.display_name or before.display_name
        if kind != "clip":
            resource.identity_id = before.identity_id or resource.identity_id
        resource.created_by = before.created_by
        self._store.catalog.of(kind).put(resource)
        resource_id = record_id(resource)
        self._store.catalog.of(kind).clear_origin(resource_id)
        return resource_id

    def _add(self, job: job_pb2.Job, kind: str, resource: Any) -> str:
        if kind_of(job.spec) == "train":
            resource.identity_id = trained_identity(job.spec, self._store)
        resource.created_by = job.created_by
        origin = job.spec.ingest.digest if job.spec.HasField("ingest") else None
        kept = self._store.catalog.of(kind).add(resource, origin=origin)
        kept_id = record_id(kept)
        if kept_id != job.job_id and kind != "clip":  # another job took the same in meanwhile
            place = self._store.folder.faceset if kind == "faceset" else self._store.folder.model
            remove_folder(place(job.job_id), quietly=True)
        if kind == "clip":
            blobs = self._store.blobs
            thumbnail = blobs.digests_of(f"job {job.job_id}")
            blobs.acquire([kept.digest, *thumbnail], f"clip {kept_id}")
            blobs.release(kept.digest, f"job {job.job_id}")  # who deletes the clip, wants the room
        return kept_id

    def keep_begun(self, job: job_pb2.Job) -> job_pb2.JobResult | None:
        """Keeps a model that is being trained, as far as it has come; None where nothing was saved."""
        if kind_of(job.spec) != "train":
            return None
        model_id = job.spec.train.model_id or job.job_id
        folder = ModelFolder(self._store.folder.model(model_id))
        try:
            card = folder.read()
        except ModelError:  # none yet, or damaged
            return None
        with self._store.database.transaction():
            before = self._store.catalog.models.find(model_id)
            has_weights = folder.weights.is_file()
            if not has_weights and before is None:
                return None
            model = before or model_pb2.Model(model_id=model_id)
            model.display_name = model.display_name or job.spec.train.display_name
            model.preset = card.preset.name
            model.steps = card.steps
            model.seconds = card.seconds
            model.source_digest = card.source
            model.target_digest = card.target or ""
            model.usable = has_weights
            if before is not None:
                self._store.catalog.models.put(model)
                return job_pb2.JobResult(model_id=model_id)
            model.identity_id = trained_identity(job.spec, self._store)
            model.created_by = job.created_by
            self._store.catalog.models.add(model)
            register = register_of(self._store)
            traces = register.traces("faceset", job.spec.train.source_faceset_id)
            register.add_traces("model", model_id, traces)
        return job_pb2.JobResult(model_id=model_id)

    def keep_preview(self, job: job_pb2.Job, picture: Path, step: int) -> None:
        """Keeps a picture of what a training has learnt, and lets older ones go.

        ValueError or OSError where it isn't in a folder of the job's, or no plain file of fit size.
        """
        job_id = job.job_id
        data = read_inside(picture, folders_of(self._store, job_id), MAX_PREVIEW_BYTES)
        self.keep_begun(job)
        handle, copy = tempfile.mkstemp(suffix=".png", dir=self._store.folder.job(job_id))  # never a link
        os.close(handle)
        Path(copy).write_bytes(data)
        digest, _ = self._store.blobs.put(Path(copy))
        self._store.blobs.acquire([digest], f"job {job_id}")
        event = job_pb2.JobEvent(preview=job_pb2.Preview(digest=digest, step=step))
        for old in self._store.jobs.add_event(job_id, event):
            if old.preview.digest != digest:
                self._store.blobs.release(old.preview.digest, f"job {job_id}")
