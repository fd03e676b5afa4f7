"""Analyses of clips on disk: where they lie, for whose eyes, and until when. They know faces.

They lie in the cache folder, apart from the data: each can be made again from its clip. An analysis is named
by its clip's digest, so that it goes with the clip: whoever removes a blob removes what was found in it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from typing import TYPE_CHECKING, Final

from recaster.files import held, keep_private, unwritable
from recaster.places import cache_folder

if TYPE_CHECKING:
    from pathlib import Path

MAX_UNUSED_DAYS: Final = 14
"""Days that an analysis is kept which nobody uses, or an unfinished one which nobody goes on with."""
_OF_NO_CLIP: Final = re.compile(r"[0-9a-f]{32}\.(npz|parts)")
"""Names that earlier releases gave: they don't say of which clip."""


def folder() -> Path:
    """Where they lie."""
    return cache_folder() / "analysis"


def place(clip: str, key: str) -> Path:
    """Where one lies, or would: by its clip's digest, and a key of all else that makes it this one."""
    return folder() / f"{clip}-{key}.npz"


def clip_of(path: Path) -> str:
    """The digest of the clip that one is of."""
    return path.name.partition("-")[0]


def use(path: Path) -> None:
    """Note that one is used today."""
    with contextlib.suppress(OSError):  # gone just now, or in a cache that is only read
        os.utime(path)


def purge(clip: str) -> None:
    """Remove all that was found in a clip, by its digest (OutputError)."""
    for path in folder().glob(f"*{clip}-*"):  # half-written ones, too
        _remove(path)


def clear() -> None:
    """Remove all of them (OutputError)."""
    for path in folder().glob("*"):
        _remove(path)


def tidy() -> None:
    """Close what is open to others, and remove what is too old, or of a clip that can't be told.

    Raises:
        OutputError: it belongs to somebody else, or can't be changed.
    """
    if not folder().is_dir():
        return
    keep_private(folder())
    oldest = time.time() - MAX_UNUSED_DAYS * 24 * 3600
    for path in folder().iterdir():
        keep_private(path)
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest or _OF_NO_CLIP.fullmatch(path.name):
                _remove_idle(path)


def _remove_idle(path: Path) -> None:
    """Remove one unless a process is making it just now."""
    if path.is_dir():
        with held(path / "lock") as idle:
            pass
        if not idle:
            return
    _remove(path)


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise unwritable(path, error) from error
