"""CPU cores that this process may use."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from recaster.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_limits: list[int] = []
"""Of those blocks of ``limit_cores`` and ``assume_cores`` that last, the innermost last."""


def cores() -> int:
    """Number of CPU cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return min([len(affinity(0)) if affinity is not None else os.cpu_count() or 1, *_limits])


@contextlib.contextmanager
def limit_cores(count: int | None) -> Iterator[None]:
    """Lets this process, and those that it starts, use so many cores while the block lasts; None for all.

    Linux holds all of their threads to it; elsewhere threads of decoders and encoders may use others, too.

    Raises:
        UsageError: no core at all, or more than there are.
    """
    if count is None:
        yield
        return
    check_threads(count)
    before = _pin_threads(_choose_cores(count))
    _limits.append(count)
    try:
        yield
    finally:
        _limits.pop()
        _pin_threads(before)


@contextlib.contextmanager
def assume_cores(count: int) -> Iterator[None]:
    """Lets this process count on so many cores while the block lasts, since others use the rest."""
    _limits.append(max(1, count))
    try:
        yield
    finally:
        _limits.pop()


def check_threads(count: int) -> None:
    """Refuses a number of threads that this machine has no cores for (UsageError)."""
    if count < 1:
        raise UsageError(f"{count} threads are none; give at least 1")
    if count > cores():
        raise UsageError(f"{count} threads are more than the {cores()} cores that there are; give fewer")


def _choose_cores(count: int) -> set[int]:
    """Chooses cores of those that this process may use: not the same for all processes, as far as can be."""
    if not hasattr(os, "sched_getaffinity"):
        return set()
    allowed = sorted(os.sched_getaffinity(0))
    begin = os.getpid() * count % len(allowed)
    return set((allowed + allowed)[begin : begin + count])


def _pin_threads(chosen: set[int]) -> set[int]:
    """Lets all threads of this process run on these cores alone; returns those that this thread had."""
    if not hasattr(os, "sched_setaffinity"):
        return set()
    before = os.sched_getaffinity(0)
    # Linux keeps this for each thread; new ones take it over from the thread that starts them.
    for thread in Path("/proc/self/task").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended, or a confined process may not look
            os.sched_setaffinity(int(thread.name), chosen)
    os.sched_setaffinity(0, chosen)
    return before
