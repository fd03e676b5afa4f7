"""File descriptors: as many as the system allows, and always enough left for a worker."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Final

from recaster.errors import LockedError

USUAL: Final = 1024
"""Descriptors that a process may open where nobody says more: enough for a worker, and safe with select()."""
FOR_A_WORKER: Final = 32
"""Descriptors that an engine needs to start one: pipes, its log, and what the store opens meanwhile."""
FOR_THE_ENGINE: Final = 160
"""Descriptors that clients' connections leave free: for the store, files on their way, pipes to workers."""
MAX_CONNECTIONS: Final = 10_000


def raise_limit() -> int:
    """Let this process open as many files as the system allows; returns how many those are."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MAX_CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, 2 * MAX_CONNECTIONS)
    if wanted > soft:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return soft


def lower_limit() -> None:
    """Let this process, a worker, open as many files as usual."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft > USUAL:
            resource.setrlimit(resource.RLIMIT_NOFILE, (USUAL, hard))


def connections_for(limit: int) -> int:
    """How many clients may be connected, where so many files may be open."""
    return max(16, min(MAX_CONNECTIONS, limit - FOR_THE_ENGINE, limit * 3 // 4))


def check_descriptors() -> None:
    """Find out whether a worker can be started (LockedError), before the attempt counts."""
    opened: list[int] = []
    try:
        while len(opened) < FOR_A_WORKER:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        raise LockedError("the engine has too many files open to start a worker; the job waits") from None
    finally:
        for handle in opened:
            os.close(handle)
