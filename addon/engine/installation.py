# SPDX-License-Identifier: GPL-3.0-or-later
"""The installation of this machine's engine as Blender has it: what is there, what runs, what comes of it."""

from __future__ import annotations

import atexit
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from .. import messages
from ..config import PACKAGE, engine_folder, installation, preferences, remember_engine_folder
from ..state import addon_state
from ..translations import translate
from . import session
from .install_files import WORK, Installed, read_installed, read_notes
from .local import StartError

if TYPE_CHECKING:
    from .installer import Installer
    from .pythons import Choice
    from .release import Release
    from .wheel_source import WheelSource

# What installs is loaded when somebody looks at it: an engine is installed once.

ENGINE_FILE = Path(__file__).parents[1] / "engine.json"
LOOK_S = 2.0
"""Seconds for which what was found on disk is taken to be as it was: panels ask with every picture."""
TICK_S = 0.25
NO_COMPUTER = "There is no engine for this computer: TensorFlow, which it needs, isn't made for it any more"
NOT_PACKED = "This add-on was packed without word of its engine: name Recaster's folder as Program"
OFFLINE = "Blender was started in offline mode: start it without that"
RUNNING = "Stop the engine first"
RUNNING_ELSEWHERE = "Stop the engine first, where it was started: it runs, but this Blender didn't start it"


class Found(NamedTuple):
    """Engines that are on disk.

    Attributes:
        has_engine: whether there is an engine that can be started.
        trouble: why not, where somebody has named it.
        installed: the engine that was installed from here, if one was.
        share: part of an installation that isn't finished, 0 of a rest to be removed; None where is none.
    """

    has_engine: bool
    trouble: str
    installed: Installed | None
    share: float | None


class InstallView:
    """Knowledge of installing an engine.

    Attributes:
        installer: what installs or removes one now.
        trouble: why that failed last.
        found: what is on disk, as it was last seen.
        looked: when that was.
        shown: what panels were told to show.
    """

    def __init__(self) -> None:
        self.installer: Installer | None = None
        self.trouble: str = ""
        self.found: Found | None = None
        self.looked: float = 0.0
        self.shown: tuple[Any, ...] = ()


def view() -> InstallView:
    """Knowledge of it."""
    if addon_state.install is None:
        addon_state.install = InstallView()
    return addon_state.install


def found_now() -> Found:
    """Looks what is on disk, not more often than every few seconds."""
    known = view()
    if known.found is None or time.monotonic() - known.looked > LOOK_S:
        folder = engine_folder()
        installed = read_installed(folder)
        notes = read_notes(folder)
        try:
            program = installation().program()
            is_ours = installed is not None and program == installed.program
            has_engine = installed.has_python if is_ours and installed is not None else True
            trouble = ""
        except StartError as error:
            has_engine = False
            trouble = str(error) if preferences().command else ""
        known.found = Found(has_engine, trouble, installed, None if notes is None else notes.share)
        known.looked = time.monotonic()
    return known.found


def forget_found() -> None:
    """Lets the next look be a new one."""
    view().found = None


def release() -> Release | None:
    """The engine of this add-on's version."""
    return _read_once(ENGINE_FILE)


@lru_cache(maxsize=1)
def _read_once(path: Path) -> Release | None:
    from .release import read_release

    return read_release(path)


def why_not(engine: Release | None) -> str:
    """Says why no engine can be installed; "" where one can."""
    if engine is None:
        return translate(NOT_PACKED)
    if not engine.pythons:
        return translate(NO_COMPUTER)
    if not bpy.app.online_access and bpy.app.online_access_override:
        return translate(OFFLINE)
    return in_use()


def in_use() -> str:
    """Says why the engine's files have to stay as they are; "" where nothing runs of them."""
    if addon_state.local.running:
        return translate(RUNNING)
    is_here = preferences().where == "local" and session.last_engine_state().online
    return translate(RUNNING_ELSEWHERE) if is_here else ""


def pythons(engine: Release) -> list[Choice]:
    """Pythons that the engine may run in, the best first."""
    from .pythons import choices

    return choices(engine.pythons, (sys.executable, f"{sys.version_info.major}.{sys.version_info.minor}"))


def source(engine: Release, chosen: str) -> WheelSource | None:
    """Finds where the engine's wheel comes from; None where somebody has to choose the file.

    That is the file that was chosen, the repository that the add-on came from, or the file beside the zip
    that was installed from disk, as long as Blender remembers that.
    """
    from .wheel_source import WheelSource

    if chosen:
        return WheelSource(file=Path(bpy.path.abspath(chosen)))
    name = PACKAGE.split(".")[1] if PACKAGE.count(".") > 1 else ""
    for one in bpy.context.preferences.extensions.repos:
        if one.module == name and one.use_remote_url and one.remote_url:
            return WheelSource(one.remote_url, one.access_token if one.use_access_token else "")
    last = bpy.context.window_manager.operator_properties_last("extensions.package_install_files")
    beside = Path(last.filepath).parent / engine.wheel if last is not None and last.filepath else None
    return WheelSource(file=beside) if beside is not None and beside.is_file() else None


def begin(engine: Release, folder: Path, place: WheelSource) -> None:
    """Begins to install, or goes on with it."""
    from .installer import Installer, Order

    remember_engine_folder(folder)
    made = Installer()
    made.install(
        Order(
            folder,
            engine,
            pythons(engine),
            lambda path, check: place.fetch(engine, path, check),
            own=sys.executable,
        )
    )
    _follow(made)


def begin_removal(*, is_unfinished_only: bool = False) -> None:
    """Begins to remove what was installed, or that alone which isn't finished."""
    from .installer import Installer

    made = Installer()
    made.remove(engine_folder(), is_unfinished_only=is_unfinished_only)
    _follow(made)


def log_path() -> Path:
    """Names the log of an installation that isn't finished."""
    return engine_folder() / WORK / "install.log"


def stop() -> None:
    """Lets an installation end; Blender closes, or somebody wants it."""
    if addon_state.install is not None and addon_state.install.installer is not None:
        addon_state.install.installer.stop()


def _follow(installer: Installer) -> None:
    known = view()
    known.installer = installer
    known.trouble = ""
    atexit.unregister(stop)
    atexit.register(stop)
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=TICK_S, persistent=True)


def tick() -> float | None:
    """Takes what has come of an installation; the timer's work, as long as there is one."""
    known = view()
    installer = known.installer
    if installer is None:
        return None
    if PACKAGE not in bpy.context.preferences.addons:  # it was disabled meanwhile
        installer.stop()
        return None
    progress = installer.progress
    shown = (progress.stage, round(progress.share, 3), installer.has_ended)
    if shown != known.shown:
        known.shown = shown
        session.redraw()
    if not installer.has_ended:
        return TICK_S
    known.installer = None
    known.trouble = installer.trouble
    forget_found()
    if installer.is_done and found_now().installed is not None:
        _use_installed()
    session.reconnect()
    session.redraw()
    return None


def _use_installed() -> None:
    """Starts the engine that has just been installed."""
    chosen = preferences()
    chosen.where = "local"
    chosen.command = ""
    bpy.context.preferences.is_dirty = True
    try:
        addon_state.local.start(installation())
    except StartError as error:
        view().trouble = messages.of_error(error)
