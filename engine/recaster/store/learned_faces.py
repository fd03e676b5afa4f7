"""Faces as learned of facesets, on disk: where they lie, for whose eyes, and until when.

Likenesses show them, and embeddings know them. They lie in the cache folder, since they can be made again
from their faceset, in a folder for each, named by where the faceset lies: whoever removes a faceset removes
what was learned of it. Whoever takes back a right or deletes a person removes all of it, since nobody knows
here whose face is in which. A worker sees the likenesses of its own facesets.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from recaster.files import keep_private, make_private_folder, remove_folder, write_bytes, write_error
from recaster.settings.paths import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    Kind = Literal["likeness", "embeddings"]

KINDS: Final[tuple[Kind, ...]] = ("likeness", "embeddings")
MAX_UNUSED_DAYS: Final = 14
"""Days that what nobody uses is kept, as analyses of clips are."""
MAX_FACESETS: Final = 64
"""Facesets of which something is kept, the ones used last: a likeness has 5 MB."""
_ORIGIN: Final = "faceset"
"""Name of the file that says where the faceset lies."""


def root_folder(kind: Kind) -> Path:
    """Folder of all of one kind."""
    return cache_folder() / kind


def faceset_folder(kind: Kind, faceset: Path) -> Path:
    """Folder of what was learned of a faceset, by the path of that."""
    return root_folder(kind) / hashlib.sha256(os.fsencode(os.path.realpath(faceset))).hexdigest()


def make_folder(kind: Kind, faceset: Path) -> Path:
    """Makes the folder of what is learned of a faceset (OutputError)."""
    folder = faceset_folder(kind, faceset)
    origin = folder / _ORIGIN
    if not origin.is_file():
        make_private_folder(root_folder(kind))
        make_private_folder(folder)
        write_bytes(origin, os.fsencode(os.path.realpath(faceset)))
    return folder


def keep_only(path: Path) -> None:
    """Removes what was learned of a faceset before it changed: all files but this one (OutputError)."""
    _remove(other for other in _inside(path.parent) if other.name not in (path.name, _ORIGIN))


def touch(path: Path) -> None:
    """Note that something is used today."""
    with contextlib.suppress(OSError):  # gone just now, or it is only read
        os.utime(path)


def purge(faceset: Path) -> None:
    """Remove all that was learned of a faceset, by its path (OutputError)."""
    _remove(faceset_folder(kind, faceset) for kind in KINDS)


def clear() -> None:
    """Remove all that was learned of any (OutputError)."""
    _remove(folder for kind in KINDS for folder in _inside(root_folder(kind)))


def tidy() -> None:
    """Remove what is of a faceset that is gone, too old, or too much (OutputError)."""
    oldest = time.time() - MAX_UNUSED_DAYS * 24 * 3600
    for kind in KINDS:
        keep_private(root_folder(kind))
        used = {folder: _last_use(folder) for folder in _inside(root_folder(kind))}
        newest = sorted(used, key=lambda folder: -used[folder])[:MAX_FACESETS]
        _remove(
            folder
            for folder, when in used.items()
            if when < oldest or folder not in newest or not _has_faceset(folder)
        )


def _has_faceset(folder: Path) -> bool:
    try:
        return Path(os.fsdecode((folder / _ORIGIN).read_bytes())).is_dir()
    except (OSError, ValueError):
        return False


def _last_use(folder: Path) -> float:
    times = []
    for path in (folder, *_inside(folder)):
        with contextlib.suppress(FileNotFoundError):
            times.append(path.stat().st_mtime)
    return max(times, default=0.0)


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # a worker sees its own alone
        return []


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                remove_folder(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(path, error) from error
