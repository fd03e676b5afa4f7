"""Locks between processes: a file or folder that one of them holds; a crash lets go of it, too."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from recaster.errors import LockedError, OutputError
from recaster.files import write_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_TIMEOUT_S: Final = ContextVar("LOCK_TIMEOUT_S", default=10.0)
"""Seconds to wait for a lock that another process holds: fewer where somebody waits for an answer."""


@contextlib.contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Holds a lock file while the block lasts; gives False where another process does.

    Raises:
        OutputError: it can't be written, or its disk has no locks.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise write_error(path, error) from error
    with file:
        try:
            is_held = _lock_handle(file.fileno())
        except OSError as error:
            raise OutputError(
                f"{path}: this disk has no locks for files ({error.strerror}); mount it with them, or choose "
                "a folder elsewhere"
            ) from error
        yield is_held


@contextlib.contextmanager
def lock(path: Path, timeout_s: float | None = None) -> Iterator[None]:
    """Holds a lock file while the block lasts, and waits for it where another process does.

    Raises:
        OutputError: it cannot be written.
        LockedError: it isn't let go of for ``timeout_s`` seconds, by default LOCK_TIMEOUT_S.
    """
    end = time.monotonic() + (LOCK_TIMEOUT_S.get() if timeout_s is None else timeout_s)
    while True:
        with try_lock(path) as alone:
            if alone:
                yield
                return
        if time.monotonic() > end:
            raise LockedError(f"{path}: another process holds this lock; try again")
        time.sleep(0.01)


@contextlib.contextmanager
def try_lock_folder(path: Path) -> Iterator[bool]:
    """Hold a folder itself while the block lasts, as ``try_lock`` holds a file in it, which could be removed.

    Gives True also where folders can't be locked (Windows, some network disks).
    """
    if sys.platform == "win32":
        yield True
        return
    import fcntl

    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        except OSError:
            yield True
        else:
            yield True
    finally:
        os.close(handle)


def _lock_handle(handle: int) -> bool:
    """Locks an open file; tells whether that could be done at once (OSError: it never can)."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        return False
    return True
