"""A supervisor in a thread of its own: what it waits for, a lock say, keeps no call waiting."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final

from recaster.jobs.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.jobs.worker_process import SchedulerLimits
    from recaster.store.store import Store

RECONCILE_S: Final = 2.0
"""Seconds that whoever wants something of a job waits for the supervisor to look at it."""
RECENT_S: Final = 60.0
"""Seconds after which trouble that didn't come again is over: who waits for a worker tries more often."""
STALE_S: Final = 60.0
"""Seconds without a round, after which a supervisor is taken for stuck: it waits for a lock for 10."""


class SupervisorThread(Supervisor):
    """A supervisor with a thread for ``run``; any other may use the rest, and ends it by ``shut_down``."""

    def __init__(self, store: Store, limits: SchedulerLimits | None = None) -> None:
        super().__init__(store, limits)
        self._loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="supervisor", daemon=True)
        self.ended: concurrent.futures.Future[None] = concurrent.futures.Future()
        """Done when the supervisor has ended; with its error where it died."""

    def start(self) -> None:
        """Begins to run jobs."""
        self._thread.start()

    def _work(self) -> None:
        try:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(self._run_and_close())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the engine must hear of it
            self.ended.set_exception(error)
        else:
            self.ended.set_result(None)
        finally:
            self._loop.close()

    async def _run_and_close(self) -> None:
        try:
            await self.run()
        finally:
            await self.close()

    @property
    def is_alive(self) -> bool:
        """True while it looks after jobs."""
        return self._thread.is_alive() and time.monotonic() - self.last_round_at < STALE_S

    @property
    def recent_trouble(self) -> str:
        """The reason for which no worker could be started just now; empty where they can."""
        return self.trouble if time.monotonic() - self.troubled_at < RECENT_S else ""

    def rights_changed(self) -> None:
        """Stops what puts on a face that it may not put on any more; what was done is kept."""
        self._soon(self._stop_unauthorized)

    def reconcile(self) -> None:
        """Brings jobs to where clients want them; returns then, or after RECONCILE_S."""
        self._now(self._reconcile)

    def drain(self, draining: bool) -> None:
        """Starts no jobs any more, or starts them again; returns as ``reconcile`` does."""
        self._now(lambda: self._drain(draining))

    async def shut_down(self) -> None:
        """Asks all workers to save what they did, waits for them, and queues their jobs again."""
        if self._soon(self.stop):
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
