"""Blobs on their way: what has come stays, whatever happens to the connection, and files that are shown."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from recaster.errors import DigestError, DiskFullError, InputError, LockedError, NotOfferedError, OutputError
from recaster.files import HANDOFF_NAME, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

SYNC_INTERVAL_BYTES: Final = 64 << 20
"""Bytes of an upload after which it is made durable and counts."""
MAX_COPY_BYTES: Final = 1 << 30
"""Bytes that the system is asked to copy at a time."""
UNUSED_LIFETIME_S: Final = 24 * 3600.0
"""Seconds that an unfinished upload, or a blob that nobody uses, is kept."""
UPLOAD_LEASE_S: Final = 300.0
"""Seconds after its last byte in which an upload that goes on has room kept free for it."""


@dataclass(frozen=True)
class Upload:
    """A blob on its way, of one client: another who sends the same begins another.

    Attributes:
        size: bytes in all, of which ``committed`` came.
        expires: when it is forgotten, in seconds since 1970.
        complete: whether it is here and checked.
        client: a short hash of the client's name; empty for none.
    """

    digest: str
    size: int
    committed: int
    expires: float
    complete: bool = False
    client: str = ""

    @property
    def file(self) -> str:
        """Name of its file."""
        return ".".join(part for part in (self.digest, self.client, str(self.size)) if part)

    @classmethod
    def of(cls, path: Path) -> Upload:
        """The upload that a file is (ValueError for one that is none, FileNotFoundError)."""
        digest, *client, size = path.name.split(".")
        there = path.stat()
        expires = there.st_mtime + UNUSED_LIFETIME_S
        return cls(digest, int(size), there.st_size, expires, client="".join(client))


class UploadWriter:
    """Appends to one upload. What was written and synced stays, whatever happens to the connection."""

    def __init__(
        self,
        upload: Upload,
        path: Path,
        commit: Callable[[Path, str], None],
        check_room: Callable[[int], None],
    ) -> None:
        """``commit`` gives a file that was checked its name for good; ``check_room`` refuses a piece."""
        self._commit = commit
        self._check_room = check_room
        self._upload = upload
        self._path = path
        self._unsynced = 0
        self._failed: OutputError | None = None
        self._digest = hashlib.sha256() if upload.committed == 0 else None
        self.offset = upload.committed
        self._file = path.open("ab")

    def write(self, data: bytes) -> None:
        """Add a piece; it counts once it is synced (OutputError where the disk doesn't take it)."""
        if self.offset + len(data) > self._upload.size:
            why = f"more bytes than the {self._upload.size} promised"
            raise InputError(f"blob {self._upload.digest[:12]}: {why}")
        self._check_room(len(data))
        try:
            self._file.write(data)
            self._unsynced += len(data)
            if self._digest is not None:  # else it began in an earlier connection
                self._digest.update(data)
        except OSError as error:
            raise storage_error(error) from error
        self.offset += len(data)

    @property
    def due(self) -> bool:
        """So much was written that it should be synced."""
        return self._unsynced >= SYNC_INTERVAL_BYTES

    def sync(self) -> None:
        """Make what was written durable; may run beside ``write``.

        OutputError where the disk doesn't take it; where it had said that it would, nothing is kept.
        """
        self._unsynced = 0
        try:
            self._file.flush()
        except OSError as error:
            raise storage_error(error) from error
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            self._path.unlink(missing_ok=True)  # nobody knows what of it is on the disk
            self._failed = storage_error(error)
            raise self._failed from error

    def close(self) -> None:
        """Stop writing; what came is kept (OutputError as ``sync``)."""
        try:
            if self._failed is not None:
                raise self._failed
            self.sync()
        finally:
            with contextlib.suppress(OSError):
                self._file.close()

    def finish(self) -> Upload:
        """Check the whole, once closed, and give it its name; what isn't as promised goes (DigestError)."""
        whole = self.offset == self._upload.size
        if whole:
            found = sha256(self._path) if self._digest is None else self._digest.hexdigest()
            if found != self._upload.digest:
                self._path.unlink()
                raise DigestError(
                    f"blob {self._upload.digest[:12]}: the bytes that came have digest {found[:12]}; "
                    "they were dropped, send them again"
                )
            self._commit(self._path, self._upload.digest)
        expires = time.time() + UNUSED_LIFETIME_S
        return replace(self._upload, committed=self.offset, expires=expires, complete=whole)


def client_hash(client: str) -> str:
    """Short hash of a client's name, for names of files; empty for none."""
    return hashlib.sha256(client.encode()).hexdigest()[:12] if client else ""


def storage_error(error: OSError) -> OutputError:
    """The error for data that can't be taken in; it names no path, which is the engine's own business."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError("the engine's disk is full; free some space there")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return LockedError("the engine has too many files open; try again")
    return OutputError(f"the engine can't write to its data ({error.strerror})")


def copy_open(source: int, target: Path) -> None:
    """Copy an open file to a new one; where the disk can, the two share their bytes until one is changed."""
    with target.open("wb") as out:
        if hasattr(os, "copy_file_range"):
            try:
                while os.copy_file_range(source, out.fileno(), MAX_COPY_BYTES):
                    pass
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                    raise
            else:
                return
        with os.fdopen(os.dup(source), "rb") as file:
            file.seek(0)
            out.seek(0)
            shutil.copyfileobj(file, out)


def is_leased(upload: Upload) -> bool:
    """Tells if something of an upload came, or it was begun, a short while ago."""
    return upload.expires - UNUSED_LIFETIME_S > time.time() - UPLOAD_LEASE_S


def reserved_bytes(begun: Iterable[Upload]) -> int:
    """Bytes that are kept free for uploads: of each as many again as have come, while it goes on."""
    return sum(min(up.size - up.committed, up.committed) for up in begun if is_leased(up))


def modified_time(path: Path) -> float:
    """Time of a file's last change; one that has just got another name is new."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def open_offered(folder: Path, digest: str, size: int) -> int:
    """Opens a file, to be read, that a client of this machine shows instead of sending its bytes.

    A client could name any file of the machine. That one is its own to show is proven by the folder, which
    only somebody of this engine's user could have made, and by the name in it, which nothing else has; and
    whoever shows it knows its digest. All else is answered alike (NotOfferedError), so that nothing is
    learned about what there is.
    """
    try:
        return _open_in(folder, digest, size)
    except (OSError, ValueError):
        raise NotOfferedError("no such file is shown to this engine; upload it") from None


def _open_in(folder: Path, digest: str, size: int) -> int:
    if not folder.is_absolute() or not hasattr(os, "getuid"):
        raise ValueError
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        made = os.fstat(inside)
        if made.st_uid != os.getuid() or made.st_mode & 0o777 != 0o700:
            raise ValueError
        # Links aren't followed, and a pipe isn't waited for.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        handle = os.open(HANDOFF_NAME.format(digest=digest), flags, dir_fd=inside)
    finally:
        os.close(inside)
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_size != size:
        os.close(handle)
        raise ValueError
    return handle
