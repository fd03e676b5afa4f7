# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine on this machine: where it is installed, starting and stopping it. Knows nothing of Blender."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
LOG_TAIL = 2000
GRACE_S = 70.0
"""Seconds that an engine may take to save what its jobs did."""


class StartError(Exception):
    """The engine can't be started; the message says what to do."""


@dataclass(frozen=True)
class Installation:
    """How to run the engine of this machine.

    Attributes:
        command: the ``recaster`` program; empty to look for it on the PATH.
        data: the engine's data folder; None for its default.
        port: where it listens on this machine.
        log: where it writes what happens.
    """

    command: str
    data: Path | None
    port: int
    log: Path

    @property
    def target(self) -> str:
        """Where it answers."""
        return f"{HOST}:{self.port}"

    def program(self) -> Path:
        """The program (StartError where there is none)."""
        given = self.command or shutil.which("recaster") or ""
        if not given:
            raise StartError(
                "the recaster program is not on the PATH: name it in the add-on's preferences "
                "(after ./scripts/demo it is .venv/bin/recaster in Recaster's folder)"
            )
        path = Path(given).expanduser()
        for suffix in ("", ".exe"):  # a virtual environment's folder is good enough
            for inside in ("", "recaster", "bin/recaster", "Scripts/recaster", ".venv/bin/recaster"):
                found = Path(str(path / inside) + suffix)
                if found.is_file() and os.access(found, os.X_OK):
                    return found
        raise StartError(f"{path}: is not the recaster program; name it in the add-on's preferences")

    def token(self) -> str:
        """The token of the engine of this data folder; "" where it never ran."""
        from recaster.store.folder import DataFolder

        folder = DataFolder.default() if self.data is None else DataFolder(self.data)
        try:
            return folder.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""


class LocalEngine:
    """The engine that this program started, if it did."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._log: Path | None = None
        self._stopping_since = 0.0

    def start(self, installation: Installation) -> None:
        """Start it, unless it runs; it takes a few seconds until it answers.

        Raises:
            StartError: there is none, or it can't be run.
        """
        if self.running:
            if not self._stopping_since:
                return
            if time.monotonic() - self._stopping_since < GRACE_S:
                raise StartError("the engine is still stopping; try again in a moment")
            self._process.kill()
            self._process.wait()
        command = [installation.program(), "serve", "--listen", installation.target]
        if installation.data is not None:
            command += ["--data", installation.data]
        # Blender's own Python must not be taken for the engine's.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        apart = (
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
            if sys.platform == "win32"
            else {"start_new_session": True}  # Ctrl-C in Blender's terminal is for Blender
        )
        try:
            installation.log.parent.mkdir(parents=True, exist_ok=True)
            with installation.log.open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    env=clean,
                    **apart,
                )
        except OSError as error:
            raise StartError(f"{error.filename or command[0]}: {error.strerror or error}") from None
        self._log, self._stopping_since = installation.log, 0.0

    @property
    def running(self) -> bool:
        """Whether the engine that was started here still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end, and does so."""
        return self.running and self._stopping_since > 0

    def last_words(self) -> str:
        """Why an engine that was started here has ended; "" where it hasn't, was stopped, or none was."""
        if self._process is None or self._log is None or self._stopping_since:
            return ""
        if self._process.poll() in (None, 0):
            return ""
        with contextlib.suppress(OSError):
            lines = self._log.read_bytes()[-LOG_TAIL:].decode("utf-8", "replace").strip().splitlines()
            return lines[-1] if lines else f"it ended with exit code {self._process.poll()}"
        return ""

    def stop(self) -> None:
        """Let the engine that was started here save what its jobs did and end, without waiting for that."""
        if self.running and not self.stopping:
            self._stopping_since = time.monotonic()
            self._process.terminate()
