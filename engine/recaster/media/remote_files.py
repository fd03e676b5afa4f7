"""Files of clips that lie elsewhere, known to this process by paths at which nothing needs to be.

Whoever works on a part of a clip on another machine registers its files; what reads clips asks here before it
asks the disk. A registered path is its registered file even where the disk has another.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from recaster.errors import ClipError
from recaster.files import PIECE_BYTES, sha256
from recaster.processes.own_folder import work_folder
from recaster.progress import step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class RemoteFile(NamedTuple):
    """A file that is elsewhere: its bytes, and what opens it for reading at any place.

    Attributes:
        find: finds the path at which this machine has it; None where it hasn't.
    """

    size: int
    open: Callable[[], Any]
    find: Callable[[], Path] | None = None


_FILES: Final[dict[Path, list[RemoteFile]]] = {}
"""By path; several where a clip is open more than once."""
_FOLDERS: Final[dict[Path, dict[str, Path]]] = {}


def register(path: Path, file: RemoteFile) -> None:
    """Makes a path stand for a file elsewhere, which never changes, until ``forget``."""
    path = path.absolute()
    _FILES.setdefault(path, []).append(file)
    _FOLDERS.setdefault(path.parent, {})[path.name] = path


def forget(path: Path) -> None:
    """Ends one ``register``; after the last one's end a path stands for what is on disk again."""
    path = path.absolute()
    files = _FILES.get(path, [])
    if files:
        files.pop()
    if files:
        return
    _FILES.pop(path, None)
    names = _FOLDERS.get(path.parent, {})
    names.pop(path.name, None)
    if not names:
        _FOLDERS.pop(path.parent, None)


def find_remote(path: Path) -> RemoteFile | None:
    """Finds the file that a path stands for; None where it is one of the disk."""
    files = _FILES.get(path.absolute()) if _FILES else None
    return files[-1] if files else None


def is_file(path: Path) -> bool:
    """Tells whether a file is there, or elsewhere."""
    return find_remote(path) is not None or path.is_file()


def is_folder(path: Path) -> bool:
    """Tells whether a folder is there, or files of one are elsewhere."""
    return path.absolute() in _FOLDERS or path.is_dir()


def list_names(folder: Path) -> list[str]:
    """Lists the names of a folder's entries, in order; of one with files elsewhere, those (OSError)."""
    remote = _FOLDERS.get(folder.absolute())
    return sorted(path.name for path in folder.iterdir()) if remote is None else sorted(remote)


def stat_file(path: Path) -> tuple[int, int]:
    """The time of change in ns, 0 of a file elsewhere, and bytes of a file (OSError)."""
    remote = find_remote(path)
    if remote is not None:
        return 0, remote.size
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def open_binary(path: Path) -> BinaryIO:
    """Opens a file for reading at any place (OSError, StorageError)."""
    remote = find_remote(path)
    return path.open("rb") if remote is None else remote.open()


def read_bytes(path: Path) -> bytes:
    """Reads a whole file (OSError, StorageError)."""
    with open_binary(path) as file:
        return file.read()


def hash_file(path: Path) -> str:
    """Computes the SHA-256 of a file's bytes, as 64 hex digits (OSError, StorageError)."""
    if find_remote(path) is None:
        return sha256(path)
    digest = hashlib.sha256()
    with open_binary(path) as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
            step()
    return digest.hexdigest()


@contextlib.contextmanager
def local_file(path: Path) -> Iterator[Path]:
    """Yields a path at which a file can be read by its name; of one elsewhere, that of a copy.

    Raises:
        ClipError: there is no room for the copy.
        OutputError: there can't be a folder for it.
    """
    if find_remote(path) is None:
        yield path
        return
    with work_folder() as folder:  # swept by others where this process is killed
        copy = folder / f"copy{path.suffix}"
        with open_binary(path) as source:
            try:
                with copy.open("wb") as sink:
                    shutil.copyfileobj(source, sink, PIECE_BYTES)
            except OSError as error:
                raise ClipError(f"{path}: cannot be copied to this machine ({error.strerror})") from error
        yield copy
