"""Threads of the engine: whatever may wait for a disk or a lock runs here, never in the event loop.

Reads wait for nobody, so they have threads that no write can fill. A write waits for a lock of another
process a short while, then says so; whoever asked asks again.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from recaster.errors import LockedError
from recaster.locks import LOCK_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

CALL_PATIENCE_S: Final = 2.0
"""Seconds that a call waits for a lock."""
MAX_QUEUE_S: Final = 10.0
"""Seconds that a write waits for its thread."""
_READS: Final = ThreadPoolExecutor(4, "reads")
_WRITES: Final = ThreadPoolExecutor(8, "writes")
_MOVES: Final = ThreadPoolExecutor(8, "moves")
_HASHES: Final = ThreadPoolExecutor(4, "hashes")


async def run_read(do: Callable[..., T], *values: Any) -> T:
    """Does something short that writes nothing, or next to nothing."""
    return await _run_in(_READS, functools.partial(do, *values))


async def run_write(do: Callable[..., T], *values: Any) -> T:
    """Does something that writes to the store or the audit log, or removes files (LockedError)."""
    asked = time.monotonic()

    def work() -> T:
        if time.monotonic() - asked > MAX_QUEUE_S:
            raise LockedError("the engine is busy: others wait for its store; try again")
        LOCK_TIMEOUT_S.set(CALL_PATIENCE_S)
        return do(*values)

    return await _run_in(_WRITES, work)


async def run_transfer(do: Callable[..., T], *values: Any) -> T:
    """Reads or writes a piece of what a client sends or fetches, where a slow disk may take long."""
    return await _run_in(_MOVES, functools.partial(do, *values))


async def run_hash(do: Callable[..., T], *values: Any) -> T:
    """Reads the whole of a file: minutes, where that is large, in which pieces of others go on."""
    return await _run_in(_HASHES, functools.partial(do, *values))


async def _run_in(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    context = contextvars.copy_context()  # it names the caller
    return await asyncio.get_running_loop().run_in_executor(threads, context.run, work)


def unary_read(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Awaitable[Any]]:
    """A method of a service that reads, in a thread; it gets the request alone."""

    @functools.wraps(method)
    async def answered(self: Any, request: Any, _: Any) -> Any:
        return await run_read(method, self, request)

    return answered


def unary_write(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Awaitable[Any]]:
    """The same for a method that writes, in a thread that may wait for a lock."""

    @functools.wraps(method)
    async def answered(self: Any, request: Any, _: Any) -> Any:
        return await run_write(method, self, request)

    return answered
