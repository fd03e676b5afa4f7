# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine on this machine: where it is installed, starting and stopping it. Knows nothing of Blender."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recaster.files import atomic_file

from ..translations import translate
from .install_files import read_installed
from .places import System, usual_folders

if TYPE_CHECKING:
    import subprocess

    from recaster.store.folder import DataFolder

    from . import local_process

HOST = "127.0.0.1"
LOG_TAIL = 64 << 10
"""Bytes of the log's end that are read."""
GRACE_S = 70.0
"""Seconds that an engine may take to save what its jobs did."""
NOTE = "blender-engine.json"
"""In the data folder: which process was started from Blender, so that another Blender can stop it."""
NO_PROGRAM = (
    "Recaster isn't found on this machine: press Install Engine, or name its folder as Program in the "
    "add-on's preferences"
)


class StartError(Exception):
    """The engine can't be started; the message says what to do."""


class Installation(NamedTuple):
    """Places of the engine of this machine.

    Attributes:
        command: the ``recaster`` program or its folder; empty to look where programs usually are.
        data: the engine's data folder; None for its default.
        port: where it listens on this machine, where the system has no sockets in folders (Windows).
        log: where it writes what happens.
    """

    command: str
    data: Path | None
    port: int
    log: Path

    @property
    def target(self) -> str:
        """The address at which it answers."""
        from recaster.settings.paths import HAS_SOCKETS, own_address

        return own_address(self.folder().path) if HAS_SOCKETS else f"{HOST}:{self.port}"

    def program(self) -> Path:
        """The program (StartError where there is none)."""
        if self.command:
            found = program_in(Path(self.command).expanduser())
            if found is None:
                raise StartError(
                    translate(
                        "Recaster isn't in {place}: name its folder in the add-on's preferences",
                        place=self.command,
                    )
                )
            return found
        on_path = shutil.which("recaster")
        places = [Path(on_path)] if on_path else map(Path, usual_folders(System.own()))
        found = next((one for one in map(program_in, places) if one is not None), None)
        if found is None:
            raise StartError(translate(NO_PROGRAM))
        return found

    def folder(self) -> DataFolder:
        """The engine's data folder."""
        from recaster.store.folder import DataFolder

        return DataFolder.default() if self.data is None else DataFolder(self.data)

    def token(self) -> str:
        """The token of the engine of this data folder; "" where it never ran."""
        try:
            return self.folder().token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""


def program_in(path: Path) -> Path | None:
    """The program that a path names, or that lies in a folder as it is installed on any platform."""
    installed = read_installed(path)
    if installed is not None:
        return installed.program
    for inside in (
        "", "recaster", "bin/recaster", "Scripts/recaster", ".venv/bin/recaster", ".venv/Scripts/recaster",
    ):  # fmt: skip
        for suffix in ("", ".exe"):
            found = Path(str(path / inside) + suffix)
            if found.is_file() and os.access(found, os.X_OK):
                return found
    return None


def read_tail(log: Path) -> str:
    """The end of a log; "" where it can't be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_TAIL))
            return file.read(LOG_TAIL).decode("utf-8", "replace")
    except OSError:
        return ""


class LocalEngine:
    """The engine that was started from Blender: this one, or one that is gone."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._found: local_process.Process | None = None  # one that another Blender has started
        self._note: Path | None = None
        self._log: Path | None = None
        self._stopping_since = 0.0
        self.was_stopped = False
        """Whether somebody asked it to end, and it is to stay so until it is started again."""

    def start(self, installation: Installation) -> None:
        """Starts it, unless it runs; it takes a few seconds until it answers.

        Raises:
            StartError: there is none, or it can't be run.
        """
        import subprocess  # here: it takes longer to load than anything else that Blender's start waits for

        from . import local_process

        self.adopt(installation)
        if self.running:
            if not self._stopping_since:
                return
            if time.monotonic() - self._stopping_since < GRACE_S:
                raise StartError(translate("The engine is still stopping: try again in a moment"))
            self._end()
        command = [installation.program(), "serve", "--listen", installation.target]
        if installation.data is not None:
            command += ["--data", installation.data]
        # Blender's own Python must not be taken for the engine's.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        try:
            installation.log.parent.mkdir(parents=True, exist_ok=True)
            with installation.log.open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    env=clean,
                    **local_process.apart(),
                )
        except OSError as error:
            why = translate("The engine can't be started: {why}", why=error.strerror or error)
            raise StartError(why) from None
        self._found = None
        self._log = installation.log
        self._stopping_since = 0.0
        self.was_stopped = False
        self._remember(installation.folder().path / NOTE, local_process.Process.of(self._process.pid))

    def _remember(self, note: Path, process: local_process.Process | None) -> None:
        """Notes the process and its Blender, for the Blender that comes after a crash of this one."""
        from . import local_process

        self._note = note
        own = local_process.Process.of(os.getpid())
        if process is None or own is None:
            return  # only this Blender can stop it
        said = {"engine": [process.pid, process.born], "blender": [own.pid, own.born]}
        with contextlib.suppress(OSError):
            note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with atomic_file(note) as temporary:
                temporary.write_text(json.dumps(said), encoding="ascii")

    def adopt(self, installation: Installation) -> None:
        """Takes charge of the engine of this data folder where another Blender started it, and is gone."""
        from . import local_process

        note = installation.folder().path / NOTE
        if self._owned or (self._found is not None and note == self._note and self._found.alive):
            return
        self._found = None
        self._note = note
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(note.read_text(encoding="ascii"))
            engine, blender = (
                local_process.Process(int(pid), str(born)) for pid, born in (said["engine"], said["blender"])
            )
            if engine.alive and (blender.pid == os.getpid() or not blender.alive):
                self._found = engine
                self._stopping_since = 0.0
                self._remember(note, engine)

    @property
    def _owned(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def running(self) -> bool:
        """Tells if the engine that was started from Blender still runs."""
        return self._owned or (self._found is not None and self._found.alive)

    @property
    def stopping(self) -> bool:
        """Tells if it was asked to end, and does so."""
        return self._stopping_since > 0 and self.running

    def crashed(self) -> str:
        """Says why an engine that was started here has ended; "" where it hasn't, or was stopped."""
        if self._process is None or self._stopping_since or self._process.poll() in (None, 0):
            return ""
        said = "" if self._log is None else read_tail(self._log)
        if "another engine serves this folder" in said:
            return translate(
                "Another engine works with this data folder already: stop that one, or choose another folder"
            )
        if "listened on" in said or "address already in use" in said.lower():
            return translate(
                "Another program uses this port: choose another port in the add-on's preferences"
            )
        return translate("The engine stopped unexpectedly: start it again, and its jobs go on")

    def stop(self) -> None:
        """Lets the engine save what its jobs did and end, without waiting for that."""
        from . import local_process

        self.was_stopped = True
        if self.running and not self.stopping:
            self._stopping_since = time.monotonic()
            if self._owned:
                local_process.ask_to_end(self._process.pid)
            elif self._found is not None:
                self._found.ask_to_end()

    def _end(self) -> None:
        """Ends an engine that doesn't end when it is asked to."""
        if self._owned:
            self._process.kill()
            self._process.wait()
        elif self._found is not None:
            self._found.kill()
        self._found = None
