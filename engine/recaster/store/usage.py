"""Bytes that an engine keeps, in all and for each client: the sum of all is carried along as it changes.

Blobs are added and taken off as they come and go; a folder of a faceset, model or job is counted again by
whoever has changed it. Everything is counted anew at start and once in a while, gently, to correct what a
crash or somebody's own hand has changed.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recaster.errors import OutputError
from recaster.files import parse_json, require_number, write_json
from recaster.store.catalog import Catalog, record_id

if TYPE_CHECKING:
    from recaster.store.database import Database
    from recaster.store.folder import DataFolder

FILE: Final = "usage.json"
"""The last sum, for the next start."""
FILES_PER_PAUSE: Final = 20
"""Files that are counted in one go: half a millisecond's work, after which others have their turn."""
PAUSE_S: Final = 0.005
PARTS: Final = ("blobs", "facesets", "models", "jobs")
"""Parts of the data that hold folders."""


class Usage:
    """The sum for one data folder; may be used from any thread."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._sizes: dict[Path, int] = {}
        self._total = 0
        self._loaded_total = _loaded_total(folder.path / FILE)
        """What the last engine noted, with what has come since; None once all was counted."""
        self._is_whole = False

    def bytes(self) -> int:
        """The sum; until all was counted, what it was when the engine last ran, and what has come since."""
        with self._lock:
            return max(0, self._total if self._loaded_total is None else self._loaded_total)

    def add(self, path: Path, size: int) -> None:
        """A file has come into a folder, or one has gone (a size less than 0)."""
        with self._lock:
            self._total += size
            self._sizes[path] = self._sizes.get(path, 0) + size
            if self._loaded_total is not None:
                self._loaded_total += size

    def count(self, path: Path, *, gently: bool = False) -> None:
        """Count one folder anew: of a faceset, model or job, or of blobs. One that is gone holds nothing."""
        size = _folder_bytes(path, gently=gently)
        with self._lock:
            self._total += size - self._sizes.pop(path, 0)
            if size:
                self._sizes[path] = size

    def count_all(self) -> None:
        """Count everything anew, in small steps, and note the sum for the next start."""
        gently = self._loaded_total is not None or self._total > 0  # else everybody waits for the sum
        there = [path for part in PARTS for path in _folders_in(self._folder.path / part)]
        for path in {*there, *self._sizes}:
            self.count(path, gently=gently)
        with self._lock:
            self._loaded_total = None
            self._is_whole = True
        self.remember()

    def remember(self) -> None:
        """Note the sum for the next start, where the disk takes it."""
        if self._is_whole:
            with contextlib.suppress(OutputError):
                write_json(self._folder.path / FILE, {"bytes": self.bytes()})


class ClientUsage:
    """Bytes of the data that were brought by, or made for, each client."""

    def __init__(self, folder: DataFolder, database: Database) -> None:
        self._folder = folder
        self._database = database

    def note(self, client: str, digest: str) -> None:
        """Note that a blob is brought by, or was made for, a client."""
        with self._database.transaction() as opened:
            opened.execute("insert or ignore into kept_by values (?, ?)", (client, digest))

    def brought_by(self, digest: str) -> set[str]:
        """The clients that brought a blob, or for whom it was made."""
        rows = self._database.rows("select client from kept_by where digest = ?", (digest,))
        return {row["client"] for row in rows}

    def used(self, client: str) -> int:
        """Bytes that a client keeps: blobs, uploads that have room promised, facesets and models."""
        rows = self._database.rows("select digest from kept_by where client = ?", (client,))
        sizes = {row["digest"]: self._blob_bytes(row["digest"]) for row in rows}
        gone = [digest for digest, size in sizes.items() if size is None]
        if gone:
            with self._database.transaction() as opened:
                opened.executemany(
                    "delete from kept_by where client = ? and digest = ?",
                    [(client, digest) for digest in gone],
                )
        total = sum(size or 0 for size in sizes.values())
        catalog = Catalog(self._database)
        for kind, place in (("faceset", self._folder.faceset), ("model", self._folder.model)):
            for record in catalog.of(kind).list_all():
                if record.created_by == client:
                    total += _folder_bytes(place(record_id(record)))
        return total

    def _blob_bytes(self, digest: str) -> int | None:
        """Of a blob that is here, or promised by an upload; None for neither."""
        with contextlib.suppress(FileNotFoundError):
            return (self._folder.blobs / digest[:2] / digest).stat().st_size
        for upload in self._folder.uploads.glob(f"{digest}.*"):
            with contextlib.suppress(ValueError):  # a file that isn't ours, say
                return int(upload.suffix[1:])
        return None


def _loaded_total(path: Path) -> int | None:
    try:
        return int(require_number(parse_json(path.read_bytes())["bytes"], int))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _folders_in(folder: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def _folder_bytes(folder: Path, *, gently: bool = False) -> int:
    """Bytes of all files in a folder. What else has a name is a blob that a job works on."""
    total = counted = 0
    is_blobs = folder.parent.name == "blobs"
    folders = [str(folder)]
    while folders:
        # What can't be looked at, since a worker closed it or nested it too deep, keeps nobody from the rest.
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                counted += 1
                if gently and counted % FILES_PER_PAUSE == 0:
                    time.sleep(PAUSE_S)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                with contextlib.suppress(FileNotFoundError):
                    found = entry.stat(follow_symlinks=False)
                    if is_blobs or found.st_nlink == 1 or not stat.S_ISREG(found.st_mode):
                        total += found.st_size
    return total


def direct_bytes(folder: Path) -> int:
    """Bytes of the files that lie in a folder itself."""
    total = 0
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                total += path.lstat().st_size
    return total
