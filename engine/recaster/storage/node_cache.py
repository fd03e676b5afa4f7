"""Cache of objects on one node: files by digest in a folder that all its processes share, limited in size."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from typing import TYPE_CHECKING, Final

from recaster.errors import DiskFullError
from recaster.files import make_private_folder, write_error
from recaster.locks import try_lock

if TYPE_CHECKING:
    from pathlib import Path

KEPT_SHARE: Final = 7 / 8
"""Of the limit, what is left when the oldest files are removed."""
LOOK_SHARE: Final = 1 / 64
"""Of the limit, what a process writes before it looks at the folder's size again. Eight processes together
stay below the limit so, as long as what one writes between two looks isn't larger."""
ABANDONED_S: Final = 3600.0
"""Age of a temporary file whose process is gone."""
_LOCK_NAME: Final = "cache.lock"


class NodeCache:
    """Objects that this node has fetched, by digest; what was read least recently goes first.

    Any number of processes and threads may use one folder. A file that isn't what its name says is removed
    where it is read, so it is fetched again.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._unseen_bytes: float | None = None

    def get(self, digest: str) -> bytes | None:
        """The object's bytes, verified; None where it isn't here (OutputError: it can't be read)."""
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise write_error(path, error) from error
        if hashlib.sha256(data).hexdigest() != digest:
            path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):  # removed meanwhile
            os.utime(path)
        return data

    def put(self, digest: str, data: bytes) -> None:
        """Keeps an object; one larger than the whole cache isn't kept.

        It isn't synced: what a crash of the machine leaves broken is found by its digest.

        Raises:
            OutputError: the folder can't be written.
            DiskFullError: there is no room, however little the cache holds.
        """
        if len(data) > self.max_bytes * KEPT_SHARE:
            return
        self._make_room(len(data))
        try:
            self._write(digest, data)
        except DiskFullError:
            self._evict(0)
            self._write(digest, data)

    def count_bytes(self) -> int:
        """Bytes of all that it holds."""
        return sum(size for _, size, _ in self._list_files())

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    def _write(self, digest: str, data: bytes) -> None:
        path = self._path(digest)
        temporary = path.with_name(f".{os.urandom(8).hex()}")
        try:
            make_private_folder(self.folder)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                file.write(data)
            temporary.replace(path)
        except OSError as error:
            raise write_error(path, error) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _make_room(self, size: int) -> None:
        """Removes what was read least recently, where the limit is near."""
        unseen = self._unseen_bytes
        if unseen is None or unseen + size > self.max_bytes * LOOK_SHARE:
            self._evict(self.max_bytes - size)
            unseen = 0
        self._unseen_bytes = unseen + size

    def _evict(self, allowed_bytes: int) -> None:
        """Removes files where there are more than ``allowed_bytes``, down to ``KEPT_SHARE`` of that."""
        if not self.folder.is_dir():
            return
        with try_lock(self.folder / _LOCK_NAME) as is_alone:
            if not is_alone:
                return  # another process removes them
            files = sorted(self._list_files())
            total = sum(size for _, size, _ in files)
            if total <= allowed_bytes:
                return
            for _, size, path in files:
                if total <= allowed_bytes * KEPT_SHARE:
                    return
                with contextlib.suppress(OSError):  # in use on Windows, or gone
                    path.unlink()
                    total -= size

    def _list_files(self) -> list[tuple[float, int, Path]]:
        """Lists time of the last reading, bytes and path of all files; removes temporary ones left behind."""
        files = []
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if not folder.is_dir():
                continue
            with contextlib.suppress(OSError):
                for path in folder.iterdir():
                    with contextlib.suppress(OSError):
                        status = path.stat()
                        if path.name.startswith("."):
                            if status.st_mtime < time.time() - ABANDONED_S:
                                path.unlink()
                            continue
                        files.append((status.st_mtime, status.st_size, path))
        return files
