"""Files that are either whole or absent: temporary name, fsync, rename."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from recaster.errors import DiskFullError, LockedError, OutputError
from recaster.progress import step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

PIECE_BYTES: Final = 1 << 20
"""Bytes of a large file that are read at once."""
HANDOFF_NAME: Final = "recaster-offers-{digest}"
"""Name of a file that a client shows to an engine on its machine; nothing else is named so."""
Upgrades: TypeAlias = "Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]"
"""Functions that make a document of one version of one of the version before, by the version they make."""


class VersionError(ValueError):
    """A document is of a version that can't be read; ``version`` is that."""

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version}")
        self.version = version


@contextlib.contextmanager
def atomic_file(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Yields a temporary path beside ``path`` that becomes ``path`` when the block ends well.

    The temporary name keeps the suffix, so that writers which choose a format by it work. On any
    exception the temporary file is removed and what stood at ``path`` before is untouched. ``mode`` is
    what others may do with it where the umask lets them: 0o600 for nothing.

    Raises:
        OutputError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.stem}.{os.urandom(4).hex()}{path.suffix}")
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    except OSError as error:
        raise write_error(path, error) from error
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_directory(out: Path) -> Iterator[Path]:
    """Yields a folder that becomes ``out`` when the block ends well, or is removed (OutputError)."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
            aside = Path(folder) / out.name
            yield aside
            if out.exists():
                out.rmdir()
            try:
                aside.replace(out)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                shutil.move(aside, out)  # a worker on Linux before 5.19, which can't move between folders
            sync(out.parent)
    except OSError as error:
        raise write_error(out, error) from error


def keep_private(path: Path) -> None:
    """Takes a file or folder of this user's own away from all others' eyes, where it was left open to them.

    Raises:
        OutputError: it belongs to somebody else, or can't be changed.
    """
    if sys.platform == "win32":
        return
    try:
        status = path.stat()
        if status.st_uid != os.geteuid() and os.geteuid() != 0:
            raise OutputError(f"{path}: belongs to another user; use one of your own")
        if stat.S_IMODE(status.st_mode) & 0o077:
            _change_mode(path, stat.S_IMODE(status.st_mode) & 0o700)
    except FileNotFoundError:
        return
    except OSError as error:
        raise write_error(path, error) from error


def make_private_folder(path: Path) -> None:
    """Makes a folder for this user's eyes alone; one that is there already is closed to others.

    Raises:
        OutputError: it can't be made, or belongs to somebody else.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error) from error
    keep_private(path)


def _change_mode(path: Path, mode: int) -> None:
    """Changes a file's or folder's mode; through an open one, as a worker may change no file by its name."""
    if sys.platform == "win32" or not os.access(path, os.R_OK):
        path.chmod(mode)
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fchmod(handle, mode)
    finally:
        os.close(handle)


def resolve_inside(path: Path, folders: Iterable[Path]) -> Path:
    """Resolves a path that another process names, which must lead into one of some folders.

    Raises:
        ValueError: it leads elsewhere, or to what is there and isn't a file.
    """
    real = Path(os.path.realpath(path))
    if not any(real.is_relative_to(os.path.realpath(folder)) for folder in folders):
        raise ValueError(f"{path}: isn't where a file of this process would be")
    if real.exists() and not real.is_file():
        raise ValueError(f"{path}: is no file")
    return real


def open_nofollow(path: str, flags: int) -> int:
    """An opener for a file in a folder that another process writes to, too.

    No link there is followed, and a pipe, which could keep whoever opens it waiting for ever, is refused.
    """
    handle = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no file", path)
    return handle


def read_inside(path: Path, folders: Iterable[Path], most_bytes: int) -> bytes:
    """Reads a file that another process names, as ``resolve_inside`` does (OSError: it can't be read).

    Raises:
        ValueError: it leads elsewhere, isn't a file, or holds more than ``most_bytes``.
    """
    with open(resolve_inside(path, folders), "rb", opener=open_nofollow) as file:
        data: bytes = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"{path}: is larger than such a file is")
    return data


def remove_folder(path: Path, *, quietly: bool = False) -> None:
    """Removes a folder with all in it, if it is there, whatever another process has made of it.

    Folders in it may be nested deeper than a path or this program reaches, or closed to their owner.

    Raises:
        OSError: something in it can't be removed, and that isn't to be left ``quietly``.
    """
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except (RecursionError, OSError):
        try:
            _remove_by_levels(path)
        except OSError:
            if not quietly:
                raise


