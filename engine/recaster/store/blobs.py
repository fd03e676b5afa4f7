"""Blobs: content that never changes, by its SHA-256.

A blob is written under a temporary name, checked and made durable before it gets its own, so that a
name in ``blobs/`` is a promise. What nobody uses any more is swept away.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.errors import DigestError, DiskFullError, InputError, QuotaError
from recaster.files import remove_folder, sha256, sync
from recaster.settings.serve import ServeLimits
from recaster.store import analyses
from recaster.store.uploads import (
    UNUSED_LIFETIME_S,
    Upload,
    UploadWriter,
    client_hash,
    copy_open,
    is_leased,
    modified_time,
    open_offered,
    reserved_bytes,
    storage_error,
)
from recaster.store.usage import Usage, direct_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from recaster.store.database import Database
    from recaster.store.folder import DataFolder

PIECE_BYTES: Final = 1 << 20
"""Bytes of one piece when a blob is sent."""
MAX_UPLOADS: Final = 1000
"""Uploads that may be on their way."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Quota:
    """Limits in bytes: of the largest blob, of all data together, and what is left free of the disk."""

    blob: int = int(ServeLimits.largest_gib * 2**30)
    total: int = int(ServeLimits.quota_gib * 2**30)
    spare: int = int(ServeLimits.spare_mib * 2**20)


def is_digest(text: str) -> bool:
    """Tells if a text is 64 lower-case hex digits."""
    return _DIGEST.fullmatch(text) is not None


