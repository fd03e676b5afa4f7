"""Clips in a storage: kept there once, then read on other machines, no more of them than is looked at.

What lies in a folder that all machines see is read there, and isn't kept in the storage.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from recaster.errors import ClipError, InputError
from recaster.media import remote_files
from recaster.media.clip import Clip, is_blob
from recaster.media.probe import forget_scan, note_scan, scan
from recaster.storage.manifests import TreeManifest
from recaster.storage.transfers import put_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from recaster.media.types import ClipInfo, Scan
    from recaster.settings.corrections import Corrections
    from recaster.settings.reading import ReadOptions
    from recaster.storage.manifests import StoredEntry
    from recaster.storage.storage import Storage


ENDS_BYTES: Final = 1 << 16
"""Of a file's beginning, and of its end, by which it is known again: an index is at one of them."""


@dataclass(frozen=True)
class SharedFile:
    """A file that all machines see at its path, as it was when work on it began.

    Attributes:
        modified: its time of change, in ns.
        ends: SHA-256 of its first and last bytes, hex.
    """

    path: Path
    size: int
    modified: int
    ends: str

    @classmethod
    def of(cls, path: Path) -> SharedFile:
        """Looks at a file (InputError: it can't be read)."""
        try:
            with path.open("rb") as file:
                return cls(path.absolute(), *_describe_file(file))
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error

    def open(self) -> BinaryIO:
        """Opens it on another machine (ClipError: it isn't there, or isn't the same)."""
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise ClipError(
                f"{self.path}: cannot be read there ({error.strerror}); let all machines see this folder, or "
                "leave it out of --shared-folders"
            ) from error
        if _describe_file(file) != (self.size, self.modified, self.ends):
            file.close()
            raise ClipError(
                f"{self.path}: isn't the same file there; if it was changed, run the same command again, "
                "else leave its folder out of --shared-folders"
            )
        return file

    def find(self) -> Path:
        """Finds it on another machine (ClipError: it isn't there, or isn't the same)."""
        self.open().close()
        return self.path


def _describe_file(file: BinaryIO) -> tuple[int, int, str]:
    """Bytes, time of change and digest of the ends of a file, which then is at its beginning (OSError)."""
    status = os.fstat(file.fileno())
    ends = hashlib.sha256(file.read(ENDS_BYTES))
    file.seek(max(0, status.st_size - ENDS_BYTES))
    ends.update(file.read(ENDS_BYTES))
    file.seek(0)
    return status.st_size, status.st_mtime_ns, ends.hexdigest()


@dataclass(frozen=True)
class StoredFiles:
    """Files in a storage, or shared, by the paths that they had; it can be pickled.

    Attributes:
        reference: of a folder in the storage with those that are there, for ``Storage.sweep``.
    """

    files: Mapping[Path, StoredEntry | SharedFile]
    reference: str

    def open(self, storage: Storage) -> None:
        """Lets the paths stand for the stored files in this process, whatever this machine's disk has there.

        Nothing is fetched before they are read, and only the parts that are.
        """
        for path, entry in self.files.items():
            if isinstance(entry, SharedFile):
                file = remote_files.RemoteFile(entry.size, entry.open, entry.find)
            else:
                file = remote_files.RemoteFile(entry.size, partial(storage.open_file, entry.reference))
            remote_files.register(path, file)

    def close(self) -> None:
        """Lets the paths stand for what is on disk again."""
        for path in self.files:
            remote_files.forget(path)


@dataclass(frozen=True)
class StoredClip:
    """A clip in a storage, and all that is known of it; it can be pickled.

    Attributes:
        path: of the clip where it was stored; messages call it so elsewhere, too.
    """

    path: Path
    stored: StoredFiles
    options: ReadOptions
    corrections: Corrections
    info: ClipInfo
    scan: Scan
    digest: str

    @property
    def reference(self) -> str:
        """Reference of a folder in the storage with all of its files."""
        return self.stored.reference

    def open(self, storage: Storage) -> Clip:
        """Opens the clip in this process, from the storage, whatever this machine's disk has at its path.

        Nothing is fetched before frames are read, and of a movie only the parts that hold them; ``close``
        ends it. Its sound and corrections beside it are part of it.
        """
        self.stored.open(storage)
        note_scan(self.path, self.options, self.scan)
        clip = Clip(self.path, self.options, self.corrections)
        clip.__dict__.update(info=self.info, digest=self.digest)
        return clip

    def close(self) -> None:
        """Lets the clip's paths stand for what is on disk again."""
        forget_scan(self.path, self.options)
        self.stored.close()


def store_files(
    storage: Storage, paths: Sequence[Path], tick: Callable[[], None] | None = None
) -> StoredFiles:
    """Keeps files in a storage, but for those in folders that all machines see.

    Args:
        tick: called for each chunk of 8 MiB, or file, that is kept.

    Raises:
        InputError: one can't be read, or changes meanwhile.
        StorageError: one can't be kept.
    """
    folders = [Path(folder).absolute() for folder in storage.settings.shared_folders]
    seen = {path for path in paths if any(path.absolute().is_relative_to(folder) for folder in folders)}
    shared = {path for path in seen if not is_blob(path)}  # whose time is of the last request for it
    # By number: the same pictures are stored once, whatever they are called.
    numbered = {str(number): path for number, path in enumerate(paths) if path not in shared}
    entries = put_files(storage, numbered, tick)
    reference = storage.put_manifest(TreeManifest(entries))
    stored = dict(zip(numbered.values(), entries.values(), strict=True))
    return StoredFiles({path: stored.get(path) or SharedFile.of(path) for path in paths}, reference)


def store_clip(storage: Storage, clip: Clip, tick: Callable[[], None] | None = None) -> StoredClip:
    """Keeps a clip in a storage: its file, or its pictures.

    Args:
        tick: called for each chunk of 8 MiB, or picture, that is kept.

    Raises:
        ClipError: it can't be used, or changes meanwhile.
        StorageError: it can't be kept.
    """
    _ = clip.info
    return describe_stored(clip, store_files(storage, clip.paths, tick))


def describe_stored(clip: Clip, stored: StoredFiles) -> StoredClip:
    """Adds to the stored files of a clip what is known of it (ClipError: it changed meanwhile)."""
    found = scan(clip.path, clip.options)
    made = StoredClip(clip.path, stored, clip.options, clip.corrections, clip.info, found, clip.digest)
    clip.refuse_changes()
    return made
