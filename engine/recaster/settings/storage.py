"""Options of the storage that the machines of a cluster share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from recaster.settings.choices import Bounds
from recaster.settings.options import option

CACHE_BOUNDS: Final = Bounds(0, 2**20)
PATIENCE_BOUNDS: Final = Bounds(0, 86_400)


@dataclass(frozen=True)
class StorageSettings:
    """Choices of a storage: its place, and limits on each machine that uses it.

    Attributes:
        storage: None where nothing is shared.
        shared_folders: paths, the same on all machines.
        storage_cache_gib: 0 for no cache.
    """

    storage: str | None = option(
        None,
        "keep what machines share behind this URL: a folder that all of them see, s3://BUCKET/PREFIX, or "
        "what else fsspec speaks. See docs/scale.md",
        metavar="URL",
    )
    shared_folders: tuple[str, ...] = option(
        (),
        "folders that all machines see at these paths: clips in them are read where they are, and not copied "
        "into the storage",
        metavar="FOLDER,...",
    )
    storage_cache_gib: float = option(
        50,
        "disk that each machine uses for copies of what it fetched; 0 for none",
        bounds=CACHE_BOUNDS,
        metavar="N",
    )
    storage_patience_s: float = option(
        120,
        "seconds in all that a request to a storage which doesn't answer is repeated",
        bounds=PATIENCE_BOUNDS,
        metavar="N",
    )