class Blobs:
    """The blobs of one engine."""

    def __init__(self, folder: DataFolder, database: Database, quota: Quota | None = None) -> None:
        self._folder = folder
        self._database = database
        self.quota = quota or Quota()
        self.usage = Usage(folder)

    def path(self, digest: str) -> Path:
        """Path of a blob, if it is here or not."""
        return self._folder.blobs / digest[:2] / digest

    def has(self, digest: str) -> bool:
        """Tells if it is here, with as many bytes as it had when it came."""
        try:
            size = self.size(digest)
        except (FileNotFoundError, NotADirectoryError):
            return False
        known = self._database.row("select size from blob_size where digest = ?", (digest,))
        return known is None or known["size"] == size

    def touch(self, digest: str) -> bool:
        """Lets a blob stay for another day, so that a job can still name it; False where it isn't here."""
        if not self.has(digest):
            return False
        try:
            os.utime(self.path(digest))
        except FileNotFoundError:
            return False
        return True

    def note_sizes(self, sizes: Mapping[str, int]) -> None:
        """Note how many bytes blobs have, unless it is known."""
        with self._database.transaction() as opened:
            opened.executemany("insert or ignore into blob_size values (?, ?)", sizes.items())

    def set_aside(self, digest: str) -> None:
        """Take a damaged blob out of the way: it is missing from now on, and heals when it is sent again."""
        with contextlib.suppress(FileNotFoundError):
            size = self.size(digest)
            self.path(digest).replace(self._damaged_path(digest))
            self.usage.add(self.path(digest).parent, -size)
            sync(self.path(digest).parent)

    def size(self, digest: str) -> int:
        """Its bytes."""
        return self.path(digest).stat().st_size

    def used(self) -> int:
        """Bytes of all that the engine keeps, or keeps room for."""
        begun = self._pending_uploads()
        return self._stored_bytes(begun) + reserved_bytes(begun)

    def _stored_bytes(self, uploads: Sequence[Upload]) -> int:
        """Bytes of all that is there."""
        drops = sum(direct_bytes(path) for path in (*self._folder.drops.iterdir(), self._folder.damaged))
        sent = sum(upload.committed for upload in uploads)
        return self.usage.bytes() + self._database.used() + drops + sent

    def _pending_uploads(self, digest: str = "*") -> list[Upload]:
        """Uploads that were begun and aren't whole."""
        uploads = []
        for path in self._folder.uploads.glob(f"{digest}.*"):
            with contextlib.suppress(FileNotFoundError, ValueError):  # a file that isn't ours, say
                uploads.append(Upload.of(path))
        return uploads

    def start(self, digest: str, size: int, client: str = "") -> Upload:
        """Begin a client's upload, or find the one that was begun (InputError where its size differs)."""
        if self.has(digest):
            return self._whole_upload(digest)
        begun = self.find(digest, client)
        if begun is not None:
            if begun.size != size:
                why = f"its upload was begun with {begun.size} bytes, not {size}"
                raise InputError(f"blob {digest[:12]}: {why}")
            return begun
        self.check_room(size)
        self._drop_idle_uploads()
        upload = Upload(digest, size, 0, time.time() + UNUSED_LIFETIME_S, client=client_hash(client))
        with _removed_on_error(self._folder.uploads / upload.file) as file:
            file.touch(mode=0o600)
        return upload

    def check_room(self, size: int, here: int = 0) -> None:
        """Refuse a blob that is too large for the rules or the disk (QuotaError, DiskFullError).

        ``here`` are those of its bytes that are counted already, in a drop.
        """
        if size > self.quota.blob:
            raise QuotaError(f"a blob of {size} bytes is refused: at most {self.quota.blob} are allowed")
        if self.used() - here + size > self.quota.total:
            raise QuotaError(
                f"there is no room for {size} more bytes: {self.quota.total} are allowed in all; "
                "delete clips, models or jobs"
            )
        if self._folder.free_bytes() - reserved_bytes(self._pending_uploads()) < size + self.quota.spare:
            raise DiskFullError(f"the engine's disk has no room for {size} more bytes; free some space")

    def _check_piece(self, size: int) -> None:
        """Refuse a piece of an upload for which there is no room any more (QuotaError, DiskFullError)."""
        if self._stored_bytes(self._pending_uploads()) + size > self.quota.total:
            raise QuotaError(
                f"there is no room for more: {self.quota.total} bytes are allowed in all; "
                "delete clips, models or jobs"
            )
        if self._folder.free_bytes() < size + self.quota.spare:
            raise DiskFullError("the engine's disk has no room for more; free some space")

    def _drop_idle_uploads(self) -> None:
        """Forgets idle uploads where there are too many (QuotaError where none is idle)."""
        uploads = self._pending_uploads()
        if len(uploads) < MAX_UPLOADS:
            return
        idle = [upload for upload in uploads if not upload.committed and not is_leased(upload)]
        for upload in idle:
            (self._folder.uploads / upload.file).unlink(missing_ok=True)
        if not idle:
            raise QuotaError(f"{len(uploads)} uploads are on their way; end or cancel some first")

    def find(self, digest: str, client: str | None = "") -> Upload | None:
        """A client's upload of a blob (None for anybody's), or the blob; None where there is neither."""
        if self.has(digest):
            return self._whole_upload(digest)
        return next(iter(self.uploads(digest, client)), None)

    def uploads(self, digest: str, client: str | None = None) -> list[Upload]:
        """The uploads of a blob that were begun: a client's, or all."""
        uploads = self._pending_uploads(digest)
        return [upload for upload in uploads if client is None or upload.client == client_hash(client)]

    def _whole_upload(self, digest: str) -> Upload:
        size = self.size(digest)
        return Upload(digest, size, size, time.time() + UNUSED_LIFETIME_S, complete=True)

    def writer(self, upload: Upload) -> UploadWriter:
        """Writer of the rest of an upload."""
        return UploadWriter(upload, self._folder.uploads / upload.file, self.commit, self._check_piece)

    def cancel(self, digest: str, client: str | None = None) -> None:
        """Forget the unfinished uploads of a blob: a client's, or all."""
        for upload in self.uploads(digest, client):
            (self._folder.uploads / upload.file).unlink(missing_ok=True)

    def put(self, path: Path) -> tuple[str, int]:
        """Take a file over, which is gone afterwards; returns its digest and its bytes (OutputError)."""
        digest = sha256(path)
        size = path.stat().st_size
        self.commit(path, digest)
        return digest, size

    def commit(self, path: Path, digest: str) -> None:
        """Give a checked file its name for good."""
        target = self.path(digest)
        try:
            target.parent.mkdir(mode=0o700, exist_ok=True)
            sync(path)
            size = path.stat().st_size
            before = self.size(digest) if target.is_file() else 0
            path.replace(target)
            self.usage.add(target.parent, size - before)
            target.chmod(0o400)  # last: whoever is interrupted before can still write to it
            sync(target.parent)
            self.note_sizes({digest: size})
            self._damaged_path(digest).unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error) from error

    def take(self, path: Path, digest: str, size: int) -> None:
        """Take a file that a client of this machine put into a drop; whoever made the drop removes it.

        Raises:
            InputError, DigestError: it is no plain file, or not what was promised.
        """
        try:
            # Links aren't followed, and a pipe isn't waited for.
            flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            handle = os.open(path, os.O_RDONLY | flags)
        except FileNotFoundError:
            raise InputError("the drop is empty: put the file there first") from None
        except OSError:
            raise InputError("the drop holds no plain file") from None
        self._take_open(handle, path.with_name(path.name + ".taken"), digest, size)

    def take_offered(self, folder: Path, digest: str, size: int) -> None:
        """Take a file that a client of this machine shows; raises as ``open_offered`` and ``take`` do."""
        handle = open_offered(folder, digest, size)
        aside = self._folder.drops / secrets.token_hex(16)
        try:
            aside.mkdir(mode=0o700)
            self._take_open(handle, aside / "taken", digest, size)
        finally:
            remove_folder(aside, quietly=True)

    def _take_open(self, handle: int, copied: Path, digest: str, size: int) -> None:
        try:
            there = os.fstat(handle)
            if not stat.S_ISREG(there.st_mode):
                raise InputError("the drop holds no plain file")
            if there.st_size != size:
                raise DigestError(f"the file in the drop has {there.st_size} bytes, not {size}")
            self.check_room(size, here=size)
            # A copy of its own: whoever linked the file here could still write to it.
            with _removed_on_error(copied) as target:
                copy_open(handle, target)
            came = sha256(copied)
            if came != digest:
                raise DigestError(f"the file in the drop has digest {came[:12]}, not {digest[:12]}")
            self.commit(copied, digest)
        finally:
            os.close(handle)

    def read(self, digest: str, offset: int, limit: int) -> Iterator[bytes]:
        """The bytes of a blob from ``offset`` on, at most ``limit`` where that isn't 0, in pieces."""
        left = limit or self.size(digest)
        with self.path(digest).open("rb") as file:
            file.seek(offset)
            while left > 0:
                piece = file.read(min(PIECE_BYTES, left))
                if not piece:
                    return
                left -= len(piece)
                yield piece

    def acquire(self, digests: Iterable[str], owner: str) -> None:
        """Note that ``owner`` needs these blobs."""
        uses = [(digest, owner) for digest in digests]
        with self._database.transaction() as opened:
            opened.executemany("insert or ignore into blob_use values (?, ?)", uses)

    def release(self, digest: str, owner: str) -> None:
        """Note that ``owner`` doesn't need one blob any more, and remove it where nobody does."""
        with self._database.transaction() as opened:
            opened.execute("delete from blob_use where digest = ? and owner = ?", (digest, owner))
        self._remove_unused(digest)

    def digests_of(self, owner: str) -> list[str]:
        """The blobs that ``owner`` needs."""
        rows = self._database.rows("select digest from blob_use where owner = ?", (owner,))
        return [row["digest"] for row in rows]

    def owners_of(self, digest: str) -> list[str]:
        """Owners that need a blob."""
        rows = self._database.rows("select owner from blob_use where digest = ?", (digest,))
        return [row["owner"] for row in rows]

    def release_orphans(self) -> None:
        """Let go of what jobs and clips needed that were deleted when a crash came in between."""
        with self._database.transaction() as opened:
            rows = opened.execute(
                "delete from blob_use where (owner like 'job %' and substr(owner, 5) not in "
                "(select job_id from job)) or (owner like 'clip %' and substr(owner, 6) not in "
                "(select thing_id from thing)) returning digest"
            ).fetchall()
        for row in rows:
            self._remove_unused(row["digest"])

    def release_all(self, owner: str) -> None:
        """Note that ``owner`` needs none any more, and remove those that nobody needs."""
        for digest in self.digests_of(owner):
            self.release(digest, owner)

    def sweep(self) -> list[str]:
        """Remove uploads, drops and blobs (returned) that nobody touched or asked for in a day, or needs."""
        old = time.time() - UNUSED_LIFETIME_S
        for path in self._folder.uploads.iterdir():
            if modified_time(path) < old:
                path.unlink(missing_ok=True)
        for path in self._folder.drops.iterdir():
            if modified_time(path) < old:
                remove_folder(path, quietly=True)
        idle = [*self._folder.blobs.glob("??/*"), *self._folder.damaged.iterdir()]
        return [path.name for path in idle if modified_time(path) < old and self._remove_unused(path.name)]

    def _remove_unused(self, digest: str) -> bool:
        """Remove a blob, what is noted of it and was found in it, unless somebody needs it: False then."""
        if self._is_used(digest):
            return False
        with self._database.transaction() as opened:  # nobody may come to need it in between
            if self._is_used(digest):
                return False
            for table in ("blob_size", "kept_by"):
                opened.execute(f"delete from {table} where digest = ?", (digest,))  # noqa: S608 - two names
            self._damaged_path(digest).unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                size = self.size(digest)
                self.path(digest).unlink()
                self.usage.add(self.path(digest).parent, -size)
        analyses.purge(digest)
        return True

    def _damaged_path(self, digest: str) -> Path:
        return self._folder.damaged / digest

    def _is_used(self, digest: str) -> bool:
        return self._database.row("select 1 from blob_use where digest = ?", (digest,)) is not None


@contextlib.contextmanager
def _removed_on_error(path: Path) -> Iterator[Path]:
    try:
        yield path
    except OSError as error:
        path.unlink(missing_ok=True)
        raise storage_error(error) from error
