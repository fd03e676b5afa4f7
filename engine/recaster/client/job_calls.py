"""Calls about the jobs of an engine."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from recaster.api.v1 import job_pb2, job_pb2_grpc
from recaster.client.errors import JobFailedError
from recaster.client.validation import validate
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from recaster.client.connection import Connection

ENDED: Final = frozenset({job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED})


class JobWatch:
    """Events of one job that have come, over all breaks of the connection."""

    def __init__(self, job_id: str, after_seq: int, *, previews: bool, logs: bool) -> None:
        self._request = job_pb2.WatchJobRequest(
            job_id=job_id, after_seq=after_seq, previews=previews, logs=logs
        )
        self._is_first = True
        self._is_snapshot = True
        self.has_ended = False

    def request(self) -> job_pb2.WatchJobRequest:
        """A request for the events that haven't come yet; the first answer to it is a snapshot of the job."""
        self._is_snapshot = True
        return self._request

    def take(self, event: job_pb2.JobEvent) -> bool:
        """Notes an event; False for one that is no news: a sign of life, or a snapshot after a break."""
        validate(event)
        self._request.after_seq = max(self._request.after_seq, event.seq)
        self.has_ended = event.HasField("job") and event.job.state in ENDED
        is_repeated = self._is_snapshot and not self._is_first
        self._is_snapshot = False
        if event.HasField("keep_alive") or is_repeated:
            return False
        self._is_first = False
        return True


class Jobs:
    """The jobs of one engine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stub = job_pb2_grpc.JobServiceStub(connection.channel)

    def create(
        self, spec: job_pb2.JobSpec, labels: Mapping[str, str] | None = None, request_id: str | None = None
    ) -> job_pb2.Job:
        """Queue a job, once, however often the connection breaks."""
        request = job_pb2.CreateJobRequest(
            spec=spec, labels=labels or {}, request_id=request_id or str(uuid.uuid4())
        )
        return self._connection.call(self._stub.CreateJob, request)

    def get(self, job_id: str) -> job_pb2.Job:
        """One job."""
        return self._connection.call(self._stub.GetJob, job_pb2.GetJobRequest(job_id=job_id))

    def listed(self, **filters: Any) -> Iterator[job_pb2.Job]:
        """Jobs, the newest first; ``filters`` are fields of ListJobsRequest."""
        return self._connection.listed(self._stub.ListJobs, job_pb2.ListJobsRequest(**filters), "jobs")

    def pause(self, job_id: str) -> job_pb2.Job:
        """Stop a job so that it can go on."""
        return self._connection.call(self._stub.PauseJob, job_pb2.PauseJobRequest(job_id=job_id))

    def resume(self, job_id: str) -> job_pb2.Job:
        """Let a job go on."""
        return self._connection.call(self._stub.ResumeJob, job_pb2.ResumeJobRequest(job_id=job_id))

    def cancel(self, job_id: str) -> job_pb2.Job:
        """End a job."""
        return self._connection.call(self._stub.CancelJob, job_pb2.CancelJobRequest(job_id=job_id))

    def move(self, job_id: str, before: str = "") -> job_pb2.Job:
        """Let a queued job go right before another of the same client; "" for all of them."""
        request = job_pb2.MoveJobRequest(job_id=job_id, before_job_id=before)
        return self._connection.call(self._stub.MoveJob, request)

    def delete(self, job_id: str) -> None:
        """Forget a job that has ended."""
        self._connection.call(self._stub.DeleteJob, job_pb2.DeleteJobRequest(job_id=job_id))

    def watch(
        self, job_id: str, after_seq: int = 0, *, previews: bool = False, logs: bool = False
    ) -> Iterator[job_pb2.JobEvent]:
        """Every event of a job until it ends; goes on after breaks, and misses nothing.

        The first event is a snapshot of the job as it is; after a break there is none (EngineError).
        """
        watch = JobWatch(job_id, after_seq, previews=previews, logs=logs)
        events = self._connection.reconnecting(
            lambda: self._stub.WatchJob(watch.request(), metadata=self._connection.metadata, timeout=None),
            lambda: watch.has_ended,
        )
        yield from filter(watch.take, events)

    def wait(
        self, job_id: str, report: Report = silent, log: Callable[[str, str], None] | None = None
    ) -> job_pb2.Job:
        """Follow a job to its end (JobFailedError unless it succeeds); ``log`` gets levels and lines."""
        tell = log or (lambda _level, _line: None)
        job = self.get(job_id)
        for event in self.watch(job_id, logs=True):
            kind = event.WhichOneof("event")
            if kind == "progress":
                now = event.progress
                report(Update(now.stage, now.done, now.total or None, now.unit, now.detail))
            elif kind == "log":
                tell(event.log.level, event.log.message)
            elif kind == "job":
                if event.job.state == job_pb2.JOB_STATE_BLOCKED and job.state != event.job.state:
                    tell("warning", event.job.error.message)
                job = event.job
        job = self.get(job_id)
        if job.state != job_pb2.JOB_STATE_SUCCEEDED:
            raise JobFailedError(job)
        return job
