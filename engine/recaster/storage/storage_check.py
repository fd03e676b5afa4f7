"""Check of a storage: the rights that this machine has there, and the speed."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.errors import StorageError
from recaster.storage.manifests import CHUNK_BYTES

if TYPE_CHECKING:
    from recaster.storage.retries import RetryingBackend

TRIES: Final = 5
CHECKS: Final = "checks"
"""Name below which they lie, for a moment."""


@dataclass(frozen=True)
class StorageFigures:
    """Speed of a storage, seen from this machine: MB (10^6 bytes) a second of one chunk, and ms of a request.

    Attributes:
        latency_ms: median time of asking for an object's size.
    """

    write_mb_s: float
    read_mb_s: float
    latency_ms: float


def check_storage(backend: RetryingBackend) -> StorageFigures:
    """Writes, finds, lists, reads and removes a chunk of random bytes, which nobody else needs.

    Raises:
        StorageError: one of that can't be done, or what is read isn't what was written.
    """
    data = os.urandom(CHUNK_BYTES)
    name = f"{CHECKS}/00/{os.urandom(16).hex()}"
    megabytes = len(data) / 1e6
    try:
        begin = time.perf_counter()
        backend.write(name, data)
        written = time.perf_counter()
        read = backend.read(name)
        done = time.perf_counter()
        requests = []
        for _ in range(TRIES):
            start = time.perf_counter()
            found = backend.find(name)
            requests.append(time.perf_counter() - start)
        is_listed = any(each.name == name for each in backend.list_objects(CHECKS))
    except StorageError:
        with contextlib.suppress(StorageError):  # the first one is what is wrong
            backend.remove(name)
        raise
    backend.remove(name)
    if read != data or found is None or found.size != len(data) or not is_listed:
        raise StorageError(
            f"{backend}: what was written there can't be found, or is read as something else; this storage "
            "can't be relied on"
        )
    return StorageFigures(
        megabytes / (written - begin), megabytes / (done - written), 1000 * statistics.median(requests)
    )
