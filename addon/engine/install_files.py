# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of an installed engine, and of an installation that isn't finished. Knows nothing of Blender.

In the engine's folder are an environment (``e1``), which nobody takes for an engine before
``recaster-engine.json`` names it, a file that is renamed into its place when all is there and works; beside
it the Python that was fetched for it (``e1-python``), if one was; and ``.recaster-install`` with the notes of
an installation that isn't finished. What else lies there is never touched.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from recaster.errors import OutputError
from recaster.files import atomic_file
from recaster.locks import try_lock

from ..translations import translate
from .install_words import BUSY, IN_USE, InstallError
from .places import program_of, python_of

RECEIPT = "recaster-engine.json"
WORK = ".recaster-install"
LOG = "install.log"
_STATE = "state.json"
_LOCK = "lock"


class Installed(NamedTuple):
    """An engine that is installed.

    Attributes:
        folder: where it was installed to.
        version: Recaster's.
        environment: name of the folder in it.
    """

    folder: Path
    version: str
    environment: str

    @property
    def program(self) -> Path:
        """The engine's program."""
        return program_of(self.folder / self.environment)

    @property
    def has_python(self) -> bool:
        """Tells if the Python that it runs in is still there: it may have gone with an older Blender."""
        return has_python(self.folder / self.environment)


@dataclass
class Notes:
    """Notes of an installation that isn't finished.

    Attributes:
        release: digest of the engine; empty where the environment is only to be removed.
        environment: name of its folder.
        python: version of the Python in it; empty before it is made.
        share: part of the work that is done.
        done: names of the packages that are installed.
    """

    release: str
    environment: str
    python: str = ""
    share: float = 0.0
    done: list[str] = field(default_factory=list)


def read_installed(folder: Path) -> Installed | None:
    """The engine that is installed in a folder, if one is."""
    said = _read_json(folder / RECEIPT)
    try:
        found = Installed(folder, str(said["version"]), _environment_name(said["environment"]))
    except (KeyError, ValueError):
        return None
    return found if found.program.is_file() else None


def write_installed(found: Installed) -> None:
    """Lets an engine be the one that is installed, from one moment to the next."""
    said = {"version": found.version, "environment": found.environment}
    with atomic_file(found.folder / RECEIPT) as temporary:
        temporary.write_text(json.dumps(said), encoding="ascii")


def read_notes(folder: Path) -> Notes | None:
    """The notes of an installation that isn't finished, if there is one."""
    said = _read_json(folder / WORK / _STATE)
    try:
        return Notes(
            str(said["release"]),
            _environment_name(said["environment"]),
            str(said["python"]),
            float(said["share"]),
            [str(one) for one in said["done"]],
        )
    except (KeyError, ValueError, TypeError):
        return None


def write_notes(folder: Path, notes: Notes) -> None:
    """Notes how far an installation is."""
    with atomic_file(folder / WORK / _STATE) as temporary:
        temporary.write_text(json.dumps(asdict(notes)), encoding="ascii")


def new_environment(folder: Path) -> str:
    """Names an environment that isn't there yet."""
    number = 1
    while any((folder / name).exists() for name in _folders_of(f"e{number}")):
        number += 1
    return f"e{number}"


def python_folder(folder: Path, environment: str) -> Path:
    """Names the folder of a Python that is fetched for an environment."""
    return folder / _folders_of(environment)[0]


def remove_environment(folder: Path, environment: str) -> None:
    """Removes an environment, and the Python that was fetched for it (OSError); "" is none."""
    for name in _folders_of(environment) if environment else ():
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)


def has_python(environment: Path) -> bool:
    """Tells if an environment has its Python, which lies elsewhere."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in (environment / "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "home":
                return Path(value.strip()).is_dir() and python_of(environment).exists()
    return False


@contextlib.contextmanager
def alone(folder: Path) -> Any:
    """Holds the folder while the block lasts (InstallError: another Blender works on it)."""
    with try_lock(folder / WORK / _LOCK) as is_alone:
        if not is_alone:
            raise InstallError(translate(BUSY))
        try:
            yield
        finally:
            _drop_lock(folder / WORK)
    if sys.platform == "win32":  # where a file that is open stays
        _drop_lock(folder / WORK)


def clear_work(folder: Path) -> None:
    """Removes all that belongs to an installation that is finished, the notes last (OSError)."""
    kept = (_LOCK, _STATE)
    for one in (folder / WORK).iterdir():
        if one.is_dir():
            shutil.rmtree(one)
        elif one.name not in kept:
            one.unlink()
    (folder / WORK / _STATE).unlink(missing_ok=True)


def remove(folder: Path, *, is_unfinished_only: bool = False) -> None:
    """Removes what was installed into a folder, or begun to be, and the folder where nothing else is in it.

    What can't be removed is still noted, so that this can be done once more.

    Args:
        folder: the engine's.
        is_unfinished_only: leave an engine that is installed.

    Raises:
        InstallError: something in it can't be removed, or another Blender works on it.
    """
    if not _name_in(folder / RECEIPT) and not (folder / WORK).exists():
        return
    try:
        with alone(folder):
            installed = _name_in(folder / RECEIPT)
            begun = _name_in(folder / WORK / _STATE)
            if begun != installed:
                remove_environment(folder, begun)
            if not is_unfinished_only:
                if installed:
                    with contextlib.suppress(OutputError):  # a full disk must not keep it from being removed
                        write_notes(folder, Notes("", installed))
                (folder / RECEIPT).unlink(missing_ok=True)  # first: half an engine is none
                remove_environment(folder, installed)
            clear_work(folder)
    except OSError as error:
        raise InstallError(translate(IN_USE, why=error.strerror or error)) from error
    with contextlib.suppress(OSError):
        folder.rmdir()


def _folders_of(environment: str) -> tuple[str, str]:
    """Names the folders of an environment; the environment itself is the last to be removed."""
    return f"{environment}-python", environment


def _drop_lock(work: Path) -> None:
    """Removes the lock and its folder where nothing else is in it."""
    with contextlib.suppress(OSError):
        if [one.name for one in work.iterdir()] == [_LOCK]:
            (work / _LOCK).unlink()
            work.rmdir()


def _name_in(path: Path) -> str:
    """The environment that a file names; "" where it names none."""
    with contextlib.suppress(KeyError, ValueError):
        return _environment_name(_read_json(path)["environment"])
    return ""


def _environment_name(given: object) -> str:
    """Checks the name of an environment (ValueError): what is removed is never anything else."""
    if not isinstance(given, str) or re.fullmatch(r"e[0-9]+", given) is None:
        raise ValueError(given)
    return given


def _read_json(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
