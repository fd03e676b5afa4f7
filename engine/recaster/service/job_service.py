"""Jobs: asked for, watched, paused, let go on, ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from recaster.api.v1 import job_pb2, job_pb2_grpc
from recaster.jobs.audit_records import note_created
from recaster.jobs.cleanup import forget
from recaster.jobs.job_resources import KINDS, SWAPPING, blobs_of, kind_of, resources_of, swap_of
from recaster.jobs.rights import register_of, require_rights
from recaster.provenance.caller import caller
from recaster.provenance.policy import Policy, apply_policy
from recaster.service.request_checks import (
    MAX_REQUEST_ID_LETTERS,
    check_id,
    check_labels,
    check_spec,
    check_text,
    kept_blob,
    refuse_outdated,
)
from recaster.service.rpc_errors import Code, Context, RpcError, invalid_field, precondition_error
from recaster.service.threads import run_read, unary_read, unary_write
from recaster.store.job_store import CANCELLED, ENDED, QUEUED, JobFilter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from recaster.service.engine import Engine
    from recaster.store.store import Store

KEEP_ALIVE_S: Final = 15.0
DRAINING: Final = RpcError(
    Code.UNAVAILABLE,
    "DRAINING",
    "the engine takes no new jobs now: whoever runs it lets it come to rest; ask again later",
)
MAX_FILTERS: Final = 20
"""States or kinds to list jobs by: more than there are."""


class JobService(job_pb2_grpc.JobServiceServicer):
    """See proto/recaster/v1/job.proto."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs = engine.store.jobs

    @unary_write
    def CreateJob(self, request: job_pb2.CreateJobRequest) -> job_pb2.Job:
        """Queue a job."""
        check_text("request_id", request.request_id, MAX_REQUEST_ID_LETTERS)
        check_labels(request.labels)
        check_spec(request.spec)
        store = self._engine.store
        if kind_of(request.spec) in SWAPPING:
            apply_policy(
                swap_of(request.spec), Policy.load(store.folder.path)
            )  # raises where it forbids that
        with store.database.transaction():
            job, new = self._jobs.create(
                request.spec, KINDS[kind_of(request.spec)], request.request_id, request.labels, caller()
            )
            if new:
                if self._engine.supervisor.draining:
                    raise DRAINING  # takes the job back
                needed = resources_of(job.spec)
                for kind, name in needed.named():
                    record = store.catalog.of(kind).get(name)  # NOT_FOUND takes the job back
                    if not job.spec.HasField("export"):
                        refuse_outdated(record)
                for digest in blobs_of(job.spec, store):
                    kept_blob(store.blobs, digest)
                for digest in needed.blobs:
                    _refuse_document(digest, store)
                require_rights(job.spec, store)  # so does a face that may not be put on
                note_created(job, store)
                store.blobs.acquire(needed.blobs, f"job {job.job_id}")
        self._engine.supervisor.wake()
        return job

    @unary_read
    def GetJob(self, request: job_pb2.GetJobRequest) -> job_pb2.Job:
        """One job."""
        return self._jobs.get(check_id("job_id", request.job_id))

    @unary_read
    def ListJobs(self, request: job_pb2.ListJobsRequest) -> job_pb2.ListJobsResponse:
        """Jobs, the newest first."""
        check_labels(request.labels)
        for field, values in (("states", request.states), ("kinds", request.kinds)):
            if len(values) > MAX_FILTERS:
                raise invalid_field(field, f"must be at most {MAX_FILTERS}")
        filters = JobFilter(tuple(request.states), tuple(request.kinds), dict(request.labels))
        jobs, following = self._jobs.listed(filters, request.page_size, request.page_token)
        return job_pb2.ListJobsResponse(jobs=jobs, next_page_token=following)

    @unary_write
    def PauseJob(self, request: job_pb2.PauseJobRequest) -> job_pb2.Job:
        """Stop a job so that it can go on."""
        return self._set_desired_state(request.job_id, "pause")

    @unary_write
    def ResumeJob(self, request: job_pb2.ResumeJobRequest) -> job_pb2.Job:
        """Let a job go on."""
        return self._set_desired_state(request.job_id, "run")

    @unary_write
    def CancelJob(self, request: job_pb2.CancelJobRequest) -> job_pb2.Job:
        """End a job."""
        return self._set_desired_state(request.job_id, "cancel")

    @unary_write
    def MoveJob(self, request: job_pb2.MoveJobRequest) -> job_pb2.Job:
        """Let a queued job go before others of its client."""
        job = self._jobs.get(check_id("job_id", request.job_id))
        named = request.before_job_id
        if named == job.job_id:
            raise invalid_field("before_job_id", "must be another job")
        before = self._jobs.get(check_id("before_job_id", named)) if named else None
        for one in (job,) if before is None else (job, before):
            if one.state != QUEUED:
                raise precondition_error(
                    "JOB_NOT_QUEUED", f"job {one.job_id} doesn't wait for its turn any more"
                )
        if before is not None and before.created_by != job.created_by:
            raise invalid_field("before_job_id", "must be a job of the same client")
        self._jobs.move(job.job_id, request.before_job_id)
        self._engine.supervisor.wake()
        return self._jobs.get(job.job_id)

    @unary_write
    def DeleteJob(self, request: job_pb2.DeleteJobRequest) -> job_pb2.DeleteJobResponse:
        """Forget a job that has ended."""
        job = self._jobs.get(check_id("job_id", request.job_id))
        if job.state not in ENDED:
            raise precondition_error("JOB_RUNNING", f"job {job.job_id} hasn't ended; cancel it first")
        forget(self._engine.store, job.job_id)
        return job_pb2.DeleteJobResponse()

    async def WatchJob(
        self, request: job_pb2.WatchJobRequest, context: Context
    ) -> AsyncIterator[job_pb2.JobEvent]:
        """Tell what happens to a job until it ends."""
        job_id = check_id("job_id", request.job_id)
        seen = request.after_seq
        if seen < 0:
            raise invalid_field("after_seq", "must not be negative")
        unwanted = {"preview"} if not request.previews else set()
        unwanted |= {"log"} if not request.logs else set()
        snapshot = job_pb2.JobEvent(seq=seen, job=await run_read(self._jobs.get, job_id))
        snapshot.time.GetCurrentTime()
        yield snapshot
        while True:
            news = self._engine.news(job_id)
            events, ended = await self._engine.read_events(news, job_id, seen)
            for event in events:
                seen = event.seq
                if event.WhichOneof("event") not in unwanted:
                    yield event
            if events:
                continue  # there may be more
            if ended:
                return
            try:
                await asyncio.wait_for(news.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                alive = job_pb2.JobEvent(seq=seen, keep_alive=job_pb2.KeepAlive())
                alive.time.GetCurrentTime()
                yield alive

    def _set_desired_state(self, job_id: str, desired: str) -> job_pb2.Job:
        job = self._jobs.get(check_id("job_id", job_id))
        if desired == "cancel" and job.state == CANCELLED:
            return job
        if job.state in ENDED:
            name = job_pb2.JobState.Name(job.state).removeprefix("JOB_STATE_").lower()
            raise precondition_error("JOB_ENDED", f"job {job_id} has ended already: {name}")
        with self._engine.store.database.transaction():
            if self._jobs.set_desired_state(job_id, desired):
                event = {"pause": "job.pause", "run": "job.resume", "cancel": "job.cancel"}[desired]
                register_of(self._engine.store).audit.add(event, job=job_id)
        self._engine.supervisor.reconcile()
        self._engine.supervisor.wake()
        return self._jobs.get(job_id)


def _refuse_document(digest: str, store: Store) -> None:
    """Refuse to work on a person's document: what a job makes of it, clients could read."""
    if register_of(store).documents.path(digest).is_file():
        why = f"blob {digest[:12]} is a person's document, which no job works on; name another file"
        raise precondition_error("DOCUMENT", why)
