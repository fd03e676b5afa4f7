# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that an installation runs, one at a time, ended with it. Knows nothing of Blender."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from .install_files import LOG, WORK
from .local_process import Process, apart

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_RUNNING = "running.json"


class ProgramError(Exception):
    """A program failed; the message is what it said."""


class StoppedInstall(Exception):  # noqa: N818 - it is no error
    """Somebody stopped the installation."""


def ignore(_line: str) -> None:
    """Takes a line of a program's, and forgets it."""


class Programs:
    """Runs programs for an installation into a folder."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._process: subprocess.Popen[str] | None = None

    def check(self) -> None:
        """Ends an installation (StoppedInstall) where that was asked for."""
        if self._stopped.is_set():
            raise StoppedInstall

    def stop(self) -> None:
        """Ends the program that runs; those to come end at once."""
        self._stopped.set()
        if self._process is not None and self._process.poll() is None:
            _kill(self._process.pid)

    def run(
        self,
        folder: Path,
        command: Sequence[object],
        hear: Callable[[str], None] = ignore,
        fetched: Path | None = None,
    ) -> str:
        """Runs a program for an engine's folder; returns what it said, of which ``hear`` gets each line.

        uv puts Pythons that it fetches into ``fetched``.

        Raises:
            ProgramError: it failed, or can't be run.
            StoppedInstall: it was stopped.
        """
        self.check()
        temporary = folder / WORK / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True, exist_ok=True)
        said: list[str] = []
        try:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                env=environment_for(temporary, fetched),
                **apart(),
            )
        except OSError as error:
            raise ProgramError(str(error)) from None
        with self._process as process, (folder / WORK / LOG).open("a", encoding="utf-8") as log:
            _note(folder, process.pid)
            if self._stopped.is_set():
                _kill(process.pid)
            for line in process.stdout or ():
                hear(line)
                if not PROGRESS.match(line):
                    said.append(line)
                    log.write(line)
                    log.flush()
        self.check()
        if process.returncode:
            raise ProgramError("".join(said))
        return "".join(said)


def environment_for(temporary: Path, fetched: Path | None = None) -> dict[str, str]:
    """Variables of programs that install: none of Blender's Python; temporary files on the engine's disk.

    uv sees none of its settings on this machine: they may name other makers of Python.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "UV_"))}
    if fetched is not None:
        kept["UV_PYTHON_INSTALL_DIR"] = str(fetched)
    return {
        **kept,
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)),
        "PYTHONUTF8": "1",
        "PIP_USER": "0",
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(temporary / "uv-cache"),
    }


def end_orphan(folder: Path) -> None:
    """Ends a program that a Blender which crashed has left behind in a folder."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        pid, born = json.loads((folder / WORK / _RUNNING).read_text(encoding="ascii"))
        if Process(int(pid), str(born)).alive:
            _kill(int(pid))


def _note(folder: Path, pid: int) -> None:
    process = Process.of(pid)
    if process is not None:
        with contextlib.suppress(OSError):
            (folder / WORK / _RUNNING).write_text(json.dumps([process.pid, process.born]), encoding="ascii")


def _kill(pid: int) -> None:
    """Ends a program and, where the system has groups of them, those that it has started."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            os.kill(pid, signal.SIGTERM)
        else:
            os.killpg(pid, signal.SIGKILL)
