"""Handle of a clip file: probed and hashed once, wherever it goes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from recaster.errors import ClipError
from recaster.files import sha256
from recaster.media import reader
from recaster.media.colour_view import ColourView
from recaster.media.probe import probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from recaster.media.types import ClipInfo, Frame


@dataclass(frozen=True)
class Clip:
    """A clip and all that is known of it; what was found out goes along to other processes.

    The file must not change while it is in use. ``colour_space`` is OpenColorIO's name of the space that its
    values are in, where its tags don't say so.
    """

    path: Path
    colour_space: str | None = None

    @cached_property
    def view(self) -> ColourView | None:
        """The view that frames show where ``colour_space`` is said (UsageError for a wrong one)."""
        return None if self.colour_space is None else ColourView.of_space(self.colour_space)

    @cached_property
    def info(self) -> ClipInfo:
        """Size, length, rate and streams (ClipError where it cannot be used)."""
        return probe(self.path)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its bytes, hex (ClipError where it cannot be read)."""
        try:
            return sha256(self.path)
        except OSError as error:
            raise ClipError(f"{self.path}: cannot be read ({error.strerror})") from error

    @property
    def frames(self) -> range:
        """Indices of its frames."""
        return range(self.info.frame_count)

    def read(self, start: int, stop: int) -> Iterator[Frame]:
        """Reads frames lazily, as ``reader.read_frames``."""
        return reader.read_frames(self.path, start, stop, lazy=True, view=self.view)

    def read_fast(self, start: int, stop: int) -> Iterator[Frame]:
        """Reads frames to look at, as ``reader.read_frames``."""
        return reader.read_frames(self.path, start, stop, fast=True, view=self.view)

    def read_indices(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Reads single frames, as ``reader.read_indices``."""
        return reader.read_indices(self.path, indices, self.view)

    def find_cheap_indices(self) -> NDArray[np.int64]:
        """Finds the frames that are read without many others, as ``reader.find_cheap_indices``."""
        return reader.find_cheap_indices(self.path)
