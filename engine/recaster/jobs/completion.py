"""End of a job: what it made is kept, what it needs no more is let go, and clients are told."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, Final

from recaster.api.v1 import job_pb2
from recaster.errors import ConsentError
from recaster.files import open_nofollow, remove_folder
from recaster.jobs import logs
from recaster.jobs.audit_records import digests_of, faces_of_result, note_delivered
from recaster.jobs.cleanup import folders_of
from recaster.jobs.job_resources import SWAPPING, blobs_of, kind_of, resources_of, works_on
from recaster.jobs.output_storage import OutputStorage
from recaster.jobs.proto_records import error_to_proto, traces_from_proto
from recaster.jobs.rights import authorize_faces, blocking_reason, face_resources, refuse_revoked, register_of
from recaster.jobs.worker_messages import FINISHED
from recaster.processes.spawn import last_lines
from recaster.provenance.caller import acting_for
from recaster.store.catalog import record_id
from recaster.store.job_store import BLOCKED, CANCELLED, ENDED, FAILED, SUCCEEDED
from recaster.texts import without_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.api.internal.v1 import worker_pb2
    from recaster.provenance.face_traces import FaceTraces
    from recaster.store.store import Store

MAX_QUOTE_BYTES: Final = 2000
"""Bytes of a crashed worker's last words that its job quotes."""
KEPT: Final = frozenset({"stderr.txt", logs.FILE})
"""What stays in the folder of a job that has ended."""


