# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources of the engine's own wheel: the extension's repository, or a file. Knows nothing of Blender."""

from __future__ import annotations

import hashlib
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ..translations import translate
from .install_words import HASH, NETWORK, InstallError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .release import Release

PIECE_BYTES = 1 << 18
TIMEOUT_S = 30.0
SCHEMES = ("http", "https", "file")
NOT_THERE = (
    "The repository that this add-on came from doesn't have its engine: ask whoever runs it, or choose "
    "the file of the engine yourself"
)
NOT_ALLOWED = (
    "The repository that this add-on came from doesn't let this Blender have its engine: enter its access "
    "token in Preferences > Get Extensions > Repositories, or ask whoever runs it for one"
)
OTHER_FILE = "This isn't the engine of this version of the add-on: choose the file {name}"


class WheelSource(NamedTuple):
    """A place that has an engine's wheel.

    Attributes:
        address: of the index of an extension repository; empty for a file.
        token: what the repository asks for, if it does.
        file: the wheel itself, or a folder with it.
    """

    address: str = ""
    token: str = ""
    file: Path = Path()

    @property
    def words(self) -> str:
        """Says where that is, for people."""
        if not self.address:
            return str(self.file)
        from urllib.request import url2pathname

        parts = urllib.parse.urlsplit(self.address)
        return parts.netloc or url2pathname(parts.path)

    def fetch(self, release: Release, target: Path, check: Callable[[], None]) -> None:
        """Puts the wheel of an engine at a path, unless it is there; ``check`` is called for each piece.

        Raises:
            InstallError: it isn't to be had, or is another.
        """
        from http.client import HTTPException
        from urllib.error import HTTPError, URLError

        if target.is_file() and _digest(target) == release.sha256:
            return
        part = target.with_suffix(".part")
        try:
            with self._open(release.wheel) as source, part.open("wb") as file:
                while piece := source.read(PIECE_BYTES):
                    check()
                    file.write(piece)
        except HTTPError as error:
            words = {401: NOT_ALLOWED, 403: NOT_ALLOWED, 404: NOT_THERE, 410: NOT_THERE}
            raise InstallError(translate(words.get(error.code, NETWORK))) from error
        except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
            is_missing = isinstance(getattr(error, "reason", None), FileNotFoundError)
            raise InstallError(translate(NOT_THERE if is_missing else NETWORK)) from error
        if _digest(part) != release.sha256:
            part.unlink()
            raise InstallError(translate(HASH if self.address else OTHER_FILE, name=release.wheel))
        part.replace(target)

    def _open(self, wheel: str) -> BinaryIO:
        from urllib.request import Request, urlopen

        if not self.address:
            path = self.file / wheel if self.file.is_dir() else self.file
            if not path.is_file():
                raise InstallError(translate(OTHER_FILE, name=wheel))
            return path.open("rb")
        # As Blender finds zips: beside an index that is named, or in the folder that is.
        base = self.address if self.address.endswith(".json") else f"{self.address.rstrip('/')}/"
        address = urllib.parse.urljoin(base, wheel)
        if urllib.parse.urlsplit(address).scheme not in SCHEMES:
            raise InstallError(translate(NOT_THERE))
        asked = Request(address)  # noqa: S310 - its scheme is one of those above
        if self.token:
            asked.add_unredirected_header("Authorization", f"Bearer {self.token}")
        opened: BinaryIO = urlopen(asked, timeout=TIMEOUT_S)  # noqa: S310
        return opened


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
