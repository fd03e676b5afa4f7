"""A stored file as a file object, of which only those chunks are fetched that are read."""

from __future__ import annotations

import io
import os
import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from recaster.progress import step

if TYPE_CHECKING:
    from recaster.storage.manifests import FileManifest
    from recaster.storage.storage import Storage

HELD_CHUNKS: Final = 3
"""Chunks in memory: readers of clips jump between a few places (picture, sound, index)."""
READ_AHEAD: Final = "read-ahead"
"""Name of the threads that fetch a chunk before it is asked for."""


class StoredFile(io.RawIOBase):
    """Reads a stored file at any place; errors are the storage's (StorageError).

    Where chunks are read one after the other, the next one is fetched meanwhile, and no more than that.
    """

    def __init__(self, storage: Storage, manifest: FileManifest) -> None:
        self.size = manifest.size
        self._storage = storage
        self._manifest = manifest
        self._position = 0
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._last = -1
        self._in_a_row = 0
        self._ahead: tuple[int, Future[bytes]] | None = None
        self._lock = threading.Lock()

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Place of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a place, which may be behind the end (ValueError: it is before the beginning)."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError(f"{start + offset} is before the file's beginning")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fills a buffer as far as the file goes, and returns how many bytes that are."""
        target = memoryview(buffer).cast("B")
        with self._lock:
            done = 0
            while done < len(target) and self._position < self.size:
                index, begin = divmod(self._position, self._manifest.chunk_bytes)
                piece = memoryview(self._load(index))[begin : begin + len(target) - done]
                target[done : done + len(piece)] = piece
                done += len(piece)
                self._position += len(piece)
            return done

    def _load(self, index: int) -> bytes:
        data = self._held.get(index)
        if data is None:
            data = self._take(index)
            self._held[index] = data
            while len(self._held) > HELD_CHUNKS:
                self._held.popitem(last=False)
            step()
        self._held.move_to_end(index)
        if index != self._last:
            self._in_a_row = self._in_a_row + 1 if index == self._last + 1 else 0
            self._last = index
        if self._in_a_row > 1:  # not for a few frames that lie over a border
            self._fetch_ahead(index + 1)
        return data

    def _take(self, index: int) -> bytes:
        if self._ahead is None or self._ahead[0] != index:
            return self._fetch(index)
        coming = self._ahead[1]
        self._ahead = None
        return coming.result()

    def _fetch(self, index: int) -> bytes:
        return self._storage.get_chunk(self._manifest.chunks[index], self._manifest.chunk_size(index))

    def _fetch_ahead(self, index: int) -> None:
        """Begins to fetch a chunk, unless one is still on its way; its errors are told whoever reads it."""
        is_busy = self._ahead is not None and (self._ahead[0] == index or not self._ahead[1].done())
        if is_busy or index in self._held or index >= len(self._manifest.chunks):
            return
        coming: Future[bytes] = Future()

        def fetch() -> None:
            try:
                coming.set_result(self._fetch(index))
            except Exception as error:  # noqa: BLE001 - it is raised where the chunk is read
                coming.set_exception(error)

        self._ahead = (index, coming)
        # Not one of a pool, for which a process would wait as it ends.
        threading.Thread(target=fetch, name=READ_AHEAD, daemon=True).start()
