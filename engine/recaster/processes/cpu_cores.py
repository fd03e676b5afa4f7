"""CPU cores that this process may use."""

from __future__ import annotations

import os

from recaster.errors import UsageError


def cores() -> int:
    """Number of CPU cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def check_threads(count: int) -> None:
    """Refuses a number of threads that this machine has no cores for (UsageError)."""
    if count < 1:
        raise UsageError(f"{count} threads are none; give at least 1")
    if count > cores():
        raise UsageError(f"{count} threads are more than the {cores()} cores that there are; give fewer")
