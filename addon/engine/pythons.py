# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python that the engine runs in: Blender's own, else one of this machine, else one that is fetched.

Blender's own is asked for first; it makes virtual environments where it was packed with all that this needs.
"""

from __future__ import annotations

import glob
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..translations import translate
from .install_programs import ProgramError
from .places import System, python_of, python_patterns, uv_places

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

PROBE = """
import json, sys
import ensurepip, venv
is_wide = sys.maxsize > 2**32
free = getattr(sys.flags, "gil", 1) == 0 or "t" in getattr(sys, "abiflags", "")
print(json.dumps([sys.executable, "%d.%d" % sys.version_info[:2], is_wide and not free]))
"""
"""Says what a Python is; fails where it can't make environments."""
BUNDLED_PIP = """
import glob, os, ensurepip
print(glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl"))[0])
"""


class Choice(NamedTuple):
    """A Python to try.

    Attributes:
        path: the program; empty where one is to be fetched.
        version: X.Y; of one on this machine what its name says.
        is_blenders: whether Blender brought it along.
    """

    path: str
    version: str
    is_blenders: bool = False

    @property
    def words(self) -> str:
        """Says which it is, for people."""
        if self.is_blenders:
            return translate("Blender's own Python {version}", version=self.version)
        if self.path:
            return translate("Python {version} of this machine", version=self.version)
        return translate(
            "a Python {version} that is downloaded, too, by uv (about 60 MB more)", version=self.version
        )


def choices(supported: Collection[str], own: tuple[str, str], system: System | None = None) -> list[Choice]:
    """Lists Pythons that may do, without running any, the best first; the last is always to be fetched.

    Args:
        supported: versions (X.Y) that the engine runs in.
        own: program and version of Blender's own.
        system: another machine than this.
    """
    machine = System.own() if system is None else system
    newest_first = sorted(supported, key=lambda one: tuple(map(int, one.split("."))), reverse=True)
    found = [Choice(*own, is_blenders=True)] if own[1] in supported and own[0] else []
    for version in newest_first:
        on_path = shutil.which(f"python{version}", path=machine.environment.get("PATH", ""))
        places = [on_path] if on_path else []
        for pattern in python_patterns(machine, [version]):
            places += sorted(glob.glob(pattern), reverse=True)  # noqa: PTH207 - whole paths are patterns
        found += [Choice(path, version) for path in dict.fromkeys(places)]
    return [*found, Choice("", newest_first[0])]


def make_environment(
    folder: Path, choice: Choice, run: Callable[..., str], fetch_uv: Callable[[], Path], pip: Path
) -> None:
    """Makes a virtual environment with pip in a folder that isn't there.

    Args:
        folder: of the environment.
        choice: the Python.
        run: runs a program.
        fetch_uv: finds or fetches uv.
        pip: a list of requirements with pip alone, with its hashes.

    Raises:
        ProgramError: this Python can't; what it said.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if choice.path:
        try:
            path, version, is_fit = json.loads(run([choice.path, "-I", "-c", PROBE]).strip().splitlines()[-1])
        except (ValueError, IndexError) as error:
            raise ProgramError from error
        if version != choice.version or not is_fit:
            raise ProgramError
        try:
            run([path, "-I", "-m", "venv", folder])
            run([python_of(folder), "-I", "-m", "pip", "--version"])
        except ProgramError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return
    uv = fetch_uv()
    run([uv, "venv", "--python-preference", "only-managed", "--python", choice.version, folder])
    run([uv, "pip", "install", "--python", python_of(folder), "--require-hashes", "--no-deps", "-r", pip])


def find_uv(system: System | None = None) -> Path | None:
    """Finds uv on this machine."""
    machine = System.own() if system is None else system
    on_path = shutil.which("uv", path=machine.environment.get("PATH", ""))
    places = [on_path] if on_path else uv_places(machine)
    return next((Path(one) for one in places if Path(one).is_file()), None)
