"""Room to work: on the disk, and under the quota."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from recaster.api.v1 import job_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recaster.store.store import Store

LOOK_EVERY_S: Final = 30.0
"""Seconds between two counts of what jobs are writing to."""
COUNT_ALL_EVERY_S: Final = 3600.0
TRY_AGAIN_S: Final = 600.0
"""Seconds after which a job that found the disk full tries again, though no room was made."""
MIN_FREED_BYTES: Final = 64 << 20
"""Bytes that must have been freed for it to try sooner."""


class DiskBudget:
    """Disk space and quota of one engine.

    A job that found the disk full although enough was left free needs more than it had then: else it
    would do the same work again and again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked = -LOOK_EVERY_S
        self._counted: float | None = None
        self._counting: asyncio.Task[None] | None = None
        self._counter = ThreadPoolExecutor(1, "count")  # its own: others may be busy with uploads for minutes
        self._had: dict[str, tuple[int, float]] = {}

    def look(self, at_work: Sequence[Path] = ()) -> asyncio.Task[None] | None:
        """Counts anew the folders that jobs are writing to, in the background, not too often."""
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY_S and (self._counting is None or self._counting.done()):
            self._looked = now
            self._counting = asyncio.create_task(self._count(at_work))
        return self._counting

    async def _count(self, at_work: Sequence[Path]) -> None:
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().run_in_executor(self._counter, self._count_now, at_work)

    def _count_now(self, at_work: Sequence[Path]) -> None:
        usage = self._store.blobs.usage
        for path in at_work:
            usage.count(path)
        if self._counted is None or time.monotonic() - self._counted >= COUNT_ALL_EVERY_S:
            usage.count_all()
            self._counted = time.monotonic()

    def note_full(self, job_id: str) -> None:
        """Remembers that a job found the disk full."""
        self._had[job_id] = (self._store.folder.free_bytes(), time.monotonic())

    def is_over(self) -> bool:
        """True where the data takes more than is allowed."""
        return self._store.blobs.used() > self._store.blobs.quota.total

    def shortage(self, job_id: str) -> job_pb2.JobError | None:
        """The reason for which a job must wait; None where there is room for it."""
        quota = self._store.blobs.quota
        used = self._store.blobs.used()
        if self.is_over():
            return _error(
                "QUOTA_EXCEEDED",
                f"the engine's data takes {used} bytes, and {quota.total} are allowed; delete clips, "
                "models or jobs, and the job goes on by itself",
            )
        free = self._store.folder.free_bytes()
        had, when = self._had.get(job_id, (0, 0.0))
        waits = job_id in self._had and free < had + MIN_FREED_BYTES and time.monotonic() - when < TRY_AGAIN_S
        if free < quota.spare or waits or not self._store.database.keep_reserve():
            return _error(
                "DISK_FULL", "the engine's disk is nearly full; the job goes on by itself once there is room"
            )
        self._had.pop(job_id, None)
        return None


def _error(reason: str, message: str) -> job_pb2.JobError:
    return job_pb2.JobError(reason=reason, message=message, exit_code=6)
