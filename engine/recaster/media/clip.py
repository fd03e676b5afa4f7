"""Handle of a clip: probed and hashed once, wherever it goes."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recaster.errors import ClipError
from recaster.media import reader
from recaster.media.probe import keep_scan, note_scan, probe, scan
from recaster.media.remote_files import hash_file, is_file, stat_file
from recaster.media.sequence_name import clip_exists, find_sequence, resolve_clip
from recaster.media.sequence_scan import READERS, stat_pictures
from recaster.settings.corrections import NO_CORRECTIONS, default_path, has_corrections, read_corrections
from recaster.settings.reading import DEFAULT_READING, ReadOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from recaster.media.colour_view import ColourView
    from recaster.media.types import ClipInfo, Frame, Scan
    from recaster.settings.corrections import Corrections


_NOTED_DIGESTS: dict[Path, str] = {}
_KEPT_DIGESTS: dict[tuple[Path, int, int], str] = {}
"""Of movies, by path, time of change and bytes: a long one takes minutes to read."""
_BLOBS: set[Path] = set()


class ClipFacts(NamedTuple):
    """Findings of the passes over a clip, for other processes that read it; ``digest`` where it is known."""

    path: Path
    options: ReadOptions
    scan: Scan
    digest: str | None

    def note(self) -> None:
        """Notes them for this process, which then doesn't look for them."""
        note_scan(self.path, self.options, self.scan)

    def keep(self) -> None:
        """Keeps them for this process as long as the file stays the same; of a sequence nothing is kept."""
        if not self.scan.info.is_sequence:
            keep_scan(self.path, self.scan)
            if self.digest is not None:
                _KEPT_DIGESTS[self.path, *stat_file(self.path)] = self.digest


