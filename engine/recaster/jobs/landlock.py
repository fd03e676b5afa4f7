"""Linux's Landlock: which files a process may still reach, whatever its user may.

Spoken to by system calls, whose numbers are the same on every processor; what a kernel doesn't know yet (its
"ABI") is left out of what is asked of it. See the kernel's "Landlock: unprivileged access control".
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
PATH_BENEATH = 1
ASK_ABI = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV = (1 << bit for bit in range(13, 16))
BIND_TCP = 1 << 0
CONNECT_TCP = 1 << 1
SCOPE_ABSTRACT_UNIX = 1 << 0
SCOPE_SIGNAL = 1 << 1

READ: Final = READ_FILE | READ_DIR
WRITE: Final = (
    READ | WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER
)  # no links, sockets, pipes or devices, which would mislead whoever looks at what was written
DEVICE: Final = READ_FILE | WRITE_FILE | IOCTL_DEV
_ON_FILES: Final = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""Rights that can be given to a single file."""
_SINCE: Final = ((REFER, 2), (TRUNCATE, 3), (IOCTL_DEV, 5))
"""From which ABI on a right is known; before, the first of them is never given, the others always."""
TCP_ABI: Final = 4
SCOPES_ABI: Final = 6


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """The version of Landlock that the kernel knows; 0 where it knows none."""
    try:
        return _call(CREATE_RULESET, None, 0, ASK_ABI)
    except OSError:
        return 0


def restrict(rules: Iterable[tuple[Path, int]], tcp: int, known: int | None = None) -> None:
    """Give up all of the file system but some places, for this thread and all that it starts.

    Also given up, where the kernel knows how: abstract sockets, and signals to any process that isn't
    confined with this one.

    Args:
        rules: places, and what may be done there and beneath; those that aren't there are left out.
        tcp: what of TCP is given up: BIND_TCP, CONNECT_TCP.
        known: the ABI to keep to; the kernel's own where None.

    Raises:
        OSError: the kernel doesn't do it.
    """
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise OSError(errno.EBUSY, "a thread that has begun keeps what it could reach")
    known = abi() if known is None else known
    files = sum(1 << bit for bit in range(16))
    for right, since in _SINCE:
        if known < since:
            files &= ~right
    asked = _Ruleset(files, tcp if known >= TCP_ABI else 0)
    size = 8 if known < TCP_ABI else 16
    if known >= SCOPES_ABI:
        asked.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL
        size = 24
    ruleset = _call(CREATE_RULESET, ctypes.byref(asked), size, 0)
    try:
        for path, rights in rules:
            _add(ruleset, path, rights & files)
        _call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _add(ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP):
            return
        raise
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= _ON_FILES
        rule = _PathBeneath(rights, handle)
        if rights:
            _call(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(handle)


def _call(number: int, *values: object) -> int:
    """Makes a system call (OSError)."""
    system = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_long(value) if isinstance(value, int) else value for value in values]
    result = int(system.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
