"""What workers say while they work, kept for whoever follows their jobs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from recaster.api.v1 import job_pb2
from recaster.jobs import logs
from recaster.store.job_store import RUNNING, STARTING, ControlRecord
from recaster.texts import without_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.jobs.completion import JobFinalizer
    from recaster.jobs.worker_process import WorkerHandle
    from recaster.store.store import Store

PROGRESS_EVERY: Final = 1.0
"""Seconds between two reports of progress that are kept."""


class Listener:
    """Listens to workers."""

    def __init__(self, store: Store, finalizer: JobFinalizer) -> None:
        self._store = store
        self._finalizer = finalizer

    def hear(self, running: WorkerHandle, said: Mapping[str, Any]) -> None:
        """Take one message of a worker."""
        if self._store.jobs.get(running.job_id).state == STARTING:
            self._finalizer.move(running.job_id, RUNNING)
        running.watchdog.hear(said)
        kind = said["say"]
        if kind == "progress":
            running.waiting = said
            if time.monotonic() - running.kept >= PROGRESS_EVERY:
                self.keep_progress(running)
        elif kind == "log":
            line = without_folder(said["line"], self._store.folder.path)
            event = job_pb2.JobEvent(log=job_pb2.LogLine(level=said["level"], message=line))
            self._store.jobs.tell(running.job_id, event)
            logs.note(self._store.folder.job(running.job_id), said["level"], said["line"])
        elif kind == "preview":
            self._finalizer.preview(running.job_id, said["path"], said["step"])
        elif kind != "step":
            running.outcome = said

    def keep_progress(self, running: WorkerHandle) -> None:
        """Keep the newest report of progress."""
        said, running.waiting = running.waiting, None
        if said is None:
            return
        running.kept = time.monotonic()
        values = {name: said[name] for name in ("stage", "done", "total", "unit", "detail")}
        values["detail"] = without_folder(values["detail"], self._store.folder.path)
        self._store.jobs.tell(running.job_id, job_pb2.JobEvent(progress=job_pb2.Progress(**values)))
        stage, done = said["stage"], said["done"]
        if done > running.best.get(stage, -1):
            running.best[stage] = done
            control_record = self._store.jobs.control_record(running.job_id)
            # It came further than ever: whatever crashed it before is behind it.
            self._store.jobs.remember(
                running.job_id,
                ControlRecord(control_record.desired_state, json.dumps(running.best), failures=0),
            )
