"""What a worker may take, kept by the system: a hostile file can then harm its own worker only."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from recaster.jobs.descriptors import lower_limit

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.jobs.task import Limits


CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


MEMORY_SHARE: Final = 0.9
ENVIRONMENT: Final = frozenset(
    {"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL", "TERM", "TZ", "USER"}
    | {"APPDATA", "LOCALAPPDATA", "SYSTEMROOT", "TEMP", "TMP", "USERPROFILE", "VIRTUAL_ENV", "WINDIR"}
    | {"RECASTER_BASIS", "RECASTER_CACHE", "RECASTER_DATA", "RECASTER_POLICY"}
)
"""Variables that workers get: those of the system and of their own settings."""
ENVIRONMENT_PREFIXES: Final = (
    "CUDA_", "GOMP_", "KERAS_", "KMP_", "LC_", "MALLOC_", "MKL_", "NVIDIA_", "OMP_", "OPENBLAS_", "OPENCV_",
    "PYTHON", "SSL_CERT_", "TF_", "XDG_", "XLA_",
)  # fmt: skip


def apply(limits: Limits) -> None:
    """Bind this process to its limits, where the system knows them (not on Windows).

    Call it before there is a second thread.
    """
    if sys.platform == "win32":
        return
    if limits.offline and sys.platform == "linux":
        go_offline()
    lower_limit()  # the engine's own is for its clients
    import resource
    import signal

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


def machine_share() -> int:
    """Bytes of this machine's memory that one worker may use, so that the engine has some left."""
    if sys.platform == "win32":
        return 0
    return int(MEMORY_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def worker_environment(scratch: Path) -> dict[str, str]:
    """The environment of a process that reads strangers' files: what computing needs, and no secrets.

    Args:
        scratch: its folder for temporary files.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in ENVIRONMENT or name.startswith(ENVIRONMENT_PREFIXES)
    }
    return kept | {"TMPDIR": str(scratch)}


def go_offline() -> bool:
    """Leave the network for an empty one of this process's own; False where the system forbids that."""
    import ctypes

    unshare = ctypes.CDLL(None, use_errno=True).unshare
    # With a namespace of users as well, nobody needs to be root for it.
    return unshare(CLONE_NEWNET) == 0 or unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0
