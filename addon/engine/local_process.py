# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of this machine: telling one from another that has its number later, and ending one gently."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

LOOK_S = 1.0
"""Seconds for which it is taken to be as it was: panels ask with every picture."""
PS_S = 2.0
BREAK_S = 5.0
BREAK = """
import ctypes, sys
kernel, process = ctypes.windll.kernel32, int(sys.argv[1])
kernel.FreeConsole()
if kernel.AttachConsole(process):
    kernel.SetConsoleCtrlHandler(None, True)
    kernel.GenerateConsoleCtrlEvent(1, process)
"""
"""Presses Ctrl-Break where a process of Windows would see it: in its own console, which Blender isn't in."""


@dataclass
class Process:
    """One process.

    Attributes:
        pid: its number, which another process may have later.
        born: when it began, as only this machine writes it.
    """

    pid: int
    born: str
    _looked: float = field(default=-LOOK_S, repr=False, compare=False)
    _alive: bool = field(default=False, repr=False, compare=False)

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has a number now; None where there is none, or nobody can tell which it is."""
        born = birth(pid)
        return cls(pid, born) if born else None

    @property
    def alive(self) -> bool:
        """Tells if it is still there."""
        if time.monotonic() - self._looked >= LOOK_S:
            self._looked = time.monotonic()
            self._alive = self._is_there()
        return self._alive

    def _is_there(self) -> bool:
        return self.pid > 1 and bool(self.born) and birth(self.pid) == self.born

    def ask_to_end(self) -> None:
        """Asks it to end, unless its number is another's now."""
        if self._is_there():
            ask_to_end(self.pid)

    def kill(self) -> None:
        """Ends it, unless its number is another's now."""
        if self._is_there():
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)


def birth(pid: int) -> str:
    """Returns the time at which a process began, which tells it from others of its number; "" if unknown."""
    if pid <= 0:
        return ""
    if sys.platform == "win32":
        return _windows_birth(pid)
    if Path("/proc/self/stat").exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return ""
        fields = stat.rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else f"{boot} {fields[19]}"
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["/bin/ps", "-o", "lstart=", "-o", "command=", "-p", str(pid)]
        said = subprocess.run(
            command, capture_output=True, text=True, timeout=PS_S, check=False
        ).stdout.strip()
        return said if "recaster" in said else ""
    return ""


def _windows_birth(pid: int) -> str:
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.windll.kernel32
    kernel.OpenProcess.restype = wintypes.HANDLE
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return ""
    try:
        times = [wintypes.FILETIME() for _ in range(4)]
        code = wintypes.DWORD()
        known = kernel.GetProcessTimes(wintypes.HANDLE(handle), *(ctypes.byref(one) for one in times))
        known = known and kernel.GetExitCodeProcess(wintypes.HANDLE(handle), ctypes.byref(code))
    finally:
        kernel.CloseHandle(wintypes.HANDLE(handle))
    still_active = 259
    return (
        f"{times[0].dwHighDateTime}.{times[0].dwLowDateTime}" if known and code.value == still_active else ""
    )


def apart() -> dict[str, Any]:
    """Options of a process that Blender's own end, and Ctrl-C in its terminal, don't reach."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def ask_to_end(pid: int) -> None:
    """Asks a process to save what it does and to end. Windows has no signal for that but Ctrl-Break."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if sys.platform == "win32":
            subprocess.run(
                [sys.executable, "-c", BREAK, str(pid)],
                creationflags=subprocess.CREATE_NO_WINDOW,
                timeout=BREAK_S,
                check=False,
            )
        else:
            os.kill(pid, signal.SIGTERM)
