"""Limits of workers, kept by the system: a hostile file can then harm its own worker only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Final

from recaster.errors import LockedError

if sys.platform != "win32":
    import resource

if TYPE_CHECKING:
    from recaster.api.internal.v1 import worker_pb2

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_NO_NEW_PRIVS = 38
MEMORY_SHARE: Final = 0.9
"""Of the machine's memory that one worker may use."""
USUAL_DESCRIPTORS: Final = 1024
"""Descriptors that a process may open where nobody says more: enough for a worker, and safe with select()."""
WORKER_DESCRIPTORS: Final = 32
"""Descriptors that an engine needs to start one: pipes, its log, and what the store opens meanwhile."""
ENGINE_DESCRIPTORS: Final = 160
"""Descriptors that clients' connections leave free: for the store, files on their way, pipes to workers."""
MAX_CONNECTIONS: Final = 10_000
KEEPS_NETWORK: Final = (
    "it keeps the network: this system lets nobody leave it (user namespaces are switched off)"
)


def apply(limits: worker_pb2.ProcessLimits) -> list[str]:
    """Binds this process to its limits, where the system knows them (not on Windows).

    Call it before there is a second thread. Returns what should have been given up and couldn't, in words.
    """
    if sys.platform == "win32":
        return []
    kept = []
    if sys.platform == "linux":
        keep_privileges()
    if limits.offline and sys.platform == "linux" and not go_offline():
        kept.append(KEEPS_NETWORK)
    lower_descriptor_limit()  # the engine's own is for its clients
    # A file that grows too large is an error to handle (EFBIG), not the end of the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_DATA, limits.data_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CORE, 1),  # a dump of memory would hold faces
    ):
        if value:
            wanted = 0 if kind == resource.RLIMIT_CORE else value
            _, hard = resource.getrlimit(kind)
            if hard != resource.RLIM_INFINITY:
                wanted = min(wanted, hard)
            resource.setrlimit(kind, (wanted, wanted))
    return kept


def allow_cpu(seconds: float) -> None:
    """Let this process compute for so long from now on; then the system ends it (not on Windows)."""
    if sys.platform == "win32":
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(time.process_time() + seconds) + 1
    resource.setrlimit(
        resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
    )


def machine_share() -> int:
    """Bytes of this machine's memory that one worker may use, so that the engine has some left."""
    if sys.platform == "win32":
        return 0
    return int(MEMORY_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def keep_privileges() -> bool:
    """Lets no program that this process starts have more rights than it has; False where that can't be."""
    return ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0


def go_offline() -> bool:
    """Leave the network for an empty one of this process's own; False where the system forbids that."""
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    # With a namespace of users as well, nobody needs to be root for it.
    return unshare(CLONE_NEWNET) == 0 or unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0


def raise_descriptor_limit() -> int:
    """Lets this process open as many files as the system allows; returns how many those are."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MAX_CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, 2 * MAX_CONNECTIONS)
    if wanted > soft:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return soft


def lower_descriptor_limit() -> None:
    """Lets this process, a worker, open as many files as usual."""
    if sys.platform != "win32":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft > USUAL_DESCRIPTORS:
            resource.setrlimit(resource.RLIMIT_NOFILE, (USUAL_DESCRIPTORS, hard))


def connections_for(limit: int) -> int:
    """Number of clients that may be connected, where so many files may be open."""
    return max(16, min(MAX_CONNECTIONS, limit - ENGINE_DESCRIPTORS, limit * 3 // 4))


def check_descriptors() -> None:
    """Refuses to start a worker that could open no files (LockedError), before the attempt counts."""
    opened: list[int] = []
    try:
        while len(opened) < WORKER_DESCRIPTORS:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        raise LockedError("the engine has too many files open to start a worker; the job waits") from None
    finally:
        for handle in opened:
            os.close(handle)
