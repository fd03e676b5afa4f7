# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths of engines and of Pythons on every platform. Knows nothing of Blender, and looks at no file."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class System(NamedTuple):
    """A machine, as far as its paths depend on it.

    Attributes:
        platform: as ``sys.platform`` has it.
        environment: variables of the program; a Blender that was opened by a click has few.
        home: the user's own folder.
    """

    platform: str
    environment: Mapping[str, str]
    home: str

    @classmethod
    def own(cls) -> Self:
        """This machine."""
        return cls(sys.platform, os.environ, str(Path.home()))

    @property
    def is_windows(self) -> bool:
        """Tells if paths are Windows'."""
        return self.platform == "win32"

    def path(self, text: str) -> PurePath:
        """Makes a path of this machine; ~ is the user's own folder."""
        flavour = PureWindowsPath if self.is_windows else PurePosixPath
        return flavour(self.home, text[2:]) if text.startswith("~/") else flavour(text)

    def folder(self, variable: str, otherwise: str) -> PurePath:
        """Reads a folder that a variable names, which must be a whole path."""
        named = self.path(self.environment.get(variable, ""))
        return named if named.is_absolute() else self.path(otherwise)


def engine_folder(system: System) -> PurePath:
    """Names the folder that the engine is installed into unless another is chosen; Windows wants it short."""
    if system.is_windows:
        return system.folder("LOCALAPPDATA", "~/AppData/Local") / "Programs" / "Recaster"
    if system.platform == "darwin":
        return system.path("~/Library/Application Support/Recaster Engine")
    return system.folder("XDG_DATA_HOME", "~/.local/share") / "recaster-engine"


def usual_folders(system: System) -> list[PurePath]:
    """Lists where engines are: a Blender that wasn't started in a terminal has a short search path."""
    found = [engine_folder(system)]
    if system.is_windows:
        found += [
            folder / "Recaster"
            for folder in (
                system.folder("ProgramFiles", "C:/Program Files"),
                system.folder("ProgramData", "C:/ProgramData"),
            )
        ]
        found += [system.path("~/Recaster")]
    else:
        names = ("~/.local/bin", "/opt/homebrew/bin", "/usr/local/bin", "~/Recaster", "~/recaster")
        found += [system.path(name) for name in (*names, "/opt/recaster")]
    return found


def python_of(environment: Path, platform: str = sys.platform) -> Path:
    """Names the Python of a virtual environment."""
    return environment / ("Scripts/python.exe" if platform == "win32" else "bin/python")


def program_of(environment: Path, platform: str = sys.platform) -> Path:
    """Names the engine's program in a virtual environment."""
    return environment / ("Scripts/recaster.exe" if platform == "win32" else "bin/recaster")


def python_patterns(system: System, versions: Iterable[str]) -> list[str]:
    """Lists where Pythons of some versions (X.Y) are, in order, as patterns of paths."""
    found: list[PurePath] = []
    for version in versions:
        if system.is_windows:
            short = f"Python{version.replace('.', '')}"
            local = system.folder("LOCALAPPDATA", "~/AppData/Local")
            programs = system.folder("ProgramFiles", "C:/Program Files")
            data = system.folder("APPDATA", "~/AppData/Roaming")
            found += [
                local / "Programs" / "Python" / short / "python.exe",
                programs / short / "python.exe",
                data / "uv" / "python" / f"cpython-{version}*" / "python.exe",
            ]
            continue
        name = f"python{version}"
        if system.platform == "darwin":
            frameworks = "/Library/Frameworks/Python.framework/Versions"
            found.append(system.path(f"{frameworks}/{version}/bin/{name}"))
        folders = ("/opt/homebrew/bin", "/usr/local/bin", "/usr/bin", "~/.local/bin")
        found += [system.path(f"{folder}/{name}") for folder in folders]
        found.append(system.path(f"~/.pyenv/versions/{version}.*/bin/{name}"))
        found.append(system.path(f"~/.local/share/uv/python/cpython-{version}*/bin/{name}"))
    return [str(one) for one in found]


def uv_places(system: System) -> list[PurePath]:
    """Lists where uv is, where it is."""
    name = "uv.exe" if system.is_windows else "uv"
    folders = ["~/.local/bin", "~/.cargo/bin"]
    if not system.is_windows:
        folders += ["/opt/homebrew/bin", "/usr/local/bin", "/usr/bin"]
    return [system.path(folder) / name for folder in folders]
