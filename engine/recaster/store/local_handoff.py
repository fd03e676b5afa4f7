"""Files that clients of this machine show to their engine, instead of sending their bytes.

A client could name any file of the machine. That one is its own to show is proven by the folder, which only
somebody of this engine's user could have made, and by the name in it, which nothing else has; and whoever
shows it knows its digest. All else is answered alike, so that nothing is learned about what there is.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from recaster.errors import NotOfferedError
from recaster.files import HANDOFF_NAME

if TYPE_CHECKING:
    from pathlib import Path


def open_offered(folder: Path, digest: str, size: int) -> int:
    """Open a file that is shown, to be read.

    Raises:
        NotOfferedError: none is shown there.
    """
    try:
        return _opened(folder, digest, size)
    except (OSError, ValueError):
        raise NotOfferedError("no such file is shown to this engine; upload it") from None


def _opened(folder: Path, digest: str, size: int) -> int:
    if not folder.is_absolute() or not hasattr(os, "getuid"):
        raise ValueError
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        made = os.fstat(inside)
        if made.st_uid != os.getuid() or made.st_mode & 0o777 != 0o700:
            raise ValueError
        # Links aren't followed, and a pipe isn't waited for.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        handle = os.open(HANDOFF_NAME.format(digest=digest), flags, dir_fd=inside)
    finally:
        os.close(inside)
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_size != size:
        os.close(handle)
        raise ValueError
    return handle