@dataclass(frozen=True)
class Clip:
    """A clip and all that is known of it; what was found out goes along to other processes.

    ``path`` is a file, or all that ``find_sequence`` takes, which becomes the pattern of a sequence of
    pictures (ClipError where several may be meant). Files must not change while it is in use. ``options`` are
    what isn't as the files say. ``named_corrections`` are corrections of its analysis; None for those in the
    file beside it, if there is one.
    """

    path: Path
    options: ReadOptions = DEFAULT_READING
    named_corrections: Corrections | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", resolve_clip(Path(self.path), is_still=self.options.stills))

    @cached_property
    def corrections(self) -> Corrections:
        """Corrections of its analysis (InputError where their file can't be read)."""
        if self.named_corrections is not None:
            return self.named_corrections
        path = default_path(self.path)
        return read_corrections(path) if has_corrections(path) else NO_CORRECTIONS

    @cached_property
    def view(self) -> ColourView | None:
        """The view that frames show where a colour space is said (UsageError for a wrong one)."""
        return reader.find_named_view(self.options)

    @cached_property
    def info(self) -> ClipInfo:
        """Size, length, rate and streams (ClipError where it cannot be used)."""
        if self.exists():  # else probing says what is missing
            _ = self._versions
        return probe(self.path, self.options)

    @property
    def facts(self) -> ClipFacts:
        """Findings of the pass over it (ClipError where it can't be used)."""
        return ClipFacts(self.path, self.options, scan(self.path, self.options), self.__dict__.get("digest"))

    @cached_property
    def digest(self) -> str:
        """SHA-256, hex, as ``digest_media``, or as ``note_digest`` was told."""
        versions = self._versions
        if self.path in _NOTED_DIGESTS:
            return _NOTED_DIGESTS[self.path]
        if self.path not in versions:  # a sequence
            return digest_media(self.path, is_still=self.options.stills)
        version = (self.path, *versions[self.path])
        if version not in _KEPT_DIGESTS:
            _KEPT_DIGESTS[version] = digest_media(self.path, is_still=self.options.stills)
        return _KEPT_DIGESTS[version]

    @property
    def own_digest(self) -> str:
        """SHA-256, hex, as ``digest_media``, whatever was noted for it."""
        is_noted = self.path in _NOTED_DIGESTS
        return digest_media(self.path, is_still=self.options.stills) if is_noted else self.digest

    @cached_property
    def _versions(self) -> dict[Path, tuple[int, int]]:
        """Time of change in ns, and bytes, of its files when the first of them was read."""
        return _stat_files(self.path, is_still=self.options.stills)

    def refuse_changes(self) -> None:
        """Refuses a clip whose files aren't those that were read at first (ClipError)."""
        versions = _stat_files(self.path, is_still=self.options.stills)
        changed = [
            path for path in versions | self._versions if versions.get(path) != self._versions.get(path)
        ]
        if changed:
            raise ClipError(
                f"{min(changed)}: was changed while the clip was in use; run the same command again"
            )

    @property
    def paths(self) -> list[Path]:
        """Its file; of a sequence its pictures."""
        sequence = find_sequence(self.path, is_still=self.options.stills)
        return [self.path] if sequence is None else list(map(sequence.picture_path, sequence.find_numbers()))

    @property
    def first_file(self) -> Path:
        """Its file; of a sequence that of the first picture."""
        sequence = find_sequence(self.path, is_still=self.options.stills)
        return self.path if sequence is None else sequence.picture_path(min(sequence.find_numbers()))

    @property
    def frames(self) -> range:
        """Indices of its frames."""
        return range(self.info.frame_count)

    def read(self, start: int, stop: int) -> Iterator[Frame]:
        """Reads frames lazily, as ``reader.read_frames``."""
        return reader.read_frames(self.path, start, stop, lazy=True, options=self.options)

    def read_fast(self, start: int, stop: int) -> Iterator[Frame]:
        """Reads frames to look at, as ``reader.read_frames``."""
        return reader.read_frames(self.path, start, stop, fast=True, options=self.options)

    def read_indices(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Reads single frames, as ``reader.read_indices``."""
        return reader.read_indices(self.path, indices, self.options)

    def find_cheap_indices(self) -> NDArray[np.int64]:
        """Finds the frames that are read without many others, as ``reader.find_cheap_indices``."""
        return reader.find_cheap_indices(self.path, self.options)

    def exists(self) -> bool:
        """Tells whether its file, or a picture of it, is still there."""
        return clip_exists(self.path)


def _stat_files(path: Path, *, is_still: bool) -> dict[Path, tuple[int, int]]:
    """Lists time of change in ns, and bytes, of a clip's files (ClipError where one is gone)."""
    sequence = find_sequence(path, is_still=is_still)
    if sequence is not None:
        stats = stat_pictures(sequence)
        return {sequence.picture_path(number): (time, size) for number, time, size in stats}
    try:
        changed, size = stat_file(path)
    except OSError as error:
        raise ClipError(f"{path}: cannot be read ({error.strerror})") from error
    return {path: (0 if path in _BLOBS else changed, size)}


def note_blob(path: Path) -> None:
    """Notes for this process that a file is an engine's blob: its time tells when it was last asked for."""
    _BLOBS.add(path)


def is_blob(path: Path) -> bool:
    """Tells whether a file was noted as an engine's blob."""
    return path in _BLOBS


def forget_blob(path: Path) -> None:
    """Forgets what ``note_blob`` noted, where the name goes before the process does."""
    _BLOBS.discard(path)


def note_digest(path: Path, digest: str) -> None:
    """Notes for this process by which digest others know a clip: pictures that came packed as one file."""
    _NOTED_DIGESTS[path] = digest


def digest_media(path: Path, *, is_still: bool = False) -> str:
    """Computes the SHA-256 of a file's bytes, hex; of a sequence that of its pictures' numbers and digests.

    The same pictures have one digest wherever they lie and whatever they are called.

    Raises:
        ClipError: it cannot be read.
    """
    sequence = None if is_still and is_file(path) else find_sequence(path)
    try:
        if sequence is None:
            return hash_file(path)
        numbers = sequence.find_numbers()
        total = hashlib.sha256()
        with ThreadPoolExecutor(READERS) as pool:
            digests = pool.map(hash_file, map(sequence.picture_path, numbers))
            for number, digest in zip(numbers, digests, strict=True):
                total.update(f"{number} {digest}\n".encode())
        return total.hexdigest()
    except OSError as error:
        raise ClipError(f"{path}: cannot be read ({error.strerror})") from error
