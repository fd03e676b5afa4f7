"""Masks that artists bring: grey clips, sequences or stills beside a clip, for what is to show of a face.

They are read along with the clip, and cropped as its faces are.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.errors import ClipError, UsageError
from recaster.faces.alignment import compose, invert, warp
from recaster.media.clip import Clip
from recaster.media.sequence_scan import MAX_NAMED_GAPS
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import ClipInfo, Frame

WHITE: Final = 65535
"""Of masks as they are read: 16 bits hold whatever pictures do."""
_MIN_OPAQUE: Final = 255 << 8
"""Alpha that is white in the fewest bits that it is stored in, however they were widened to 16: ProRes leaves
the last ones 0."""
_MAX_SKEW_PX: Final = 1.0
"""Pixels by which the height of a mask of another size may be off."""


@dataclass(frozen=True, eq=False)
class MaskClip:
    """A grey clip as a mask.

    Attributes:
        first: index of the frame that its first picture belongs to.
        is_still: whether its one picture is that of every frame.
        to_mask: (2, 3), pixels of the frame to those of the mask.
    """

    clip: Clip
    first: int
    is_still: bool
    to_mask: Floats

    @classmethod
    def open(cls, path: Path, info: ClipInfo, frames: range) -> MaskClip:
        """Opens the mask of a clip whose result holds ``frames``.

        Raises:
            UsageError: it has another length or shape.
            ClipError: it can't be read.
        """
        clip = Clip(path)
        mask = clip.info
        count = mask.frame_count
        if count not in (1, info.frame_count, len(frames)):
            part = "" if len(frames) == info.frame_count else f", the range {len(frames)}"
            raise UsageError(
                f"{clip.path}: a mask has as many frames as the clip, or one for all; this one has {count}, "
                f"the clip {info.frame_count}{part}{_explain_count(path, mask)}"
            )
        scale = mask.width / info.width
        if abs(info.height * scale - mask.height) > _MAX_SKEW_PX * max(1.0, scale):
            stored = (
                "" if info.shape.is_plain else " as it is shown ({} by {} stored)".format(*info.shape.stored)
            )
            raise UsageError(
                f"{clip.path}: a mask has the clip's shape; this one is {mask.width} by {mask.height} "
                f"pixels, the clip {info.width} by {info.height}{stored}"
            )
        if mask.has_alpha and not mask.shape.is_plain:
            raise UsageError(f"{clip.path}: a mask with alpha must be stored upright, in square pixels")
        across, down = scale, mask.height / info.height
        to_mask = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2]])
        is_still = count == 1 and len(frames) != 1
        return cls(clip, 0 if count == info.frame_count else frames.start, is_still, to_mask)

    @cached_property
    def is_alpha(self) -> bool:
        """True where its alpha is the mask, of all frames: where any of them is transparent anywhere."""
        # Decided for the whole: a hand that fills a frame leaves its alpha opaque.
        info = self.clip.info
        return info.has_alpha and any(map(is_transparent, self.clip.read(0, info.frame_count)))

    def read(self, start: int, stop: int) -> Iterator[NDArray[np.uint16]]:
        """Reads the masks of frames from an index to before another, (height, width) from 0 to ``WHITE``.

        Raises:
            ClipError: it ends before.
        """
        if self.is_still:
            [frame] = self.clip.read(0, 1)
            yield from itertools.repeat(read_grey(frame, is_alpha=self.is_alpha), stop - start)
            return
        index = start
        for frame in self.clip.read(start - self.first, stop - self.first):
            yield read_grey(frame, is_alpha=self.is_alpha)
            index += 1
        if index < stop:
            raise ClipError(f"{self.clip.path}: ended before frame {index} while it was read")

    def digest_frames(self, frames: range, report: Report = silent) -> dict[int, str]:
        """Computes a digest of each frame's mask; of those that are black none, as if there were no mask."""
        if self.is_still:
            [grey] = self.read(frames.start, frames.start + 1)
            return dict.fromkeys(frames, _digest_grey(grey)) if grey.any() else {}
        digests = {}
        for index, grey in zip(frames, self.read(frames.start, frames.stop), strict=True):
            if grey.any():
                digests[index] = _digest_grey(grey)
            report(Update("reading masks", index - frames.start + 1, len(frames)))
        return digests

    def crop(self, grey: NDArray[np.uint16], matrix: Floats, size: int) -> NDArray[np.float32]:
        """Crops a mask as a frame is by a matrix, (size, size) float32, 0 to 1."""
        unit = grey.astype(np.float32) * np.float32(1 / WHITE)
        return np.asarray(warp(unit, compose(matrix, invert(self.to_mask)), size), np.float32)


