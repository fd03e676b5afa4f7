"""The storage of a URL: objects, files and folders by the digests of their content."""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import StorageError
from recaster.files import make_private_folder
from recaster.settings.paths import cache_folder
from recaster.settings.storage import StorageSettings
from recaster.storage import transfers
from recaster.storage.folder_backend import FolderBackend
from recaster.storage.manifests import (
    FileManifest,
    TreeManifest,
    decode_manifest,
    is_digest,
)
from recaster.storage.node_cache import NodeCache
from recaster.storage.remote_backend import RemoteBackend
from recaster.storage.retries import RetryingBackend
from recaster.storage.storage_check import StorageFigures, check_storage
from recaster.storage.storage_url import parse_url
from recaster.storage.stored_file import StoredFile

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from recaster.storage.backend import Backend, StoredObject

OBJECTS: Final = "objects"
"""Name below which bytes lie: chunks, and what was put as a whole."""
MANIFESTS: Final = "manifests"
"""Name below which manifests lie."""
RENEWED_S: Final = 86_400.0
"""Age from which an object that is put again is made young again, so that ``sweep`` spares it."""
SENT_AT_ONCE_BYTES: Final = 1 << 18
"""Bytes that are sent without asking first whether they are there: that takes as long."""
CACHE_NAME: Final = "storage"


def open_storage(
    url: str, settings: StorageSettings | None = None, cache: NodeCache | None = None
) -> Storage:
    """Opens the storage of a URL; nothing is asked of it yet.

    Args:
        settings: limits of this machine; ``settings.storage`` isn't looked at.
        cache: where this node keeps what it fetches; by default a folder below RECASTER_CACHE, and none for
            storages that are folders.

    Raises:
        UsageError: the URL has a password in it, its protocol isn't known, or a library is missing.
    """
    return Storage(url, settings or StorageSettings(), cache)


