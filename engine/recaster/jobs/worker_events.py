"""Messages of workers, kept for whoever follows their jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from recaster.api.v1 import job_pb2
from recaster.jobs import logs
from recaster.jobs.worker_process import LAST_MESSAGES
from recaster.processes.channel import ChannelError, path_of
from recaster.store.job_store import RUNNING, STARTING, ControlRecord
from recaster.texts import without_folder

if TYPE_CHECKING:
    from recaster.api.internal.v1 import worker_pb2
    from recaster.jobs.completion import JobFinalizer
    from recaster.jobs.worker_process import WorkerHandle
    from recaster.store.store import Store

LEVELS: Final = frozenset({"debug", "info", "warning", "error"})


class WorkerListener:
    """Takes what workers report."""

    def __init__(self, store: Store, finalizer: JobFinalizer) -> None:
        self._store = store
        self._finalizer = finalizer

    def receive(self, handle: WorkerHandle, message: worker_pb2.WorkerMessage) -> None:
        """Takes one message of a worker (ChannelError for one that no worker sends)."""
        if self._store.jobs.get(handle.job_id).state == STARTING:
            self._finalizer.move(handle.job_id, RUNNING)
        handle.watchdog.receive(message)
        kind = message.WhichOneof("message")
        if kind == "progress":
            handle.pending_progress = message.progress
            if handle.progress_due.is_due():
                self.keep_progress(handle)
        elif kind == "log":
            self._keep_log(handle.job_id, message.log)
        elif kind == "preview":
            self._finalizer.keep_preview(handle.job_id, path_of(message.preview.path), message.preview.step)
        elif kind in LAST_MESSAGES:
            handle.outcome = message
        elif kind != "step":
            raise ChannelError("a message without anything in it")

    def _keep_log(self, job_id: str, line: job_pb2.LogLine) -> None:
        if line.level not in LEVELS:
            raise ChannelError(f"no level of a log: {line.level!r}")
        shown = without_folder(line.message, self._store.folder.path)
        event = job_pb2.JobEvent(log=job_pb2.LogLine(level=line.level, message=shown))
        self._store.jobs.add_event(job_id, event)
        logs.note(self._store.folder.job(job_id), line.level, line.message)

    def keep_progress(self, handle: WorkerHandle) -> None:
        """Keeps the newest report of progress."""
        progress = handle.pending_progress
        handle.pending_progress = None
        if progress is None:
            return
        handle.progress_due.restart()
        progress.detail = without_folder(progress.detail, self._store.folder.path)
        self._store.jobs.add_event(handle.job_id, job_pb2.JobEvent(progress=progress))
        if progress.done > handle.best.get(progress.stage, -1):
            handle.best[progress.stage] = progress.done
            record = self._store.jobs.get_control_record(handle.job_id)
            # It came further than ever: whatever crashed it before is behind it.
            self._store.jobs.put_control_record(
                handle.job_id, ControlRecord(record.desired_state, json.dumps(handle.best), failures=0)
            )