@dataclass(frozen=True, eq=False)
class HandMasks:
    """Masks that artists brought, in the pixels of a face's crop: (size, size) float32, 0 to 1.

    Attributes:
        keep_out: how far the performer's own pixels stay; None for nowhere.
        keep_in: how far the face shows even if something was found before it; None for nowhere.
    """

    keep_out: NDArray[np.float32] | None = None
    keep_in: NDArray[np.float32] | None = None

    def add_kept(self, mask: NDArray[np.float32], opacity: float = 1.0) -> NDArray[np.float32]:
        """Adds to a mask (size, size) where the face is to show."""
        return mask if self.keep_in is None else np.maximum(mask, self.keep_in * np.float32(opacity))

    def remove_left(self, mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """Removes from a mask (size, size) where the performer's own pixels stay."""
        return mask if self.keep_out is None else mask * (1 - self.keep_out)

    def without(self, kept: NDArray[np.float32]) -> HandMasks:
        """The same but for what stays the performer's by other choices, (size, size)."""
        return self if self.keep_in is None else replace(self, keep_in=self.keep_in * (1 - kept))


NO_MASKS: Final = HandMasks()


@dataclass(frozen=True, eq=False)
class FrameMasks:
    """The masks of one frame, by their kinds: clips and what was read of them, (height, width)."""

    greys: Mapping[str, tuple[MaskClip, NDArray[np.uint16]]] = field(default_factory=dict)

    def crop(self, matrix: Floats, size: int) -> HandMasks:
        """Crops them as a face of the frame is; nothing shows at the border of a crop."""
        cropped = {name: clip.crop(grey, matrix, size) for name, (clip, grey) in self.greys.items()}
        if (kept := cropped.get("keep_in")) is not None:
            kept[[0, -1]] = 0
            kept[:, [0, -1]] = 0
        return HandMasks(**cropped)


NO_FRAME_MASKS: Final = FrameMasks()


@dataclass(frozen=True, eq=False)
class MaskClips:
    """All masks that artists brought for a clip.

    Attributes:
        clips: by their kinds, which are the names of ``HandMasks``' fields.
        digests: of each, by frame; frames without one are black.
    """

    clips: Mapping[str, MaskClip] = field(default_factory=dict)
    digests: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    @classmethod
    def open(cls, paths: Mapping[str, Path | None], info: ClipInfo, frames: range) -> MaskClips:
        """Opens masks by their kinds, as ``MaskClip.open``."""
        return cls({name: MaskClip.open(path, info, frames) for name, path in paths.items() if path})

    def with_digests(self, frames: range, report: Report) -> MaskClips:
        """Reads all of them, so that it is known which frames they change."""
        digests = {name: clip.digest_frames(frames, report) for name, clip in self.clips.items()}
        return replace(self, digests=digests)

    def read(self, start: int, stop: int) -> Iterator[FrameMasks]:
        """Reads the masks of frames from an index to before another."""
        streams = {name: (clip, clip.read(start, stop)) for name, clip in self.clips.items()}
        for _ in range(start, stop):
            yield FrameMasks({name: (clip, next(greys)) for name, (clip, greys) in streams.items()})

    def digest(self, frame: int) -> tuple[tuple[str, str], ...]:
        """Digest of a frame's masks; empty where all are black, as if there were none."""
        found = ((name, digests.get(frame, "")) for name, digests in self.digests.items())
        return tuple((name, digest) for name, digest in found if digest)

    def refuse_changes(self) -> None:
        """Refuses masks whose files aren't those that were read at first (ClipError)."""
        for mask in self.clips.values():
            mask.clip.refuse_changes()


NO_MASK_CLIPS: Final = MaskClips()


def _explain_count(path: Path, mask: ClipInfo) -> str:
    """Explains in words a number of pictures that isn't as it was meant."""
    words = ""
    if mask.gaps:
        gaps = [str(first) if first == last else f"{first}-{last}" for first, last in mask.gaps]
        shown = ", ".join(gaps[:MAX_NAMED_GAPS]) + (" and more" if len(gaps) > MAX_NAMED_GAPS else "")
        words += f"; there is no picture of number {shown}"
    if mask.is_sequence and path.is_file():
        words += (
            f"; {path.name} was taken for one of them, as its name ends in a number: "
            "rename it if it is the mask of all frames"
        )
    return words


def _digest_grey(grey: NDArray[np.uint16]) -> str:
    return hashlib.sha256(f"{grey.shape}".encode() + grey.tobytes()).hexdigest()


def is_transparent(frame: Frame) -> bool:
    """Tells whether a picture is transparent anywhere."""
    alpha = getattr(frame, "stored_alpha", None)
    return alpha is not None and bool(alpha.min() < _MIN_OPAQUE)


def read_grey(frame: Frame, *, is_alpha: bool) -> NDArray[np.uint16]:
    """Reads a picture as a mask (height, width): its alpha, or its grey.

    Of colours the brightest channel counts: a mask may be painted in red.
    """
    alpha = getattr(frame, "stored_alpha", None) if is_alpha else None
    if alpha is not None:
        return np.asarray(alpha, np.uint16)
    brightest = frame.plate.max(-1)
    if brightest.dtype == np.uint8:
        return brightest.astype(np.uint16) * np.uint16(WHITE // 255)
    return np.rint(np.nan_to_num(brightest).clip(0, 255) * np.float32(WHITE / 255)).astype(np.uint16)
