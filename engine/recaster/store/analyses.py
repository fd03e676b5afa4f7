"""Analyses of clips on disk: where they lie, for whose eyes, and until when. They know faces.

They lie in the cache folder, since each can be made again from its clip, in a folder for each clip, named by
its digest: whoever removes a blob removes what was found in it. A worker sees the folders of its own clips.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from typing import TYPE_CHECKING, Final

from recaster.errors import OutputError
from recaster.files import keep_private, remove_folder, write_error
from recaster.locks import try_lock
from recaster.settings.paths import cache_folder

if TYPE_CHECKING:
    from pathlib import Path

MAX_UNUSED_DAYS: Final = 14
"""Days that an analysis is kept which nobody uses, or an unfinished one which nobody goes on with."""
_OF_A_CLIP: Final = re.compile(r"[0-9a-f]{64}")
"""Folders of clips; earlier releases had others, which don't say of which clip."""


def root_folder() -> Path:
    """Folder of all of them."""
    return cache_folder() / "analysis"


def clip_folder(clip: str) -> Path:
    """Folder of those of a clip, by its digest."""
    return root_folder() / clip


def analysis_path(clip: str, key: str) -> Path:
    """Path of one: by its clip's digest, and a key of all else that makes it this one."""
    return clip_folder(clip) / f"{key}.npz"


def clip_digest(path: Path) -> str:
    """The digest of the clip that one is of."""
    return path.parent.name


def make_clip_folder(clip: str) -> Path:
    """Makes the folder of a clip's analyses, and tries to write there (OutputError)."""
    folder = clip_folder(clip)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"{folder}: analyses cannot be kept here ({error.strerror}); name another folder in the "
            "environment variable RECASTER_CACHE"
        ) from error
    keep_private(root_folder())  # they know faces
    return folder


def touch(path: Path) -> None:
    """Note that one is used today."""
    with contextlib.suppress(OSError), path.open("rb") as file:  # gone just now, or it is only read
        os.utime(file.fileno() if os.utime in os.supports_fd else path)


def purge(clip: str) -> None:
    """Remove all that was found in a clip, by its digest (OutputError)."""
    folder = clip_folder(clip)
    for path in _inside(folder):
        _remove(path)
    with contextlib.suppress(OSError):  # a worker can't; an empty one goes when it is old
        folder.rmdir()


def clear() -> None:
    """Remove all of them (OutputError)."""
    for path in root_folder().glob("*"):
        _remove(path)


def tidy() -> None:
    """Close what is open to others; remove what is too old, or of a clip that can't be told (OutputError)."""
    oldest = time.time() - MAX_UNUSED_DAYS * 24 * 3600
    keep_private(root_folder())
    for folder in _inside(root_folder()):
        keep_private(folder)
        if not (_OF_A_CLIP.fullmatch(folder.name) and folder.is_dir()):
            _remove_idle(folder)
            continue
        with contextlib.suppress(FileNotFoundError):
            idle = folder.stat().st_mtime < oldest
            for path in _inside(folder):
                keep_private(path)
                if path.stat().st_mtime < oldest:
                    _remove_idle(path)
            if idle and not _inside(folder):
                folder.rmdir()


def _inside(folder: Path) -> list[Path]:
    """Entries of a folder; none where it isn't there, or others' folders are in it (for a worker)."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def _remove_idle(path: Path) -> None:
    """Remove one unless a process is making it just now."""
    if path.is_dir():
        with try_lock(path / "lock") as idle:
            pass
        if not idle:
            return
    _remove(path)


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            remove_folder(path)
        else:
            path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise write_error(path, error) from error
