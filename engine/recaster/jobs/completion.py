"""How a job ends: what it made is kept, what it needs no more is let go, and clients are told."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster.api.v1 import job_pb2
from recaster.errors import ConsentError, ModelError, NotFoundError, OutputError
from recaster.files import open_nofollow, read_inside, remove_folder, resolve_inside
from recaster.jobs import logs
from recaster.jobs.audit_records import digests_of, faces_of_result, note_delivered
from recaster.jobs.cleanup import folders_of
from recaster.jobs.job_resources import blobs_of, kind_of, resources_of, works_on
from recaster.jobs.rights import (
    authorize_faces,
    blocking_reason,
    face_resources,
    refuse_revoked,
    register_of,
    trained_identity,
)
from recaster.jobs.worker_task import FINISHED
from recaster.provenance.caller import acting_for
from recaster.provenance.face_traces import FaceTraces
from recaster.store.catalog import MESSAGES, record_id
from recaster.store.job_store import BLOCKED, CANCELLED, ENDED, FAILED, SUCCEEDED
from recaster.texts import without_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recaster.store.store import Store

TAIL: Final = 2000
"""Bytes of a crashed worker's last words that its job quotes."""
MAX_PREVIEW_BYTES: Final = 32 << 20
"""Bytes of the largest picture of what a training has learnt."""
KEPT: Final = frozenset({"stderr.txt", logs.FILE})
"""What stays in the folder of a job that has ended."""


