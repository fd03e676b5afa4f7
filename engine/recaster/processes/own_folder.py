"""Folders of one process, which others remove where that process was killed."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING, Final

from recaster.files import make_private_folder, remove_folder
from recaster.locks import try_lock
from recaster.settings.paths import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK: Final = ".lock"
_WORK_NAME: Final = "cluster"
_WORK_PREFIX: Final = "work-"


@contextlib.contextmanager
def work_folder() -> Iterator[Path]:
    """Makes a folder for work of a cluster's node, below RECASTER_CACHE, as ``own_folder`` (OutputError)."""
    top = cache_folder() / _WORK_NAME
    make_private_folder(top)
    with own_folder(top, _WORK_PREFIX) as folder:
        yield folder


@contextlib.contextmanager
def own_folder(top: Path, prefix: str) -> Iterator[Path]:
    """Makes a folder for this process as long as the block lasts, and removes those of processes that died.

    Args:
        prefix: of the names of such folders.

    Raises:
        OutputError: it can't be made.
    """
    _sweep(top, prefix)
    while True:
        folder = top / f"{prefix}{secrets.token_hex(8)}"
        lock = top / f"{folder.name}{_LOCK}"
        # The lock comes first, as a folder without one may be swept by others.
        with try_lock(lock) as alone:
            if not alone or not lock.exists():
                continue
            make_private_folder(folder)
            try:
                yield folder
            finally:
                remove_folder(folder, quietly=True)
                lock.unlink(missing_ok=True)
            return


def _sweep(top: Path, prefix: str) -> None:
    names = [path.name for path in top.iterdir()] if top.is_dir() else []
    for name in names:
        if name.startswith(prefix) and name.endswith(_LOCK):
            with try_lock(top / name) as alone:
                if alone:
                    remove_folder(top / name.removesuffix(_LOCK), quietly=True)
                    (top / name).unlink(missing_ok=True)