class Storage:
    """Objects, files and folders behind a URL; it can be pickled, and any number of threads may use one.

    An object is kept as ``objects/ab/DIGEST``, a manifest as ``manifests/ab/DIGEST``. All methods raise
    StorageError for what can't be had of the storage (``is_transient`` where it may pass), NotStoredError
    for what isn't there, and OutputError for files of this machine that can't be written.
    """

    def __init__(self, url: str, settings: StorageSettings, cache: NodeCache | None = None) -> None:
        place = parse_url(url)
        self.url = str(place)
        self._own_cache = cache  # else each machine has one where its user's is
        self.settings = settings
        backend: Backend
        if isinstance(place, Path):
            backend = FolderBackend(place)
        else:
            backend = RemoteBackend(place, settings.storage_patience_s)
            max_bytes = int(settings.storage_cache_gib * 2**30)
            if cache is None and max_bytes > 0:
                cache = NodeCache(cache_folder() / CACHE_NAME, max_bytes)
        self.backend = RetryingBackend(backend, settings.storage_patience_s)
        self.cache = cache
        self.fetched_bytes = 0
        self._counting = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return Storage, (self.url, self.settings, self._own_cache)

    def put_bytes(self, data: bytes) -> str:
        """Keeps bytes, of a few MiB, and returns their digest; what is there isn't sent again."""
        return self._put(OBJECTS, data)

    def get_bytes(self, digest: str) -> bytes:
        """The bytes of a digest, verified (StorageError: they are damaged)."""
        return self._get(OBJECTS, digest)

    def put_file(self, path: Path, tick: Callable[[], None] | None = None) -> str:
        """Keeps a file, and returns its reference.

        Args:
            tick: called for each chunk of 8 MiB that is kept.

        Raises:
            InputError: it can't be read, or changes meanwhile.
        """
        return transfers.put_files(self, {path.name: path}, tick)[path.name].reference

    def put_tree(
        self, path: Path, names: Iterable[str] | None = None, tick: Callable[[], None] | None = None
    ) -> str:
        """Keeps a folder's files, or one file as a folder of it, and returns its reference.

        Links to files are kept as files. Empty folders aren't kept.

        Args:
            names: of files in it, with slashes; None for all.

        Raises:
            InputError: a file can't be read or changes meanwhile, or a folder in it is a link.
        """
        files = transfers.list_files(path, names)
        return self.put_manifest(TreeManifest(transfers.put_files(self, files, tick)))

    def fetch_file(self, reference: str, path: Path, tick: Callable[[], None] | None = None) -> None:
        """Writes a file; it is whole or absent (OutputError)."""
        transfers.fetch_file(self, self.read_file_manifest(reference), path, tick)

    def fetch_tree(self, reference: str, folder: Path, tick: Callable[[], None] | None = None) -> None:
        """Writes a folder, which isn't there yet or is empty; it is whole or absent (OutputError)."""
        transfers.fetch_tree(self, self.read_tree(reference), folder, tick)

    def open_file(self, reference: str) -> StoredFile:
        """Opens a file for reading; only the chunks that are touched are fetched."""
        return StoredFile(self, self.read_file_manifest(reference))

    def read_file_manifest(self, reference: str) -> FileManifest:
        """Reads a file's manifest: its bytes and chunks (StorageError: it is a folder's)."""
        manifest = self._read_manifest(reference)
        if not isinstance(manifest, FileManifest):
            raise StorageError(f"{self._place(MANIFESTS, reference)}: is a folder, where a file is expected")
        return manifest

    def read_tree(self, reference: str) -> TreeManifest:
        """Reads a folder's manifest: its files by name (StorageError: it is a file's)."""
        manifest = self._read_manifest(reference)
        if not isinstance(manifest, TreeManifest):
            raise StorageError(f"{self._place(MANIFESTS, reference)}: is a file, where a folder is expected")
        return manifest

    def put_manifest(self, manifest: FileManifest | TreeManifest) -> str:
        """Keeps a manifest, and returns its digest: the reference."""
        return self._put(MANIFESTS, manifest.encode())

    def within(self, name: str) -> Storage:
        """The storage of a folder below this one's, say of one run, which can be swept by itself.

        A folder of a disk is made.
        """
        place = parse_url(self.url)
        if isinstance(place, Path) and place.is_dir():
            make_private_folder(place / name)
        return Storage(f"{self.url}/{name}", self.settings, self._own_cache)

    def list_objects(self) -> list[StoredObject]:
        """Lists all objects and manifests, with those that an interrupted writer left."""
        return [*self.backend.list_objects(OBJECTS), *self.backend.list_objects(MANIFESTS)]

    def sweep(self, keep: Collection[str] = (), older_than_s: float = 7 * RENEWED_S) -> int:
        """Removes what no reference in ``keep`` leads to, and returns how many bytes that were.

        Args:
            keep: references of files and folders, and digests of bytes.
            older_than_s: what was put later stays. Whoever puts files at the same time relies on it: more
                than ``RENEWED_S`` and the longest upload together, 0 only where nobody does.

        Raises:
            StorageError: something that ``keep`` needs can't be read; then nothing is removed.
        """
        found = self.list_objects()
        needed = self.list_needed(keep, {each.name for each in found})
        newest = time.time() - older_than_s
        removed = 0
        for each in found:
            if each.modified is None and older_than_s > 0:
                raise StorageError(
                    f"{self.url}: this storage doesn't say when objects were written; clean it by hand"
                )
            is_old = older_than_s <= 0 or (each.modified is not None and each.modified < newest)
            if is_old and each.name not in needed:
                self.backend.remove(each.name)
                removed += each.size
        return removed

    def list_needed(self, keep: Collection[str], there: set[str]) -> set[str]:
        """Lists the names of all that references, or digests of bytes, lead to.

        Args:
            there: names of what is there, as ``list_objects``.

        Raises:
            StorageError: something can't be read, or isn't there.
        """
        needed = set()
        wanted = list(keep)
        while wanted:
            digest = wanted.pop()
            needed |= {_name(OBJECTS, digest), _name(MANIFESTS, digest)}
            if _name(MANIFESTS, digest) in there:
                manifest = self._read_manifest(digest)
                if isinstance(manifest, TreeManifest):
                    wanted += {entry.reference for entry in manifest.files.values()}
                else:
                    needed |= {_name(OBJECTS, chunk) for chunk in manifest.chunks}
            elif _name(OBJECTS, digest) not in there:
                raise StorageError(f"{self._place(MANIFESTS, digest)}: isn't there, so nothing was removed")
        return needed

    def remove(self, digest: str) -> None:
        """Removes one object or manifest, whoever refers to it: a damaged one, say, to put it again."""
        for top in (OBJECTS, MANIFESTS):
            self.backend.remove(_name(top, digest))

    def check(self) -> StorageFigures:
        """Writes, reads, lists and removes an object, and measures how fast (StorageError: no right to)."""
        return check_storage(self.backend)

    def get_chunk(self, digest: str, size: int) -> bytes:
        """The bytes of a chunk, verified (StorageError: they are damaged)."""
        data = self._get(OBJECTS, digest)
        if len(data) != size:
            raise StorageError(
                f"{self._place(OBJECTS, digest)}: holds {len(data)} bytes, and its file says {size}; store "
                "the file again"
            )
        return data

    def _read_manifest(self, reference: str) -> FileManifest | TreeManifest:
        return decode_manifest(self._get(MANIFESTS, reference), self._place(MANIFESTS, reference))

    def _place(self, top: str, digest: str) -> str:
        return f"{self.backend}/{_name(top, digest)}"

    def _put(self, top: str, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        name = _name(top, digest)
        there = self.backend.find(name) if len(data) > SENT_AT_ONCE_BYTES else None
        if there is None or there.size != len(data) or not self._keep_young(there):
            self.backend.write(name, data)
        return digest

    def _keep_young(self, there: StoredObject) -> bool:
        """Lets ``sweep`` spare an object as if it were put now; False where it has to be written again."""
        is_young = there.modified is None or time.time() - there.modified < RENEWED_S
        return is_young or self.backend.touch(there.name)

    def _get(self, top: str, digest: str) -> bytes:
        name = _name(top, digest)
        data = self.cache.get(digest) if self.cache is not None else None
        if data is not None:
            return data
        for _ in range(2):  # a connection may garble what the storage has right
            data = self.backend.read(name)
            with self._counting:
                self.fetched_bytes += len(data)
            if hashlib.sha256(data).hexdigest() == digest:
                if self.cache is not None:
                    self.cache.put(digest, data)
                return data
        raise StorageError(
            f"{self._place(top, digest)}: is damaged: it isn't what was stored, read twice; remove this "
            "object and store its file again"
        )


def _name(top: str, digest: str) -> str:
    """An object's name in the storage (StorageError: that is no digest)."""
    if not is_digest(digest):
        raise StorageError(f"{digest[:80]!r} is no reference: it has 64 hex digits")
    return f"{top}/{digest[:2]}/{digest}"
