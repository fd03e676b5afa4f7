# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of the add-on's preferences: the engine that does the work, folders on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from recaster.files import atomic_file

from .engine.install_files import read_installed
from .engine.local import Installation
from .engine.places import System
from .engine.places import engine_folder as usual_engine_folder
from .translations import translate

if TYPE_CHECKING:
    from recaster.client import Address

PACKAGE = __package__
"""Blender's name of the add-on."""
_FOLDER_NOTE = "engine-folder.txt"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")


class ConnectError(Exception):
    """The preferences don't let the add-on talk to an engine; the message says what to do."""


def preferences() -> Any:
    """The add-on's preferences."""
    return bpy.context.preferences.addons[PACKAGE].preferences


def cache_folder() -> Path:
    """Returns the folder of pictures and of unsaved files' results."""
    given = preferences().cache
    if given:
        return Path(bpy.path.abspath(given))
    return Path(bpy.utils.extension_path_user(PACKAGE, create=True))


def results_folder() -> tuple[Path, bool]:
    """Returns the folder of swapped clips, and whether that is beside the saved file."""
    given = preferences().results
    beside = given.startswith("//")
    if beside and not bpy.data.filepath:
        return cache_folder() / "results", False
    return Path(bpy.path.abspath(given)), beside


def engine_folder() -> Path:
    """Returns the folder that the engine was installed into last, or is unless another is chosen."""
    note = Path(bpy.utils.extension_path_user(PACKAGE)) / _FOLDER_NOTE
    try:
        return Path(note.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return Path(usual_engine_folder(System.own()))


def remember_engine_folder(folder: Path) -> None:
    """Notes where the engine is installed: preferences are lost in a crash."""
    with atomic_file(Path(bpy.utils.extension_path_user(PACKAGE, create=True)) / _FOLDER_NOTE) as temporary:
        temporary.write_text(str(folder), encoding="utf-8")


def installation() -> Installation:
    """The engine of this machine."""
    chosen = preferences()
    data = Path(bpy.path.abspath(chosen.data)) if chosen.data else None
    command = bpy.path.abspath(chosen.command) if chosen.command else ""
    if not command:
        installed = read_installed(engine_folder())
        command = "" if installed is None else str(installed.program)
    return Installation(command, data, chosen.port, cache_folder() / "engine.log")


def address() -> Address:
    """Returns the address of the engine that does the work.

    Raises:
        ConnectError: something is missing, or Blender may not go online.
        UsageError: the token can't be one.
    """
    from recaster.client import Address

    chosen = preferences()
    if chosen.where == "local":
        here = installation()
        return Address(here.target, here.token() or "none-yet")
    if not chosen.host or not chosen.token:
        raise ConnectError(
            translate("Fill in the address and the token of the engine in the add-on's preferences")
        )
    if not is_loopback(chosen.host) and not bpy.app.online_access:
        raise ConnectError(
            translate(
                "Blender may not go online: allow it in Preferences > System > Network, or use an engine on "
                "this machine"
            )
        )
    if not is_loopback(chosen.host) and not chosen.authority:
        raise ConnectError(
            translate(
                "Name the engine's CA certificate in the preferences, or the token would travel in the clear"
            )
        )
    files = [
        Path(bpy.path.abspath(path)) if path else None
        for path in (chosen.authority, chosen.certificate, chosen.key)
    ]
    return Address(chosen.host, chosen.token, *files)


def is_loopback(host: str) -> bool:
    """Tells if an address is on this very machine."""
    return host.startswith("unix:") or host.rpartition(":")[0] in LOOPBACK
