# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of this add-on's version: its wheel, and all that it needs, in versions and hashes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

EXPANSION = 3.6
"""Bytes on disk of a byte of what is downloaded, as it is measured."""
BATCH_BYTES = 24 << 20
"""So much is installed at once: a break costs no more than that, or one package."""
MAX_BATCH = 24
FIRST = ("setuptools",)
"""What builds those packages that come as sources."""
TOOLS = ("pip", "uv")


class Requirement(NamedTuple):
    """A package of one version.

    Attributes:
        name: as the package index has it.
        version: the only one that is taken.
        sha256: of the files that may be taken.
        bytes: size of the first of those, which pip takes where it can.
        is_source: whether it comes as sources, which are built where it is installed.
    """

    name: str
    version: str
    sha256: tuple[str, ...]
    bytes: int
    is_source: bool = False

    @property
    def line(self) -> str:
        """The line of a list of requirements."""
        return " ".join((f"{self.name}=={self.version}", *(f"--hash=sha256:{one}" for one in self.sha256)))


class Release(NamedTuple):
    """An engine.

    Attributes:
        version: Recaster's.
        wheel: name of its own wheel.
        sha256: hash of that.
        bytes: size of that.
        pythons: what it needs, by the version (X.Y) of the Python that it runs in.
    """

    version: str
    wheel: str
    sha256: str
    bytes: int
    pythons: dict[str, tuple[Requirement, ...]]

    @property
    def digest(self) -> str:
        """A digest of all of it."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def tool(self, name: str, python: str) -> Requirement:
        """A program that installs: pip or uv."""
        return next(one for one in self.pythons[python] if one.name == name)

    def packages(self, python: str) -> list[Requirement]:
        """The packages that are installed, the largest last, so that what is wrong shows early."""
        wanted = [one for one in self.pythons[python] if one.name not in TOOLS]
        return sorted(wanted, key=lambda one: (one.name not in FIRST, one.is_source, one.bytes, one.name))

    def download_bytes(self, python: str) -> int:
        """Bytes to be downloaded."""
        return self.bytes + sum(one.bytes for one in self.packages(python))

    def disk_bytes(self, python: str) -> int:
        """Bytes that it takes on disk, about."""
        return int(self.download_bytes(python) * EXPANSION)


def read_release(path: Path) -> Release | None:
    """Reads what an extension says of its engine; None where it says nothing: it was packed by hand."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        pythons = {
            python: tuple(
                Requirement(name, version, tuple(hashes), int(size), bool(is_source))
                for name, version, hashes, size, is_source in rows
            )
            for python, rows in said["pythons"].items()
        }
        return Release(said["version"], said["wheel"], said["sha256"], int(said["bytes"]), pythons)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def batches(packages: list[Requirement]) -> list[list[Requirement]]:
    """Divides packages into parts that are installed at once; those to be built come alone."""
    found: list[list[Requirement]] = []
    for one in packages:
        last = found[-1] if found else []
        is_full = len(last) >= MAX_BATCH or sum(each.bytes for each in last) + one.bytes > BATCH_BYTES
        if not last or is_full or one.is_source or one.name in FIRST or last[-1].name in FIRST:
            found.append([])
        found[-1].append(one)
    return found
