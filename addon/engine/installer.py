# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs the engine of this machine, in a thread, and removes it. Knows nothing of Blender.

Packages are installed in parts by pip, which takes files of the known hashes only, and each part is noted: an
installation that was stopped, or whose Blender crashed, goes on with the next.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recaster.errors import DiskFullError, OutputError

from ..translations import translate
from . import install_files, pythons
from .install_files import WORK, Installed, Notes
from .install_programs import PROGRESS, ProgramError, Programs, StoppedInstall, end_orphan, ignore
from .install_words import FULL, IN_USE, InstallError, of_output
from .places import program_of, python_of
from .release import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .pythons import Choice
    from .release import Release, Requirement

MARGIN_BYTES = 200 << 20
"""Room that is left on a disk."""
INSTALLED_SHARE = 0.3
"""Part of the work of a package that comes after its download."""
CHECK = "import ai_edge_litert, av, c2pa, cv2, dlib, numpy, scipy, tensorflow, recaster"
PROGRESS_OPTION = "--progress-bar=raw"
NO_PYTHON = (
    "The engine needs Python 3.11, 3.12 or 3.13, and none that can be used is here: install one from its "
    "makers, or use a Blender from blender's own site, and try again"
)
BROKEN = (
    "The engine was installed but doesn't run on this computer: Show Log says more. Go On looks once more "
    "whether it runs; Remove What Is There lets you begin anew"
)
NO_ROOM = (
    "The disk has too little room: {needed:.1f} GB are needed, {free:.1f} GB are free. Make room, or choose "
    "another folder"
)
_PLAIN = (
    "--no-deps",
    "--no-input",
    "--no-cache-dir",
    "--disable-pip-version-check",
    "--no-warn-script-location",
)
_PINNED = (*_PLAIN, "--require-hashes")


@dataclass(frozen=True)
class Progress:
    """Progress of an installation.

    Attributes:
        stage: what is being done.
        share: part of the work that is done.
        eta_s: seconds that the rest will take; None as long as nobody can tell.
    """

    stage: str = field(default_factory=lambda: translate("Preparing"))
    share: float = 0.0
    eta_s: float | None = None


class Order(NamedTuple):
    """An engine that is to be installed.

    Attributes:
        folder: where to.
        release: the engine.
        choices: Pythons to try, in order.
        fetch_wheel: gets the engine's own wheel, by the path that it is to have; its second argument is
            called for each piece and may raise.
        own: Blender's Python, whose version may be one that the engine doesn't run in.
        room: tells how many bytes are free on the disk of a folder.
    """

    folder: Path
    release: Release
    choices: Sequence[Choice]
    fetch_wheel: Callable[[Path, Callable[[], None]], None]
    own: str = ""
    room: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free


