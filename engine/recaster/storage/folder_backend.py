"""Objects in a folder: of this machine, or of a mount that several see."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from recaster.errors import StorageError
from recaster.files import atomic_file, make_private_folder
from recaster.storage.backend import StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FolderBackend:
    """Reads and writes objects as files of a folder, which has to be there; they are for its owner's eyes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: set[str] = set()

    def __str__(self) -> str:
        return str(self.folder)

    def read(self, name: str) -> bytes:
        """An object's bytes (FileNotFoundError, OSError)."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            self._require_folder()
            raise

    def write(self, name: str, data: bytes) -> None:
        """Writes an object, whole or not at all.

        Raises:
            OutputError: it can't be written.
            StorageError: the folder isn't there.
        """
        top = name.partition("/")[0]
        if top not in self._made:
            self._require_folder()
            make_private_folder(self.folder / top)
            self._made.add(top)
        with atomic_file(self.folder / name, 0o600) as temporary:
            temporary.write_bytes(data)

    def find(self, name: str) -> StoredObject | None:
        """Looks for an object; None where it isn't there (OSError)."""
        try:
            status = (self.folder / name).stat()
        except FileNotFoundError:
            return None
        return StoredObject(name, status.st_size, status.st_mtime)

    def touch(self, name: str) -> bool:
        """Makes an object as young as a new one; False where it has to be written again for that."""
        try:
            os.utime(self.folder / name)
        except OSError:
            return False
        return True

    def list_objects(self, top: str) -> Iterator[StoredObject]:
        """Lists the objects below a name, with those that writers left unfinished (OSError)."""
        self._require_folder()
        for path in sorted((self.folder / top).rglob("*")):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                name = path.relative_to(self.folder).as_posix()
                yield StoredObject(name, status.st_size, status.st_mtime)

    def remove(self, name: str) -> None:
        """Removes an object, if it is there (OSError)."""
        (self.folder / name).unlink(missing_ok=True)

    def _require_folder(self) -> None:
        if not self.folder.is_dir():
            what = "is no folder" if self.folder.exists() else os.strerror(errno.ENOENT)
            raise StorageError(
                f"{self.folder}: {what}; make this folder, or mount it on this machine, so that all machines "
                "share one"
            )
