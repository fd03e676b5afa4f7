"""A supervisor in a thread of its own: what it waits for, a lock say, keeps no call waiting."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.jobs.supervisor import Supervisor

RECONCILE_S: Final = 2.0
"""Seconds that whoever wants something of a job waits for the supervisor to look at it."""
RECENT_S: Final = 60.0
"""Seconds after which trouble that didn't come again is over: who waits for a worker tries more often."""
STALE_S: Final = 60.0
"""Seconds without a round, after which a supervisor is taken for stuck: it waits for a lock for 10."""


class SupervisorThread:
    """Runs one supervisor; may be used from any thread."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="supervisor", daemon=True)
        self.ended: concurrent.futures.Future[None] = concurrent.futures.Future()
        """Done when the supervisor has ended; with its error where it died."""

    def start(self) -> None:
        """Begins to run jobs."""
        self._thread.start()

    def recover(self) -> int:
        """Queues again what nobody runs any more, before ``start``; returns how many jobs that are."""
        return self._supervisor.recover()

    def _work(self) -> None:
        try:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(self._run())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the engine must hear of it
            self.ended.set_exception(error)
        else:
            self.ended.set_result(None)
        finally:
            self._loop.close()

    async def _run(self) -> None:
        try:
            await self._supervisor.run()
        finally:
            await self._supervisor.close()

    @property
    def is_alive(self) -> bool:
        """True while it looks after jobs."""
        return self._thread.is_alive() and time.monotonic() - self._supervisor.last_round_at < STALE_S

    @property
    def trouble(self) -> str:
        """The reason for which no worker could be started just now; empty where they can."""
        recent = time.monotonic() - self._supervisor.troubled_at < RECENT_S
        return self._supervisor.trouble if recent else ""

    @property
    def workers(self) -> dict[tuple[str, str], int]:
        """Number of workers that have ended, by kind of job and ``WorkerHandle.ending``."""
        return dict(self._supervisor.workers)

    def wake(self) -> None:
        """Looks at the jobs now: something about them has changed."""
        self._supervisor.wake()

    def rights_changed(self) -> None:
        """Stops what puts on a face that it may not put on any more."""
        self._soon(self._supervisor.rights_changed)

    def reconcile(self) -> None:
        """Brings jobs to where clients want them; returns then, or after RECONCILE_S."""
        self._now(self._supervisor.reconcile)

    def drain(self, draining: bool) -> None:
        """Starts no jobs any more, or starts them again; returns as ``reconcile`` does."""
        self._now(lambda: self._supervisor.drain(draining))

    @property
    def draining(self) -> bool:
        """True while jobs that wait are left waiting."""
        return self._supervisor.draining

    @property
    def at_work(self) -> int:
        """Number of jobs that have a worker."""
        return self._supervisor.at_work

    def reserved(self, kind: str, resource_id: str) -> contextlib.AbstractContextManager[None]:
        """Starts no job that needs a resource while the block lasts."""
        return self._supervisor.reserved(kind, resource_id)

    def on_changed(self, tell: Callable[[str], None]) -> None:
        """Sets the listener for facesets that may hold other faces than is kept of them; in this thread."""
        self._supervisor.on_changed(tell)

    async def close(self) -> None:
        """Asks all workers to save what they did, waits for them, and queues their jobs again."""
        if self._soon(self._supervisor.stop):
            await asyncio.wait({asyncio.wrap_future(self.ended)})

    def _now(self, do: Callable[[], None]) -> None:
        """Does something in the supervisor's thread; returns then, or after RECONCILE_S."""
        done: concurrent.futures.Future[None] = concurrent.futures.Future()

        def doing() -> None:
            try:
                do()
            finally:
                done.set_result(None)

        if self._soon(doing):
            with contextlib.suppress(TimeoutError):
                done.result(RECONCILE_S)

    def _soon(self, do: Callable[[], None]) -> bool:
        """Does something in the supervisor's thread; False where it has ended."""
        try:
            self._loop.call_soon_threadsafe(do)
        except RuntimeError:
            return False
        return self._thread.is_alive()