class Installer:
    """One installation, or removal, in a thread; panels read ``progress``, ``trouble`` and ``has_ended``."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.trouble = ""
        """Why it failed, in an editor's words."""
        self.is_done = False
        """Whether it ended well."""
        self._thread: threading.Thread | None = None
        self._programs = Programs()
        self._begun: tuple[float, float] | None = None  # when, and what share was done then

    @property
    def has_ended(self) -> bool:
        """Tells if it goes on no more."""
        return self._thread is not None and not self._thread.is_alive()

    def install(self, order: Order) -> None:
        """Begins to install an engine."""
        self._start(lambda: self._install(order))

    def remove(self, folder: Path, *, is_unfinished_only: bool = False) -> None:
        """Begins to remove what is in a folder, or that alone which isn't finished."""
        self.progress = Progress(
            translate("Removing what was begun" if is_unfinished_only else "Removing the engine")
        )
        self._start(lambda: install_files.remove(folder, is_unfinished_only=is_unfinished_only))

    def stop(self) -> None:
        """Lets it end at once; what is done stays done."""
        self._programs.stop()

    def join(self, timeout_s: float | None = None) -> None:
        """Waits until it has ended."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _start(self, work: Callable[[], None]) -> None:
        def body() -> None:
            try:
                work()
                self.is_done = True
            except StoppedInstall:
                pass
            except (InstallError, OutputError) as error:
                self.trouble = translate(FULL) if isinstance(error, DiskFullError) else str(error)
            except (ProgramError, OSError) as error:
                self.trouble = of_output(str(error))

        self._thread = threading.Thread(target=body, name="recaster-install", daemon=True)
        self._thread.start()

    def _install(self, order: Order) -> None:
        with install_files.alone(order.folder):
            end_orphan(order.folder)
            notes = install_files.read_notes(order.folder)
            if notes is None or not _can_go_on(order, notes):
                notes = self._begin_anew(order, notes)
            wanted = order.release.packages(notes.python)
            missing = [one for one in wanted if one.name not in notes.done]
            total = order.release.download_bytes(notes.python)
            done = sum(one.bytes for one in wanted if one.name in notes.done)
            _check_room(order, order.release.disk_bytes(notes.python) * (1 - done / total))
            self._tell(translate("Downloading Recaster"), done / total)
            order.fetch_wheel(order.folder / WORK / order.release.wheel, self._programs.check)
            done += order.release.bytes
            for batch in batches(missing):
                self._install_batch(order.folder, notes, batch, (done, total))
                done += sum(one.bytes for one in batch)
            self._finish(order, notes)

    def _begin_anew(self, order: Order, before: Notes | None) -> Notes:
        """Makes an environment with pip, whose name is noted before it is there."""
        live = install_files.read_installed(order.folder)
        if before is not None and (live is None or live.environment != before.environment):
            try:
                install_files.remove_environment(order.folder, before.environment)
            except OSError as error:
                raise InstallError(translate(IN_USE, why=error.strerror or error)) from error
        _check_room(order, order.release.disk_bytes(min(order.release.pythons)))
        notes = Notes(order.release.digest, install_files.new_environment(order.folder))
        install_files.write_notes(order.folder, notes)

        def run(command: Sequence[object]) -> str:
            fetched = install_files.python_folder(order.folder, notes.environment)
            return self._programs.run(order.folder, command, fetched=fetched)

        why = translate(NO_PYTHON)
        for choice in order.choices:
            self._tell(translate("Preparing Python" if choice.path else "Downloading Python"), 0.0)
            environment = order.folder / notes.environment
            pip = _write_list(order.folder, [order.release.tool("pip", choice.version)], "pip.txt")
            try:
                pythons.make_environment(environment, choice, run, lambda: self._fetch_uv(order), pip)
            except ProgramError as error:
                why = of_output(str(error), why)
                continue
            notes.python = choice.version
            break
        else:
            raise InstallError(why)
        self._pip(order.folder, notes, [order.release.tool("pip", notes.python)])
        install_files.write_notes(order.folder, notes)
        return notes

    def _fetch_uv(self, order: Order) -> Path:
        """Fetches the known uv by the pip that some Python carries along, or finds one (ProgramError)."""
        target = order.folder / WORK / "uv"
        tool = order.release.tool("uv", min(order.release.pythons))
        why = ProgramError()
        for python in filter(None, [order.own, *(one.path for one in order.choices)]):
            try:
                said = self._programs.run(order.folder, [python, "-I", "-c", pythons.BUNDLED_PIP])
                pip = Path(said.strip().splitlines()[-1]) / "pip"
                listed = _write_list(order.folder, [tool])
                self._programs.run(
                    order.folder,
                    [python, "-I", pip, "install", "--target", target, *_PINNED, "-r", listed],
                )
            except ProgramError as error:
                why = error
            except IndexError:
                continue  # it carries no pip
            fetched = next((one for one in target.glob("bin/*") if one.stem == "uv"), None)
            if fetched is not None:
                return fetched
        found = pythons.find_uv()
        if found is None:
            raise why
        return found

    def _install_batch(
        self, folder: Path, notes: Notes, batch: list[Requirement], so_far: tuple[int, int]
    ) -> None:
        done, total = so_far
        what = batch[0].name if len(batch) == 1 else translate("{count} packages", count=len(batch))
        size = sum(one.bytes for one in batch)

        def hear(got: float) -> None:
            stage = translate("Downloading {what}" if got < size else "Installing {what}", what=what)
            self._tell(stage, (done + got * (1 - INSTALLED_SHARE)) / total)

        hear(0.0)
        self._pip(folder, notes, batch, _Counter(size, hear).read)
        notes.done += [one.name for one in batch]
        notes.share = (done + size) / total
        install_files.write_notes(folder, notes)
        self._tell(translate("Installed {what}", what=what), notes.share)

    def _pip(
        self, folder: Path, notes: Notes, wanted: list[Requirement], hear: Callable[[str], None] = ignore
    ) -> None:
        """Installs packages by pip, which checks their hashes; nothing else is taken."""
        command = [python_of(folder / notes.environment), "-I", "-m", "pip", "install", *_PINNED]
        is_source = any(one.is_source for one in wanted)
        command.append("--no-build-isolation" if is_source else "--only-binary=:all:")
        if wanted[0].name != "pip":  # which, of whatever version it is now, makes itself the known one
            command.append(PROGRESS_OPTION)
        self._programs.run(folder, [*command, "-r", _write_list(folder, wanted)], hear)

    def _finish(self, order: Order, notes: Notes) -> None:
        """Installs the engine itself, looks whether it works, and lets it be the one that is installed."""
        before = install_files.read_installed(order.folder)
        environment = order.folder / notes.environment
        self._tell(translate("Checking the engine"), 0.99)
        wheel = order.folder / WORK / order.release.wheel
        python = [python_of(environment), "-I"]
        self._programs.run(order.folder, [*python, "-m", "pip", "install", "--no-index", *_PLAIN, wheel])
        try:
            self._programs.run(order.folder, [*python, "-c", CHECK])
            self._programs.run(order.folder, [program_of(environment), "--version"])
        except ProgramError:
            raise InstallError(translate(BROKEN)) from None
        install_files.write_installed(Installed(order.folder, order.release.version, notes.environment))
        with contextlib.suppress(
            OSError, OutputError
        ):  # what is in use stays noted, and can be removed later
            if before is not None and before.environment != notes.environment:
                install_files.write_notes(order.folder, Notes("", before.environment))
                install_files.remove_environment(order.folder, before.environment)
            install_files.clear_work(order.folder)

    def _tell(self, stage: str, share: float) -> None:
        now = time.monotonic()
        if self._begun is None or share <= self._begun[1]:
            self._begun = (now, share)
        gained = share - self._begun[1]
        eta_s = (now - self._begun[0]) * (1 - share) / gained if gained > 0 else None
        self.progress = Progress(stage, share, eta_s)
        self._programs.check()


class _Counter:
    """Bytes that pip has downloaded, by its lines "Progress A of B", which begin anew for each file."""

    def __init__(self, size: float, hear: Callable[[float], None]) -> None:
        self._size = size
        self._hear = hear
        self._before = 0.0
        self._last = (0.0, 0.0)

    def read(self, line: str) -> None:
        """Reads a line of pip's."""
        found = PROGRESS.match(line)
        if found is None:
            return
        done, total = map(float, found.groups())
        if total != self._last[1] or done < self._last[0]:
            self._before += self._last[1]
        self._last = (done, total)
        self._hear(min(self._size, self._before + done))


def _can_go_on(order: Order, notes: Notes) -> bool:
    """Tells if an environment that was begun is of this engine, and whole so far."""
    is_same = notes.release == order.release.digest and notes.python in order.release.pythons
    return is_same and install_files.has_python(order.folder / notes.environment)


def _check_room(order: Order, needed: float) -> None:
    free = order.room(order.folder)
    if free < needed + MARGIN_BYTES:
        raise InstallError(translate(NO_ROOM, needed=needed / 1e9, free=free / 1e9))


def _write_list(folder: Path, wanted: list[Requirement], name: str = "wanted.txt") -> Path:
    path = folder / WORK / name
    path.write_text("".join(f"{one.line}\n" for one in wanted), encoding="ascii")
    return path
