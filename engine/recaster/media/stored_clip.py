"""Clips in a storage: kept there once, then read on other machines, no more of them than is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from recaster.media import remote_files
from recaster.media.clip import Clip
from recaster.media.probe import forget_scan, note_scan, scan
from recaster.storage.manifests import TreeManifest
from recaster.storage.transfers import put_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from recaster.media.types import ClipInfo, Scan
    from recaster.settings.corrections import Corrections
    from recaster.settings.reading import ReadOptions
    from recaster.storage.manifests import StoredEntry
    from recaster.storage.storage import Storage


@dataclass(frozen=True)
class StoredFiles:
    """Files in a storage, by the paths that they had; it can be pickled.

    Attributes:
        reference: of a folder in the storage with all of them, for ``Storage.sweep``.
    """

    files: Mapping[Path, StoredEntry]
    reference: str

    def open(self, storage: Storage) -> None:
        """Lets the paths stand for the stored files in this process, whatever this machine's disk has there.

        Nothing is fetched before they are read, and only the parts that are.
        """
        for path, entry in self.files.items():
            opened = partial(storage.open_file, entry.reference)
            remote_files.register(path, remote_files.RemoteFile(entry.size, opened))

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
    """Keeps files in a storage (InputError: one can't be read, or changes meanwhile; StorageError).

    Args:
        tick: called for each chunk of 8 MiB, or file, that is kept.
    """
    # By number: the same pictures are stored once, whatever they are called.
    entries = put_files(storage, {str(number): path for number, path in enumerate(paths)}, tick)
    reference = storage.put_manifest(TreeManifest(entries))
    return StoredFiles(dict(zip(paths, entries.values(), strict=True)), reference)


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
