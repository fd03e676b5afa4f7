"""What a worker may take, kept by the system: a hostile file can then harm its own worker only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recaster.jobs.task import Limits


def apply(limits: Limits) -> None:
    """Bind this process to its limits, where the system knows them (not on Windows)."""
    if sys.platform == "win32":
        return
    import resource
    import signal

    # A file that grows too large is an error to handle (EFBIG), not the end of the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
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