class JobFinalizer:
    """Ends jobs."""

    def __init__(self, store: Store) -> None:
        """Its ``on_changed`` is told of facesets that may hold other faces than is kept of them."""
        self._store = store
        self.on_changed: Callable[[str], None] = lambda _: None

    def done(self, job_id: str, said: Mapping[str, Any]) -> None:
        """A worker has done all that was asked."""
        job = self._store.jobs.get(job_id)
        spec = job.spec
        result = job_pb2.JobResult(summary=said["summary"], warnings=said["warnings"])
        if coverage := said.get("coverage"):
            result.coverage.ParseFromString(base64.b64decode(coverage))
        if said.get("mark") is not None:
            result.mark = without_folder(said["mark"], self._store.folder.path)
        traces = FaceTraces.from_json(said.get("traces") or FaceTraces().to_json())
        if self._refused(job_id, traces):
            return
        folder = self._store.folder.job(job_id)
        files = [(resolve_inside(Path(file["path"]), [folder]), file) for file in said["files"]]
        digests = [file["digest"] for file in said["files"]]
        self._store.blobs.acquire(digests, f"job {job_id}")  # first: nobody may sweep them away
        for path, file in files:
            if not self._store.blobs.has(file["digest"]):  # else an engine that died had come this far
                if not path.is_file():
                    (folder / FINISHED).unlink(missing_ok=True)
                    raise OutputError(f"{path.name}: is gone; it is made again")
                self._store.blobs.commit(path, file["digest"])
            self._store.shares.note(job.created_by, file["digest"])
            result.artifacts.add(
                role=file["role"], digest=file["digest"], size=file["size"], suffix=path.suffix
            )
        faces = faces_of_result(job, self._store)
        with self._store.database.transaction():
            refuse_revoked(
                [] if kind_of(spec) == "train" else face_resources(spec), self._store
            )  # as it is delivered
            if said["kind"]:
                thing = self._keep(job_id, said["kind"], base64.b64decode(said["body"]))
                if said["kind"] != "clip":
                    register_of(self._store).add_traces(said["kind"], thing, traces)
                setattr(result, f"{said['kind']}_id", thing)
            elif spec.HasField("export"):
                kind = "faceset" if spec.export.faceset_id else "model"
                self._store.catalog.of(kind).set_origin(getattr(spec.export, f"{kind}_id"), digests[0])
            self._end(job_id, SUCCEEDED, result=result)
            # Inside: nothing is delivered that the log doesn't say.
            people = self._people(spec, result)
            note_delivered(self._store.jobs.get(job_id), people, faces, self._store)
        self._tidy(job_id)

    def _people(self, spec: job_pb2.JobSpec, result: job_pb2.JobResult) -> list[str]:
        """Ids of those whose faces are in what a job made (ConsentError where it may not be put on)."""
        if kind_of(spec) in ("swap", "sign"):
            return [one.identity_id for one in authorize_faces(spec, self._store)]
        made = [("faceset", result.faceset_id), ("model", result.model_id)]
        found = [
            self._store.catalog.of(one[0]).find(one[1]) for one in (*face_resources(spec), *made) if one[1]
        ]
        return list(dict.fromkeys(one.identity_id for one in found if one and one.identity_id))

    def _refused(self, job_id: str, traces: FaceTraces) -> bool:
        """Whether a job's result is kept back: its face was revoked meanwhile, or is known to have been.

        A training is no result: what it learnt is kept, and can't be used.
        """
        job = self._store.jobs.get(job_id)
        kind = kind_of(job.spec)
        if kind in ("swap", "export", "sign", "evaluate"):
            why = blocking_reason(job.spec, self._store)
            if why is not None:
                self._withhold(job_id)
                self.block(job_id, why)
            return why is not None
        if kind in ("ingest", "extract") and works_on(job) is None:
            try:
                register_of(self._store).revocations.refuse(traces)
            except ConsentError as error:
                why = job_pb2.JobError(reason=error.reason, message=str(error), exit_code=error.exit_code)
                self._fall_short(job_id, FAILED, why)
                return True
        return False

    def _withhold(self, job_id: str) -> None:
        """Remove what a job has made: should it ever be delivered, it is made again."""
        folder = self._store.folder.job(job_id)
        (folder / FINISHED).unlink(missing_ok=True)
        for path in folder.glob("*"):
            if path.is_file() and path.name not in KEPT | {"lock"}:
                path.unlink(missing_ok=True)

    def failed(self, job_id: str, said: Mapping[str, Any]) -> None:
        """A worker has said why it can't go on."""
        error = job_pb2.JobError(reason=said["reason"], message=said["message"], exit_code=said["exit_code"])
        if said["reason"] == "DAMAGED":
            named = blobs_of(self._store.jobs.get(job_id).spec, self._store)
            for digest in named & set(said["damaged"]):  # whatever a worker says: no other's
                self._store.blobs.set_aside(digest)
        if said["reason"] in ("DISK_FULL", "TIMESTAMP", "POLICY"):
            self._end(job_id, BLOCKED, error=error)
            return
        self._fall_short(job_id, FAILED, error)

    def crashed(self, job_id: str, code: int | None, words_from: int) -> None:
        """A worker has died more than once without coming further."""
        words = _last_words(self._store.folder.job(job_id) / "stderr.txt", words_from)
        message = f"its process died twice at the same place ({_died_of(code)})"
        error = job_pb2.JobError(
            reason="CRASHED", message=message + (f": {words}" if words else ""), exit_code=1
        )
        self._fall_short(job_id, FAILED, error)

    def stalled(self, job_id: str, why: str) -> None:
        """A worker was stopped more than once since it came no further."""
        error = job_pb2.JobError(
            reason="STALLED",
            message=f"it was stopped twice at the same place: {why}; a file that it works on may be damaged, "
            "or the engine's disk not answer",
            exit_code=1,
        )
        self._fall_short(job_id, FAILED, error)

    def move(self, job_id: str, state: job_pb2.JobState) -> None:
        """It goes on elsewhere, unless it has ended."""
        with self._store.jobs.changing(job_id) as job:
            if job.state not in ENDED:
                job.state = state
                job.ClearField("error")
                name = job_pb2.JobState.Name(state).removeprefix("JOB_STATE_").lower()
                logs.note(self._store.folder.job(job_id), "info", name, attempts=job.attempts)

    def block(self, job_id: str, why: job_pb2.JobError) -> None:
        """It can't begin now, and will when that is over."""
        self._end(job_id, BLOCKED, error=why)

    def cancel(self, job_id: str) -> None:
        """Nobody wants it any more. A model that was begun keeps its last checkpoint."""
        self._fall_short(job_id, CANCELLED)

    def known(self, job: job_pb2.Job) -> bool:
        """Whether a job is to take in what was taken in before; then it is done."""
        if job.spec.WhichOneof("work") != "ingest":
            return False
        kind = resources_of(job.spec).makes
        before = self._store.catalog.of(kind).find_by_origin(job.spec.ingest.digest)
        if before is None:
            return False
        whose = job.spec.ingest.identity_id
        if whose and kind != "clip" and before.identity_id not in ("", whose):
            message = f"this {kind} was taken in before, and holds the face of {before.identity_id}"
            error = job_pb2.JobError(reason="USAGE", message=message, exit_code=2)
            self._fall_short(job.job_id, FAILED, error)
            return True
        try:
            if kind != "clip":
                refuse_revoked([(kind, record_id(before))], self._store)
            if whose and kind != "clip" and not before.identity_id:
                with acting_for(job.created_by):
                    register_of(self._store).assign(whose, kind, before)
        except ConsentError as error:
            why = job_pb2.JobError(reason=error.reason, message=str(error), exit_code=error.exit_code)
            self._fall_short(job.job_id, FAILED, why)
            return True
        result = job_pb2.JobResult()
        setattr(result, f"{kind}_id", record_id(before))
        if kind == "clip":
            self._store.blobs.release(before.digest, f"job {job.job_id}")
        faces = digests_of("model", result.model_id, self._store) if kind == "model" else []
        with self._store.database.transaction(), acting_for(job.created_by):
            self._end(job.job_id, SUCCEEDED, result=result)
            people = self._people(job.spec, result)
            note_delivered(self._store.jobs.get(job.job_id), people, faces, self._store)
        return True

    def preview(self, job_id: str, path: str, step: int) -> None:
        """A training has saved what it did, and painted something."""
        data = read_inside(Path(path), folders_of(self._store, job_id), MAX_PREVIEW_BYTES)
        self.begun(job_id)
        handle, copy = tempfile.mkstemp(suffix=".png", dir=self._store.folder.job(job_id))  # never a link
        os.close(handle)
        Path(copy).write_bytes(data)
        digest, _ = self._store.blobs.put(Path(copy))
        self._store.blobs.acquire([digest], f"job {job_id}")
        told = job_pb2.JobEvent(preview=job_pb2.Preview(digest=digest, step=step))
        for old in self._store.jobs.tell(job_id, told):
            if old.preview.digest != digest:
                self._store.blobs.release(old.preview.digest, f"job {job_id}")

    @staticmethod
    def clash(one: job_pb2.Job, other: job_pb2.Job) -> bool:
        """Whether one of two jobs changes a thing that the other needs."""
        return (
            works_on(one) in resources_of(other.spec).named()
            or works_on(other) in resources_of(one.spec).named()
        )

    def begun(self, job_id: str) -> None:
        """A training has saved what it did: its model can be used from now on."""
        job = self._store.jobs.get(job_id)
        if kind_of(job.spec) == "train":
            with self._store.database.transaction():
                self._keep_begun(job)

    def _keep(self, job_id: str, kind: str, body: bytes) -> str:
        """Keep what a job made or changed; returns its id.

        Raises:
            ValueError: its worker tells of something else.
        """
        job = self._store.jobs.get(job_id)
        spec, changed = job.spec, works_on(job)
        if kind != resources_of(spec).makes:
            raise ValueError(
                f"a worker has made a {kind}, and was to make: {resources_of(spec).makes or 'nothing'}"
            )
        thing = MESSAGES[kind].FromString(body)
        # Whatever a worker says: what it works on is known, and whose face that is.
        setattr(thing, f"{kind}_id", job_id if changed is None else changed[1])
        if kind == "clip":
            thing.digest = spec.ingest.digest
        else:
            thing.identity_id = getattr(getattr(spec, kind_of(spec)), "identity_id", "")
        before = None if changed is None else self._store.catalog.of(changed[0]).find(changed[1])
        if changed is not None and before is not None:
            thing.create_time.CopyFrom(before.create_time)
            thing.display_name = thing.display_name or before.display_name
            if kind != "clip":
                thing.identity_id = before.identity_id or thing.identity_id
            thing.created_by = before.created_by
            self._store.catalog.of(kind).put(thing)
            self._store.catalog.of(kind).clear_origin(changed[1])
            return changed[1]
        if kind_of(spec) == "train":
            thing.identity_id = trained_identity(spec, self._store)
        thing.created_by = job.created_by
        ingested = spec.WhichOneof("work") == "ingest"
        kept = self._store.catalog.of(kind).add(thing, origin=spec.ingest.digest if ingested else None)
        name: str = record_id(kept)
        if name != job_id and kind != "clip":  # another job took the same in meanwhile
            place = self._store.folder.faceset if kind == "faceset" else self._store.folder.model
            remove_folder(place(job_id), quietly=True)
        if kind == "clip":
            self._store.blobs.acquire([kept.digest], f"clip {name}")
            self._store.blobs.acquire(
                self._store.blobs.used_by(f"job {job_id}"), f"clip {name}"
            )  # its thumbnail
            self._store.blobs.release(kept.digest, f"job {job_id}")  # who deletes the clip, wants the room
        return name

    def _fall_short(
        self, job_id: str, state: job_pb2.JobState, error: job_pb2.JobError | None = None
    ) -> None:
        """End a job that came to no good end. What stays of it is a model that was begun, and faces added."""
        job = self._store.jobs.get(job_id)
        made, training = resources_of(job.spec), kind_of(job.spec) == "train"
        if made.changes is None and not training:  # first: who sees that it has ended finds nothing of it
            for folder in (self._store.folder.faceset(job_id), self._store.folder.model(job_id)):
                remove_folder(folder, quietly=True)
        with self._store.database.transaction():
            job = self._store.jobs.get(job_id)
            kept = self._keep_begun(job) if training else None
            self._end(job_id, state, kept, error)
            if training and kept is None and self._store.catalog.models.find(job_id) is None:
                remove_folder(self._store.folder.model(job_id), quietly=True)
        self._tidy(job_id)
        if made.changes is not None and made.makes == "faceset":
            self.on_changed(made.changes[1])

    def _keep_begun(self, job: job_pb2.Job) -> job_pb2.JobResult | None:
        """A model that is being trained, as far as it has come; None where nothing was saved."""
        from recaster.models.model_folder import ModelFolder

        name = job.spec.train.model_id or job.job_id
        before = self._store.catalog.models.find(name)
        try:
            card = ModelFolder(self._store.folder.model(name)).read()
        except ModelError:  # none yet, or damaged
            return None
        weights = (self._store.folder.model(name) / "weights.safetensors").is_file()
        if not weights and before is None:
            return None
        model = before or MESSAGES["model"](model_id=name)
        model.display_name = model.display_name or job.spec.train.display_name
        model.preset, model.steps, model.seconds = card.preset.name, card.steps, card.seconds
        model.source_digest, model.target_digest = card.source, card.target or ""
        model.usable = weights
        if before is None:
            model.identity_id = trained_identity(job.spec, self._store)
            model.created_by = job.created_by
            self._store.catalog.models.add(model)
            register = register_of(self._store)
            register.add_traces("model", name, register.traces("faceset", job.spec.train.source_faceset_id))
        else:
            self._store.catalog.models.put(model)
        return job_pb2.JobResult(model_id=name)

    def _end(
        self,
        job_id: str,
        state: job_pb2.JobState,
        result: job_pb2.JobResult | None = None,
        error: job_pb2.JobError | None = None,
    ) -> None:
        with self._store.jobs.changing(job_id) as job:
            if job.state in ENDED:
                return
            job.state = state
            job.ClearField("error")
            if result is not None:
                for lines in (result.summary, result.warnings):
                    lines[:] = [without_folder(line, self._store.folder.path) for line in lines]
                for one in result.coverage.ranges:
                    one.sentence = without_folder(one.sentence, self._store.folder.path)
                job.result.CopyFrom(result)
            if error is not None:
                error.message = without_folder(error.message, self._store.folder.path)
                job.error.CopyFrom(error)
            name = job_pb2.JobState.Name(state).removeprefix("JOB_STATE_").lower()
            why = {"reason": error.reason, "error": self._unnamed(error.message, job)} if error else {}
            logs.note(self._store.folder.job(job_id), "info", name, attempts=job.attempts, **why)
            if error is not None and error.reason.startswith("CONSENT_"):
                details = {"job": job_id, "kind": kind_of(job.spec), "reason": error.reason}
                with acting_for(job.created_by):
                    register_of(self._store).audit.add("job.refuse", **details)

    def _unnamed(self, text: str, job: job_pb2.Job) -> str:
        """A text for the log, without what people called the files and faces that a job works on."""
        for kind, thing_id in resources_of(job.spec).named():
            with contextlib.suppress(NotFoundError):
                text = _without(text, self._store.catalog.of(kind).get(thing_id).display_name)
        work = getattr(job.spec, kind_of(job.spec))
        for name in (getattr(work, "display_name", ""), *_pictures(job.spec)):
            text = _without(text, name)
        return text

    def _tidy(self, job_id: str) -> None:
        """Remove what a job that has ended was working with, but for its log."""
        for place in (self._store.folder.faceset(job_id), self._store.folder.model(job_id)):
            for half_made in place.parent.glob(f".{job_id}.*"):
                remove_folder(half_made, quietly=True)
        folder = self._store.folder.job(job_id)
        if folder.is_dir():
            for path in folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    remove_folder(path, quietly=True)
                elif path.name not in KEPT:
                    path.unlink(missing_ok=True)
        for folder in folders_of(self._store, job_id):
            self._store.blobs.usage.count(folder)


def _without(text: str, name: str) -> str:
    return text.replace(name, "***") if name else text


def _pictures(spec: job_pb2.JobSpec) -> list[str]:
    return [one.picture.display_name for one in spec.extract.inputs]


def _died_of(code: int | None) -> str:
    if code is None:
        return "it could not be started"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def _last_words(path: Path, begin: int) -> str:
    try:
        with open(path, "rb", opener=open_nofollow) as file:
            file.seek(max(begin, path.stat().st_size - TAIL), os.SEEK_SET)
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""
