"""Linux's seccomp: which system calls a process may still make.

What no work of Recaster's needs is refused with EPERM, as it would be to a user without the right to it; all
else is let through. The filter is a program of the kernel's own small machine (classic BPF), put together
here for the two processors that there are packages for.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Name, and its number on x86_64 and on aarch64; None where there is no such call.
_REFUSED: Final = """
    ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271, process_madvise 440 440,
    kcmp 312 272, pidfd_getfd 438 438, perf_event_open 298 241, bpf 321 280, userfaultfd 323 282,
    add_key 248 217, request_key 249 218, keyctl 250 219,
    mount 165 40, umount2 166 39, pivot_root 155 41, chroot 161 51, open_tree 428 428, move_mount 429 429,
    fsopen 430 430, fsconfig 431 431, fsmount 432 432, fspick 433 433, mount_setattr 442 442,
    open_tree_attr 467 467, unshare 272 97, setns 308 268, name_to_handle_at 303 264,
    open_by_handle_at 304 265, fanotify_init 300 262,
    io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427,
    kexec_load 246 104, kexec_file_load 320 294, init_module 175 105, finit_module 313 273,
    delete_module 176 106, create_module 174 -, reboot 169 142, swapon 167 224, swapoff 168 225, acct 163 89,
    quotactl 179 60, quotactl_fd 443 443, syslog 103 116, settimeofday 164 170, clock_settime 227 112,
    adjtimex 159 171, clock_adjtime 305 266, sethostname 170 161, setdomainname 171 162, vhangup 153 58,
    iopl 172 -, ioperm 173 -, modify_ldt 154 -, uselib 134 -, lookup_dcookie 212 18,
    shmget 29 194, semget 64 190, msgget 68 186, mq_open 240 180,
    truncate 76 45, chmod 90 -, fchmodat 268 53, fchmodat2 452 452, chown 92 -, lchown 94 -, fchownat 260 54,
    fchmod 91 52, fchown 93 55, fsetxattr 190 7, fremovexattr 199 16,
    setxattr 188 5, lsetxattr 189 6, removexattr 197 14, lremovexattr 198 15, setxattrat 463 463,
    removexattrat 466 466, utime 132 -, utimes 235 -, futimesat 261 -
"""
"""Looking into or at other processes, keys, mounts, namespaces, io_uring (which goes round filters), the
machine itself, memory shared by name, and changing files where Landlock doesn't look: their modes, owners
and attributes, also of those that may only be read."""
_EXECUTING: Final = "execve 59 221, execveat 322 281"
_LOOKED_INTO: Final = (
    "clone 56 220, clone3 435 435, socket 41 198, prlimit64 302 261, utimensat 280 88, ioctl 16 29"
)

NEW_NAMESPACES: Final = 0x7E020000
"""The flags of clone by which a process leaves namespaces."""
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
"""Typing into a terminal, in two ways."""
_PROCESSORS: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""A processor's column above, and what a filter knows it by (AUDIT_ARCH)."""
X32: Final = 0x40000000
"""From here on x86_64's calls are those of another ABI, which nothing here uses."""

UNIX, INET, INET6, NETLINK = 1, 2, 10, 16
"""Kinds of sockets."""
SET_MODE_FILTER: Final = 1
ALL_THREADS: Final = 1
SPECULATE: Final = 4
_SECCOMP: Final = {"x86_64": 317, "aarch64": 277}
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EPERM
_UNKNOWN: Final = 0x00050000 | errno.ENOSYS
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def restrict(sockets: Iterable[int], *, executes: bool) -> None:
    """Gives up the system calls that no work needs, but for some kinds of sockets and starting programs.

    It holds for this process and all that it starts.

    Raises:
        OSError: the kernel doesn't do it, or the processor isn't known here.
    """
    machine = os.uname().machine
    if machine not in _PROCESSORS or struct.calcsize("P") != 8:
        raise OSError(errno.ENOSYS, f"no filter is known for {machine}")
    steps = b"".join(struct.pack("=HBBI", *step) for step in _filter(machine, sorted(sockets), executes))
    kept = ctypes.create_string_buffer(steps, len(steps))
    program = _Program(len(steps) // 8, ctypes.cast(kept, ctypes.c_void_p))
    system = ctypes.CDLL(None, use_errno=True)
    # Without SPECULATE older kernels slow the whole process down, to keep it from guessing what is in it.
    flags = ctypes.c_long(ALL_THREADS | SPECULATE)
    call = ctypes.c_long(_SECCOMP[machine])
    if system.syscall(call, ctypes.c_long(SET_MODE_FILTER), flags, ctypes.byref(program)) != 0:
        code = ctypes.get_errno() or errno.ESRCH  # or the number of a thread that can't be reached
        raise OSError(code, os.strerror(code))


Step = tuple[int, int, int, int]


def _filter(machine: str, sockets: Sequence[int], executes: bool) -> list[Step]:
    """The steps of the filter: each is an operation, how far to jump where it holds and not, and a value."""
    column, architecture = _PROCESSORS[machine]
    looked_into = _numbers(_LOOKED_INTO, column)
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), _returns(_REFUSE), (_LOAD, 0, 0, _NUMBER),
    ]  # fmt: skip
    if machine == "x86_64":
        steps += [(_AT_LEAST, 0, 1, X32), _returns(_UNKNOWN)]
    refused = _numbers(_REFUSED if executes else f"{_REFUSED}, {_EXECUTING}", column)
    for number in refused.values():
        steps += [(_EQUAL, 0, 1, number), _returns(_REFUSE)]
    steps += [(_EQUAL, 0, 1, looked_into["clone3"]), _returns(_UNKNOWN)]  # then libraries use clone
    for name, body in (
        ("clone", [_argument(0), (_ANY_BIT, 0, 1, NEW_NAMESPACES), _returns(_REFUSE)]),
        ("socket", _among(0, sockets)),
        ("prlimit64", _among(0, [0])),  # its own limits
        ("utimensat", _among(1, [0])),  # of an open file
        ("ioctl", [_argument(1), (_EQUAL, 1, 0, TIOCSTI), (_EQUAL, 0, 1, TIOCLINUX), _returns(_REFUSE)]),
    ):
        steps += [(_EQUAL, 0, len(body) + 1, looked_into[name]), *body, _returns(_ALLOW)]
    return [*steps, _returns(_ALLOW)]


def _among(at: int, values: Sequence[int]) -> list[Step]:
    """Refuses a call whose argument isn't one of some values (of 32 bits; zero means all of its bits)."""
    steps: list[Step] = [_argument(at)]
    for value in values:
        if value:
            steps += [(_EQUAL, 0, 1, value), _returns(_ALLOW)]
        else:
            steps += [(_EQUAL, 0, 3, 0), (_LOAD, 0, 0, _ARGUMENTS + 8 * at + 4), (_EQUAL, 0, 1, 0)]
            steps += [_returns(_ALLOW)]
    return [*steps, _returns(_REFUSE)]


def _argument(at: int) -> Step:
    """Loads the lower half of an argument (both processors have it first)."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * at)


def _returns(what: int) -> Step:
    return (_RETURN, 0, 0, what)


def _numbers(text: str, column: int) -> dict[str, int]:
    rows = [row.split() for row in text.split(",")]
    return {name: int(numbers[column]) for name, *numbers in rows if numbers[column] != "-"}