def _remove_by_levels(path: Path) -> None:
    """Brings what lies deep in a folder up to it, one level after the other, and removes what is in reach."""
    _make_writable(path)
    while folders := [entry for entry in path.iterdir() if _is_folder(entry)]:
        for folder in folders:
            _make_writable(folder)
            for entry in folder.iterdir():
                if _is_folder(entry):
                    _make_writable(entry)  # what forbids writing can't be moved
                    entry.rename(path / f".{os.urandom(8).hex()}")
                else:
                    entry.unlink()
            folder.rmdir()
    for entry in path.iterdir():
        entry.unlink()
    path.rmdir()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _make_writable(folder: Path) -> None:
    with contextlib.suppress(OSError):  # who removes what is in it will say so
        folder.chmod(0o700)


def read_text(path: Path, most_bytes: int) -> str:
    """Reads a text in UTF-8.

    Raises:
        OSError: it cannot be read.
        ValueError: it is longer, no text, or no regular file, of which reading might never end.
    """
    about = path.stat()
    if stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("it is no file with a text")
    if about.st_size > most_bytes:
        raise ValueError(f"it is too large, over {most_bytes >> 10:,} KiB")
    return path.read_bytes().decode()


def write_bytes(path: Path, data: bytes) -> None:
    """Writes ``data`` to ``path`` atomically."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Writes ``value`` as indented JSON to ``path`` atomically."""
    write_bytes(path, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode())


def parse_json(data: bytes | str) -> Any:
    """Parses anybody's JSON (ValueError: it is none, is too deep, or has text that can't be written)."""
    try:
        value = json.loads(data)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def require_number(value: Any, *kinds: type) -> Any:
    """Returns a value of a JSON document that has to be a number, of one of some kinds (TypeError)."""
    if type(value) not in (kinds or (int, float)):  # True is an int
        raise TypeError(f"{value!r} is no number as it has to be")
    return value


def write_secret(path: Path, text: str) -> None:
    """Writes ``text`` to a new file that only its owner may read; it is whole or absent.

    Raises:
        OutputError: it is there already, or cannot be written.
    """
    try:
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", dir=path.parent)  # for its owner alone
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            sync(Path(name))
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
        sync(path.parent)
    except OSError as error:
        raise write_error(path, error) from error


def safe_name(name: str) -> str:
    """A file's name out of what somebody called it: one path segment, printable, at most 120 characters."""
    last = PurePath(name.replace("\\", "/")).name.encode("utf-8", "replace").decode()
    shown = "".join(letter if letter.isprintable() and letter not in '<>:"/|?*' else "_" for letter in last)
    return shown.lstrip(". ")[-120:] or "unnamed"


def user_name() -> str:
    """Name of the user who runs this; a number where the system knows no name (in a container, say)."""
    import getpass  # with what reads passwords at terminals, which few need

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def sync(path: Path) -> None:
    """Makes what was written to a file or folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: Path) -> str:
    """Computes the SHA-256 of a file's bytes, as 64 hex digits."""
    import hashlib  # here: Blender's start would wait for it

    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
            step()
    return digest.hexdigest()


def is_intact(path: Path, digest: str) -> bool:
    """Tells if a file can be read to its end and has a digest."""
    try:
        return sha256(path) == digest
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EIO, errno.EISDIR):
            return False
        raise


def write_error(path: Path, error: OSError) -> OutputError:
    """The error to raise when writing ``path`` failed with ``error``."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"{path}: the disk is full; free some space and run the same command again")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return LockedError(f"{path}: too many files are open (ulimit -n); try again")
    return OutputError(f"{path}: cannot be written ({error.strerror or error}); choose another place")


def upgrade_document(
    document: dict[str, Any], current: int, upgrades: Upgrades, key: str = "format"
) -> dict[str, Any]:
    """Brings a document that an earlier release wrote to the current version of its schema, step by step.

    As the migrations of a database (``store.schema``) and OpenTimelineIO's upgrade functions do: whoever
    changes a schema adds the one function that makes the new version of the version before, and every older
    document opens. ``document`` isn't changed; ``key`` is the field that holds its version.

    Raises:
        VersionError: it is newer, or there is no way from its version to the current one.
        TypeError, KeyError: it says no version.
    """
    written = require_number(document[key], int)
    steps = range(written + 1, current + 1)
    if written > current or not all(version in upgrades for version in steps):
        raise VersionError(written)
    for version in steps:
        document = upgrades[version](document) | {key: version}
    return document
