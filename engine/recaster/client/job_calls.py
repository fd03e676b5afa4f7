"""Jobs of an engine, from far."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import grpc

from recaster.api.v1 import job_pb2, job_pb2_grpc
from recaster.client.connection import pauses
from recaster.client.errors import JobFailedError, UnreachableError
from recaster.client.validation import checked
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from recaster.client.connection import Connection

ENDED: Final = frozenset({job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED})


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

    def delete(self, job_id: str) -> None:
        """Forget a job that has ended."""
        self._connection.call(self._stub.DeleteJob, job_pb2.DeleteJobRequest(job_id=job_id))

    def watch(
        self, job_id: str, after_seq: int = 0, *, previews: bool = False, logs: bool = False
    ) -> Iterator[job_pb2.JobEvent]:
        """Every event of a job until it ends; goes on after breaks, and misses nothing.

        The first event is a snapshot of the job as it is; after a break there is none.

        Raises:
            EngineError: there is no such job, or the engine stays away.
        """
        seen, first = after_seq, True
        last_news, pause = time.monotonic(), pauses()
        while True:
            request = job_pb2.WatchJobRequest(job_id=job_id, after_seq=seen, previews=previews, logs=logs)
            ended = False
            try:
                for at, event in enumerate(
                    self._stub.WatchJob(request, metadata=self._connection.metadata, timeout=None)
                ):
                    checked(event)
                    last_news, pause = time.monotonic(), pauses()
                    seen = max(seen, event.seq)
                    ended = event.HasField("job") and event.job.state in ENDED
                    if event.HasField("keep_alive") or (at == 0 and not first):
                        continue
                    first = False
                    yield event
            except (grpc.RpcError, UnreachableError) as error:
                found = self._connection.error(error)
                late = time.monotonic() - last_news > self._connection.patience_s
                if not isinstance(found, UnreachableError) or late:
                    raise found from None
            else:
                if ended:
                    return
            time.sleep(next(pause))

    def wait(
        self, job_id: str, report: Report = silent, log: Callable[[str, str], None] | None = None
    ) -> job_pb2.Job:
        """Follow a job to its end.

        Args:
            job_id: the job.
            report: told of its progress.
            log: told a level and a line.

        Returns:
            The job, which has succeeded.

        Raises:
            JobFailedError: it didn't.
        """
        tell = log or (lambda _level, _line: None)
        job = self.get(job_id)
        for event in self.watch(job_id, logs=True):
            kind = event.WhichOneof("event")
            if kind == "progress":
                one = event.progress
                report(Update(one.stage, one.done, one.total or None, one.unit, one.detail))
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