class JobFinalizer:
    """Ends jobs."""

    def __init__(self, store: Store) -> None:
        """``on_changed`` is called with facesets that may hold other faces than is kept of them."""
        self._store = store
        self.storage = OutputStorage(store)
        self.on_changed: Callable[[str], None] = lambda _: None

    def finish(self, job_id: str, finished: worker_pb2.FinishedJob) -> None:
        """Keeps what a worker made that has done all that was asked.

        Raises:
            ValueError: it was to make something else.
            OutputError: it can't be kept now.
        """
        job = self._store.jobs.get(job_id)
        spec = job.spec
        kind = finished.WhichOneof("resource") or ""
        makes = resources_of(spec).makes
        if kind != makes:
            raise ValueError(f"a worker has made: {kind or 'nothing'}, and was to make: {makes or 'nothing'}")
        result = job_pb2.JobResult(summary=finished.summary, warnings=finished.warnings)
        if finished.HasField("coverage"):
            result.coverage.CopyFrom(finished.coverage)
        if finished.HasField("mark"):
            result.mark = without_folder(finished.mark, self._store.folder.path)
        traces = traces_from_proto(finished.traces)
        if self._refused(job_id, traces):
            return
        self.storage.keep_files(job, finished.files, result)
        faces = faces_of_result(job, self._store)
        with self._store.database.transaction():
            if kind_of(spec) != "train":  # as it is delivered
                refuse_revoked(face_resources(spec), self._store)
            if kind:
                resource_id = self.storage.keep_resource(job, kind, getattr(finished, kind))
                if kind != "clip":
                    register_of(self._store).add_traces(kind, resource_id, traces)
                setattr(result, f"{kind}_id", resource_id)
            elif spec.HasField("export"):
                packed = "faceset" if spec.export.faceset_id else "model"
                digest = finished.files[0].digest
                self._store.catalog.of(packed).set_origin(getattr(spec.export, f"{packed}_id"), digest)
            self._end(job_id, SUCCEEDED, result=result)
            # Inside: nothing is delivered that the log doesn't say.
            people = self._people(spec, result)
            note_delivered(self._store.jobs.get(job_id), people, faces, self._store)
        self._tidy(job_id)

    def _people(self, spec: job_pb2.JobSpec, result: job_pb2.JobResult) -> list[str]:
        """Ids of those whose faces are in what a job made (ConsentError where it may not be put on)."""
        if kind_of(spec) in (*SWAPPING, "sign"):
            return list(dict.fromkeys(each.identity_id for each in authorize_faces(spec, self._store)))
        made = [("faceset", result.faceset_id), ("model", result.model_id)]
        faces = [key for key in (*face_resources(spec), *made) if key[1]]
        records = [self._store.catalog.of(kind).find(name) for kind, name in faces]
        return list(dict.fromkeys(face.identity_id for face in records if face and face.identity_id))

    def _refused(self, job_id: str, traces: FaceTraces) -> bool:
        """Keeps a job's result back, and says so: its face was revoked meanwhile, or is known to have been.

        A training is no result: what it learnt is kept, and can't be used.
        """
        job = self._store.jobs.get(job_id)
        kind = kind_of(job.spec)
        if kind in (*SWAPPING, "export", "sign", "evaluate"):
            why = blocking_reason(job.spec, self._store)
            if why is not None:
                self._withhold(job_id)
                self.block(job_id, why)
            return why is not None
        if kind in ("ingest", "extract") and works_on(job) is None:
            try:
                register_of(self._store).revocations.refuse(traces)
            except ConsentError as error:
                self._fall_short(job_id, FAILED, error_to_proto(error))
                return True
        return False

    def _withhold(self, job_id: str) -> None:
        """Removes what a job has made: should it ever be delivered, it is made again."""
        folder = self._store.folder.job(job_id)
        (folder / FINISHED).unlink(missing_ok=True)
        for path in folder.glob("*"):
            if path.is_file() and path.name not in KEPT | {"lock"}:
                path.unlink(missing_ok=True)

    def fail(self, job_id: str, failure: worker_pb2.JobFailure) -> None:
        """Ends a job whose worker can't go on, or lets it wait."""
        if failure.error.reason == "DAMAGED":
            named = blobs_of(self._store.jobs.get(job_id).spec, self._store)
            for digest in named & set(failure.damaged):  # whatever a worker says: no other's
                self._store.blobs.set_aside(digest)
        if failure.error.reason in ("DISK_FULL", "TIMESTAMP", "POLICY"):
            self.block(job_id, failure.error)
        else:
            self._fall_short(job_id, FAILED, failure.error)

    def fail_crashed(self, job_id: str, code: int | None, stderr_offset: int) -> None:
        """Ends a job whose workers have died more than once without coming further."""
        words = _last_words(self._store.folder.job(job_id) / "stderr.txt", stderr_offset)
        message = f"its process died twice at the same place ({_cause_of_death(code)})"
        message += f": {words}" if words else ""
        self._fall_short(job_id, FAILED, job_pb2.JobError(reason="CRASHED", message=message, exit_code=1))

    def fail_stalled(self, job_id: str, why: str) -> None:
        """Ends a job whose workers were stopped more than once since they came no further."""
        message = (
            f"it was stopped twice at the same place: {why}; a file that it works on may be damaged, "
            "or the engine's disk not answer"
        )
        self._fall_short(job_id, FAILED, job_pb2.JobError(reason="STALLED", message=message, exit_code=1))

    def move(self, job_id: str, state: job_pb2.JobState) -> None:
        """Brings a job to another state, unless it has ended."""
        with self._store.jobs.changing(job_id) as job:
            if job.state not in ENDED:
                job.state = state
                job.ClearField("error")
                self._log_state(job)

    def block(self, job_id: str, why: job_pb2.JobError) -> None:
        """Lets a job wait until what is in its way is over."""
        self._end(job_id, BLOCKED, error=why)

    def cancel(self, job_id: str) -> None:
        """Ends a job that nobody wants any more. A model that was begun keeps its last checkpoint."""
        self._fall_short(job_id, CANCELLED)

    def finish_known(self, job: job_pb2.Job) -> bool:
        """Ends a job that is to take in what was taken in before; False for any other."""
        if not job.spec.HasField("ingest"):
            return False
        kind = resources_of(job.spec).makes
        # All in one: what is found must not be deleted, or revoked, before the job names it.
        with self._store.database.transaction(), acting_for(job.created_by):
            before = self._store.catalog.of(kind).find_by_origin(job.spec.ingest.digest)
            if before is None:
                return False
            error = self._claim_known(kind, before, job.spec.ingest.identity_id)
            if error is None:
                self._deliver_known(job, kind, before)
        if error is not None:
            self._fall_short(job.job_id, FAILED, error)
        return True

    def _claim_known(self, kind: str, before: Any, whose: str) -> job_pb2.JobError | None:
        """Notes whose face is in what was taken in before; returns why a job may not have it, or None."""
        if kind == "clip":
            return None
        if whose and before.identity_id not in ("", whose):
            message = f"this {kind} was taken in before, and holds the face of {before.identity_id}"
            return job_pb2.JobError(reason="USAGE", message=message, exit_code=2)
        try:
            refuse_revoked([(kind, record_id(before))], self._store)
            if whose and not before.identity_id:
                register_of(self._store).assign(whose, kind, before)
        except ConsentError as error:
            return error_to_proto(error)
        return None

    def _deliver_known(self, job: job_pb2.Job, kind: str, before: Any) -> None:
        result = job_pb2.JobResult()
        setattr(result, f"{kind}_id", record_id(before))
        if kind == "clip":
            self._store.blobs.release(before.digest, f"job {job.job_id}")
        faces = digests_of("model", result.model_id, self._store) if kind == "model" else []
        self._end(job.job_id, SUCCEEDED, result=result)
        people = self._people(job.spec, result)
        note_delivered(self._store.jobs.get(job.job_id), people, faces, self._store)

    def _fall_short(
        self, job_id: str, state: job_pb2.JobState, error: job_pb2.JobError | None = None
    ) -> None:
        """Ends a job that came to no good end. What stays is a model that was begun, and faces added."""
        job = self._store.jobs.get(job_id)
        resources = resources_of(job.spec)
        is_training = kind_of(job.spec) == "train"
        if resources.changes is None and not is_training:
            # First: who sees that it has ended finds nothing of it.
            for folder in (self._store.folder.faceset(job_id), self._store.folder.model(job_id)):
                remove_folder(folder, quietly=True)
        with self._store.database.transaction():
            job = self._store.jobs.get(job_id)
            kept = self.storage.keep_begun(job)
            self._end(job_id, state, kept, error)
            if is_training and kept is None and self._store.catalog.models.find(job_id) is None:
                remove_folder(self._store.folder.model(job_id), quietly=True)
        self._tidy(job_id)
        if resources.changes is not None and resources.makes == "faceset":
            self.on_changed(resources.changes.id)

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
                for unswapped in result.coverage.ranges:
                    unswapped.sentence = without_folder(unswapped.sentence, self._store.folder.path)
                job.result.CopyFrom(result)
            if error is not None:
                error.message = without_folder(error.message, self._store.folder.path)
                job.error.CopyFrom(error)
            why = {"reason": error.reason, "error": self._unnamed(error.message, job)} if error else {}
            self._log_state(job, **why)
            if error is not None and error.reason.startswith("CONSENT_"):
                details = {"job": job_id, "kind": kind_of(job.spec), "reason": error.reason}
                with acting_for(job.created_by):
                    register_of(self._store).audit.add("job.refuse", **details)

    def _log_state(self, job: job_pb2.Job, **why: str) -> None:
        name = job_pb2.JobState.Name(job.state).removeprefix("JOB_STATE_").lower()
        logs.note(self._store.folder.job(job.job_id), "info", name, attempts=job.attempts, **why)

    def _unnamed(self, text: str, job: job_pb2.Job) -> str:
        """A text for the log, without what people called the files and faces that a job works on."""
        records = [self._store.catalog.of(key.kind).find(key.id) for key in resources_of(job.spec).named()]
        names = [record.display_name for record in records if record is not None]
        names.append(getattr(getattr(job.spec, kind_of(job.spec)), "display_name", ""))
        names += [item.picture.display_name for item in job.spec.extract.inputs]
        for name in filter(None, names):
            text = text.replace(name, "***")
        return text

    def _tidy(self, job_id: str) -> None:
        """Removes what a job that has ended was working with, but for its log."""
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


def _cause_of_death(code: int | None) -> str:
    if code is None:
        return "it could not be started"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def _last_words(path: Path, begin: int) -> str:
    try:
        with open(path, "rb", opener=open_nofollow) as file:
            lines = last_lines(file, 1, begin, MAX_QUOTE_BYTES)
    except OSError:
        return ""
    return lines[0].strip() if lines else ""
