"""A copy of a data folder, made while its engine runs: itself a data folder that an engine can serve.

First the store is copied as it is at one moment, then all that it names. What was deleted meanwhile isn't
there any more: then both are done again, and only what is new is copied. All is made under a temporary name;
given again after a break, a backup goes on with what was copied.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from recaster import __version__
from recaster.errors import UsageError
from recaster.files import sha256, sync, write_error, write_json
from recaster.locks import try_lock_folder
from recaster.progress import Report, Update, silent
from recaster.store.database import copy_store
from recaster.store.inventory import Inventory

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.store.folder import DataFolder

MANIFEST: Final = "backup.json"
"""What a backup holds: sizes and SHA-256."""
MAX_ROUNDS: Final = 5
_ALONE: Final = (
    "audit*.jsonl",
    "revocations.jsonl",
    "policy.toml",
    "secret",
    "token",
    "signing/*",
    "documents/**/*",
)
_OF_JOBS: Final = ("log.jsonl", "stderr.txt")
_BLOBS: Final = "blobs"
_NO_LINK: Final = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.EACCES)


@dataclass
class Backup:
    """Outcome of a backup.

    Attributes:
        files: their number; ``size`` is their bytes.
        linked: files among them that share their bytes with the engine's.
        missing: what the store names, and isn't there.
    """

    path: Path
    files: int = 0
    size: int = 0
    linked: int = 0
    missing: list[str] = field(default_factory=list)


def back_up(folder: DataFolder, target: Path, *, link: bool = True, report: Report = silent) -> Backup:
    """Copy a data folder, whether or not its engine runs.

    Args:
        target: the copy, which must not be there yet.
        link: whether blobs become hard links where both lie on one file system: they never change.

    Raises:
        UsageError: the target is there already, is within the data, or is being made by another process.
        InputError: the store is damaged, or there is none.
        OutputError: the copy can't be written.
    """
    target = target.absolute()
    if target.exists() or folder.path.absolute() in (target, *target.parents):
        raise UsageError(f"{target}: choose a name that isn't there yet, outside the data folder")
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.mkdir(mode=0o700, parents=True, exist_ok=True)
        with try_lock_folder(partial) as alone:
            if not alone:
                raise UsageError(f"{target}: another process is making this backup; wait for it")
            made = _Maker(folder, partial, link, report).make()
            partial.replace(target)
            sync(target.parent)
    except OSError as error:
        raise write_error(target, error) from error
    made.path = target
    return made


class _Maker:
    """Makes one backup."""

    def __init__(self, folder: DataFolder, partial: Path, link: bool, report: Report) -> None:
        self._folder = folder
        self._partial = partial
        self._link = link
        self._report = report
        self._indexes: set[str] = set()
        """Of facesets, that were copied in this round."""

    def make(self) -> Backup:
        """Copy all."""
        before: list[str] = []
        for _ in range(MAX_ROUNDS):
            copy_store(self._folder.database, self._partial / "store.sqlite")
            named = Inventory.by(self._partial / "store.sqlite")
            self._indexes.clear()
            planned, missing = self._plan(named)
            files, vanished = self._copy_all(planned)
            if not vanished and missing in ([], before):  # what is missing twice was lost earlier
                break
            before = missing
        self._cut_log(named)
        for path in self._partial.rglob("*"):
            if path.is_file() and path.relative_to(self._partial).as_posix() not in files:
                path.unlink()  # of a round before
        if hasattr(os, "sync"):
            os.sync()
        made = Backup(self._partial, missing=missing)
        self._describe(named, made)
        return made

    def _copy_all(self, planned: list[str]) -> tuple[set[str], bool]:
        """Copy files; returns those that are there, and whether some were gone since they were listed."""
        sizes = {}
        for path in planned:
            with contextlib.suppress(FileNotFoundError):
                sizes[path] = (self._folder.path / path).stat().st_size
        done = 0
        total = sum(sizes.values())
        files = {"store.sqlite"}
        for path in planned:
            if self._copy(path):
                files.add(path)
            done += sizes.get(path, 0)
            self._report(Update("copying", done / 1e6, total / 1e6, "MB"))
        return files, len(files) <= len(planned)

    def _plan(self, named: Inventory) -> tuple[list[str], list[str]]:
        """Paths of what is to be copied, and of what should be there and isn't."""
        root = self._folder.path
        planned = [path for pattern in _ALONE for path in _plain_files(root, pattern)]
        missing = list[str]()
        for digest in named.blobs:
            path = f"{_BLOBS}/{digest[:2]}/{digest}"
            (planned if (root / path).is_file() else missing).append(path)
        begun = {job_id for job_id, job in named.jobs.items() if job is not None}
        for kind in ("faceset", "model"):
            ids = named.ids(kind)
            for name in ids | begun:
                path = f"{kind}s/{name}"
                if (root / path).is_dir():
                    self._copy(f"{path}/faceset.sqlite")  # before its crops: it names none that aren't there
                    planned += _plain_files(root, f"{path}/**/*")
                elif name in ids:
                    missing.append(path)
        logs = [f"jobs/{name}/{log}" for name in named.jobs for log in _OF_JOBS]
        planned += [path for path in logs if (root / path).is_file()]
        return planned, sorted(missing)

    def _copy(self, path: str) -> bool:
        """Copies a file, unless it was copied before; False for one that isn't there."""
        here = self._folder.path / path
        copy = self._partial / path
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            if here.name == "faceset.sqlite":  # others may be writing to it
                if path not in self._indexes:
                    copy_store(here, copy)
                    self._indexes.add(path)
                return True
            there = here.stat()
            with contextlib.suppress(FileNotFoundError):
                before = copy.stat()
                if (before.st_size, before.st_mtime_ns) == (there.st_size, there.st_mtime_ns):
                    return True
            temporary = copy.with_name(f".{copy.name}.copying")
            temporary.unlink(missing_ok=True)
            if not (self._link and path.startswith(f"{_BLOBS}/") and _try_link(here, temporary)):
                shutil.copy2(here, temporary)
            temporary.replace(copy)
        except FileNotFoundError:
            return False
        return True

    def _cut_log(self, named: Inventory) -> None:
        """Leave out of the copied audit log what was added after the store was copied."""
        log = self._partial / "audit.jsonl"
        if named.audit_head is None or not log.is_file():
            return
        lines = log.read_bytes().splitlines(keepends=True)
        if len(lines) > named.audit_head[0]:
            log.write_bytes(b"".join(lines[: named.audit_head[0]]))

    def _describe(self, named: Inventory, made: Backup) -> None:
        """Write down what is in it, to be checked later."""
        files = {}
        for path in _plain_files(self._partial):
            copy = self._partial / path
            there = copy.stat()
            is_blob = path.startswith(f"{_BLOBS}/")
            files[path] = {"bytes": there.st_size, "sha256": copy.name if is_blob else sha256(copy)}
            made.files += 1
            made.size += there.st_size
            made.linked += is_blob and there.st_nlink > 1
        description = {
            "format": 1,
            "recaster": __version__,
            "schema": named.schema,
            "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "missing": made.missing,
            "files": files,
        }
        write_json(self._partial / MANIFEST, description)


def _try_link(here: Path, there: Path) -> bool:
    try:
        there.hardlink_to(here)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        return False
    return True


def _plain_files(root: Path, pattern: str = "**/*") -> list[str]:
    """Paths of plain files, none behind a link, from a folder on."""
    paths = (path for path in root.glob(pattern) if path.is_file() and not path.is_symlink())
    return sorted(str(path.relative_to(root).as_posix()) for path in paths if not _is_temporary(path))


def _is_temporary(path: Path) -> bool:
    return path.name.startswith(".") or path.name == "lock" or path.name.endswith(".lock")
