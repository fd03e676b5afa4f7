"""How jobs are run, and what is known of one that runs."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from recaster.files import open_nofollow
from recaster.jobs.watchdog import Patience, Watchdog, taken_by
from recaster.processes.spawn import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.jobs.worker_task import WorkerTask

WORDS: Final = ("done", "stopped", "failed")
"""What a worker can say last."""
LINE_LIMIT: Final = 16 << 20
"""Bytes of the longest line that a worker says."""


@dataclass(frozen=True)
class SchedulerLimits:
    """How jobs are run.

    Attributes:
        per_device: jobs that may compute on one device at a time.
        light: jobs at a time that need no device.
        pause_grace_s: seconds that a worker has to save what it did.
        patience: how long a worker may take for one step.
    """

    per_device: int = 1
    light: int = 2
    pause_grace_s: float = 60.0
    patience: Patience = field(default_factory=Patience)


@dataclass
class WorkerHandle:
    """One worker at work."""

    job_id: str
    kind: str
    device: str
    watchdog: Watchdog
    process: asyncio.subprocess.Process | None = None
    spoke: bool = False  # whether it has ever said anything
    told: float | None = None  # when it was asked to stop
    kept: float = 0.0  # when its progress was last kept
    waiting: Mapping[str, Any] | None = None  # progress not kept yet
    best: dict[str, float] = field(default_factory=dict)
    look_at: float = 0.0  # when to look next whether it comes further
    stalled: str = ""  # why it was stopped for coming no further
    outcome: Mapping[str, Any] | None = None
    killed: bool = False  # by its engine
    words_from: int = 0  # where this worker's own part of the job's standard error begins

    async def start(self, task: WorkerTask) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader]:
        """Start the worker and tell it its task; returns it, and what it says (OSError)."""
        # A worker that is killed leaves its temporary files: here they go when the job ends.
        scratch = task.folder / "tmp" / str(task.attempt)
        scratch.mkdir(parents=True, exist_ok=True)
        with open(task.folder / "stderr.txt", "ab", opener=open_nofollow) as errors:
            self.words_from = errors.tell()
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "recaster.jobs.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=environment() | {"TMPDIR": str(scratch)},
                limit=LINE_LIMIT,
                start_new_session=True,  # Ctrl-C in a terminal is for the engine: it tells its workers
            )
        self.process = process
        assert process.stdin is not None  # noqa: S101 - asked for above
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(task.to_line().encode() + b"\n")
        if self.told is not None:
            process.stdin.write(b"stop\n")
        with contextlib.suppress(ConnectionError):
            await process.stdin.drain()
        return process, process.stdout

    def tell_to_stop(self) -> None:
        """Ask the worker to save what it did and end."""
        if self.told is None:
            self.told = time.monotonic()
            if self.process is not None and self.process.stdin is not None:
                with contextlib.suppress(ConnectionError, RuntimeError):
                    self.process.stdin.write(b"stop\n")

    def look(self) -> None:
        """End the worker if it comes no further; from time to time, as all processes are looked at."""
        now = time.monotonic()
        if self.process is None or self.told is not None or now < self.look_at:
            return
        self.look_at = now + self.watchdog.every_s
        self.stalled = self.watchdog.look(now, taken_by(self.process.pid))
        if self.stalled:
            self.kill()

    def kill(self) -> None:
        """End the worker at once."""
        if self.process is not None and self.process.returncode is None:
            self.killed = True
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()

    def ending(self) -> str:
        """How it ended: by its own words ("done", "stopped", "failed"), "killed" by its engine, or "died"."""
        if self.killed:
            return "killed"
        said = None if self.outcome is None else self.outcome["say"]
        return next((word for word in WORDS if word == said), "died")
