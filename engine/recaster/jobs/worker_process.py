"""Processes of jobs, as the engine sees them, and what they report."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from recaster.api.internal.v1 import worker_pb2
from recaster.api.v1 import job_pb2
from recaster.files import open_nofollow
from recaster.jobs import logs
from recaster.jobs.watchdog import Patience, Watchdog, taken_by
from recaster.processes.channel import ChannelError, pack, path_of
from recaster.processes.spawn import start_confined
from recaster.processes.throttle import Throttle
from recaster.store.job_store import RUNNING, STARTING
from recaster.texts import without_folder

if TYPE_CHECKING:
    import asyncio

    from recaster.jobs.completion import JobFinalizer
    from recaster.store.store import Store

LAST_MESSAGES: Final = ("done", "stopped", "failed")
DISCARDED_BYTES: Final = 1 << 20
"""Read at a time of what a worker still says that is no longer listened to."""
LEVELS: Final = frozenset({"debug", "info", "warning", "error"})
KEPT_PROGRESS_S: Final = 1.0
"""Seconds between two reports of progress that are kept."""


_OWN_SECRETS: Final = re.compile(r"RECASTER_(TOKEN|ENGINE|TLS|OTEL)|OTEL_")


@dataclass(frozen=True)
class SchedulerLimits:
    """Limits to the jobs that run: at a time on one device, or ``light`` ones that need none.

    ``pause_grace_s`` is the time that a worker has to save what it did. ``cluster`` does the work of those
    kinds that a cluster can do; None for this machine.
    """

    per_device: int = 1
    light: int = 2
    pause_grace_s: float = 60.0
    patience: Patience = field(default_factory=Patience)
    cluster: worker_pb2.Cluster | None = None


def _cluster_environment() -> dict[str, str]:
    """Variables of this process but its own secrets; a storage's library may read any of them."""
    return {name: value for name, value in os.environ.items() if not _OWN_SECRETS.match(name.upper())}


@dataclass
class WorkerHandle:
    """One process of a job; times are ``time.monotonic``.

    Attributes:
        process: None until it is started.
        stop_requested_at: None where it wasn't.
        progress_due: limits which of its reports are kept.
        pending_progress: the newest report that isn't kept yet.
        best: the furthest that the job ever came, by stage.
        stall_reason: why it was stopped for coming no further.
        outcome: its last message.
        refusal: why it mustn't begin.
        is_killed: by its engine.
        stderr_offset: where its own part of the job's standard error begins.
    """

    job_id: str
    kind: str
    device: str
    watchdog: Watchdog
    process: asyncio.subprocess.Process | None = None
    has_spoken: bool = False
    stop_requested_at: float | None = None
    progress_due: Throttle = field(default_factory=lambda: Throttle(KEPT_PROGRESS_S))
    pending_progress: job_pb2.Progress | None = None
    best: dict[str, float] = field(default_factory=dict)
    next_check_at: float = 0.0
    stall_reason: str = ""
    outcome: worker_pb2.WorkerMessage | None = None
    refusal: job_pb2.JobError | None = None
    is_killed: bool = False
    stderr_offset: int = 0

    async def start(
        self, task: worker_pb2.WorkerTask
    ) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader]:
        """Starts the worker and sends it its task; returns it, and its messages (OSError)."""
        # A worker that is killed leaves its temporary files: here they go when the job ends.
        folder = path_of(task.folder)
        scratch = folder / "tmp" / str(task.attempt)
        scratch.mkdir(parents=True, exist_ok=True)
        with open(folder / "stderr.txt", "ab", opener=open_nofollow) as errors:
            self.stderr_offset = errors.tell()
            # Whoever commands a cluster and its storage needs what their libraries read of the environment.
            variables = _cluster_environment() if task.HasField("cluster") else None
            process = await start_confined("recaster.jobs.worker", scratch, errors, variables)
        self.process = process
        assert process.stdin is not None  # noqa: S101 - asked for there
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(pack(worker_pb2.WorkerRequest(task=task)))
        if self.stop_requested_at is not None:
            self._send_stop()
        with contextlib.suppress(ConnectionError):
            await process.stdin.drain()
        return process, process.stdout

    def request_stop(self) -> None:
        """Asks the worker to save what it did and end."""
        if self.stop_requested_at is None:
            self.stop_requested_at = time.monotonic()
            self._send_stop()

    def _send_stop(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(ConnectionError, RuntimeError):
                self.process.stdin.write(pack(worker_pb2.WorkerRequest(stop=worker_pb2.StopRequest())))

    def check_progress(self) -> None:
        """Ends the worker if it comes no further; from time to time, as all processes are looked at."""
        now = time.monotonic()
        if self.process is None or self.stop_requested_at is not None or now < self.next_check_at:
            return
        self.next_check_at = now + self.watchdog.every_s
        self.stall_reason = self.watchdog.look(now, taken_by(self.process.pid))
        if self.stall_reason:
            self.kill()

    def kill(self) -> None:
        """Ends the worker at once."""
        if self.process is not None and self.process.returncode is None:
            self.is_killed = True
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()

    async def wait_killed(self) -> int | None:
        """Kills the worker and waits until it has ended; returns its exit code, None without a process."""
        self.kill()
        if self.process is None:
            return None
        assert self.process.stdout is not None  # noqa: S101
        # asyncio tells of the end only when the pipe is empty, and stops reading where nobody takes it.
        while await self.process.stdout.read(DISCARDED_BYTES):
            pass
        return await self.process.wait()

    def last_message(self) -> str:
        """Kind of the message that it ended with ("done", "stopped", "failed"); empty where none came."""
        return "" if self.outcome is None else self.outcome.WhichOneof("message")

    def ending(self) -> str:
        """The way it ended: by its last message, "killed" by its engine, or "died"."""
        return "killed" if self.is_killed else self.last_message() or "died"


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
            job = self._store.jobs.get(handle.job_id)
            self._finalizer.storage.keep_preview(job, path_of(message.preview.path), message.preview.step)
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
            # It came further than ever: whatever crashed it before is behind it.
            self._store.jobs.put_best(handle.job_id, json.dumps(handle.best), failures=0)
