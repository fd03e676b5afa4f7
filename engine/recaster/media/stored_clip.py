"""Clips in a storage: kept there once, then read on other machines, no more of them than is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from recaster.media import remote_files
from recaster.media.clip import Clip
from recaster.media.probe import forget_scan, note_scan, scan
from recaster.media.sequence_name import find_sequence
from recaster.storage.manifests import TreeManifest
from recaster.storage.transfers import put_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from recaster.media.types import ClipInfo, Scan
    from recaster.settings.corrections import Corrections
    from recaster.settings.reading import ReadOptions
    from recaster.storage.manifests import StoredEntry
    from recaster.storage.storage import Storage


@dataclass(frozen=True)
class StoredClip:
    """A clip in a storage, and all that is known of it; it can be pickled.

    Attributes:
        path: of the clip where it was stored; messages call it so elsewhere, too.
        files: what is stored, by the path that it had.
        reference: of a folder in the storage with all of ``files``, for ``Storage.sweep``.
    """

    path: Path
    files: Mapping[Path, StoredEntry]
    reference: str
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
        for path, entry in self.files.items():
            opened = partial(storage.open_file, entry.reference)
            remote_files.register(path, remote_files.RemoteFile(entry.size, opened))
        note_scan(self.path, self.options, self.scan)
        clip = Clip(self.path, self.options, self.corrections)
        clip.__dict__.update(info=self.info, digest=self.digest)
        return clip

    def close(self) -> None:
        """Lets the clip's paths stand for what is on disk again."""
        forget_scan(self.path, self.options)
        for path in self.files:
            remote_files.forget(path)


def store_clip(storage: Storage, clip: Clip, tick: Callable[[], None] | None = None) -> StoredClip:
    """Keeps a clip in a storage: its file, or its pictures.

    Args:
        tick: called for each chunk of 8 MiB, or picture, that is kept.

    Raises:
        ClipError: it can't be used, or changes meanwhile.
        StorageError: it can't be kept.
    """
    sequence = find_sequence(clip.path, is_still=clip.options.stills)
    numbers = [] if sequence is None else sequence.find_numbers()
    paths = [clip.path] if sequence is None else [sequence.picture_path(number) for number in numbers]
    found = scan(clip.path, clip.options)
    info = clip.info
    # By number: the same pictures are stored once, whatever they are called.
    entries = put_files(storage, {str(number): path for number, path in enumerate(paths)}, tick)
    reference = storage.put_manifest(TreeManifest(entries))
    digest = clip.digest
    clip.refuse_changes()
    return StoredClip(
        clip.path,
        dict(zip(paths, entries.values(), strict=True)),
        reference,
        clip.options,
        clip.corrections,
        info,
        found,
        digest,
    )
