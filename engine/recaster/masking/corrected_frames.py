"""Pictures in which an artist corrects the masks of some frames: painted over them, or masks themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.errors import UsageError
from recaster.media.clip import Clip
from recaster.media.picture_frame import PictureFrame
from recaster.swapping.mask_clips import WHITE, is_transparent, read_grey

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.faces.types import Bools, Floats32
    from recaster.media.types import Frame, Image

PAINT: Final = (255, 0, 255)
"""Magenta, RGB: skin, hair and props hardly ever are."""
PAINT_SHARE: Final = 0.65
"""Share of the paint where starting pictures show the automatic mask; the frame shines through."""
MIN_PAINTED: Final = 60
"""Grey levels by which a pixel is more magenta than its frame where it is painted."""
_MAX_APART: Final = 24
"""Median difference of a painted picture from its frame, in grey levels, where nothing is painted."""
_MAX_TINT: Final = 24
"""Difference of the channels of greys."""
_GREY_SHARE: Final = 0.99
_BLACK: Final = 1 / 16
_SHARP_SHARE: Final = 0.9
"""Share of a mask's pixels that are black or white; the others are its soft edges."""


@dataclass(frozen=True, eq=False)
class CorrectedFrame:
    """The mask of a frame as an artist wants it: (height, width) float32, 0 to 1 (in front of the face)."""

    frame: Frame
    mask: Floats32


def paint(frame: Image, mask: Bools) -> Image:
    """Paints a mask (H, W) over a frame."""
    painted = frame + PAINT_SHARE * (np.array(PAINT) - frame)
    return np.where(mask[..., None], np.rint(painted), frame).astype(np.uint8)


def read_corrected(folder: Path, clip: Clip) -> list[CorrectedFrame]:
    """Reads the corrected frames of a folder, whose pictures have the frames' indices as numbers.

    Raises:
        ClipError: the folder or a picture can't be read.
        UsageError: a picture is none of the clip's, or neither a mask nor painted over its frame.
    """
    pictures = Clip(folder)
    info = clip.info
    if pictures.info.first_number is None:
        raise UsageError(f"{folder}: corrected frames are pictures, named by the frames' numbers: 0120.png")
    found = {}
    for picture in pictures.read(0, pictures.info.frame_count):
        assert isinstance(picture, PictureFrame)  # noqa: S101 - of a sequence
        if picture.number not in clip.frames:
            raise UsageError(
                f"{picture.path}: the clip has no frame {picture.number}, only 0 to {info.frame_count - 1}"
            )
        found[picture.number] = picture
    frames = clip.read_indices(sorted(found))
    return [CorrectedFrame(frame, _read_mask(found[frame.index], frame)) for frame in frames]


def _read_mask(picture: PictureFrame, frame: Frame) -> Floats32:
    """Reads the mask in a picture of a frame: its alpha, its paint, or its greys."""
    width, height = frame.size
    if abs(picture.size[0] * height - picture.size[1] * width) > max(width, height):
        raise UsageError(
            f"{picture.path}: is {picture.size[0]} by {picture.size[1]} pixels, the clip {width} by {height}"
        )
    is_alpha = is_transparent(picture)
    grey = read_grey(picture, is_alpha=is_alpha)
    if is_alpha:
        return _resize(grey.astype(np.float32) / np.float32(WHITE), frame.size)
    is_grey = (np.ptp(picture.image.astype(np.int16), axis=-1) <= _MAX_TINT).mean() >= _GREY_SHARE
    # Before paint is looked for: a dark frame is like a mask that is mostly black.
    if is_grey and ((grey < WHITE * _BLACK) | (grey > WHITE * (1 - _BLACK))).mean() >= _SHARP_SHARE:
        return _resize(grey.astype(np.float32) / np.float32(WHITE), frame.size)
    image = picture.image if picture.size == frame.size else cv2.resize(picture.image, frame.size)
    painted = _excess(image) - _excess(frame.image) > MIN_PAINTED
    rest = ~painted
    apart = np.abs(image.astype(np.int16) - frame.image).mean(-1)[rest]
    if not apart.size or np.median(apart) <= _MAX_APART:
        return np.asarray(painted, np.float32)
    if is_grey:
        return _resize(grey.astype(np.float32) / np.float32(WHITE), frame.size)
    raise UsageError(
        f"{picture.path}: is neither frame {frame.index} with magenta painted over it, nor a mask in black "
        "and white, nor transparent"
    )


def _excess(image: Image) -> NDArray[np.int16]:
    """Excess of magenta over what is grey or green, (H, W) int16."""
    red, green, blue = np.moveaxis(image.astype(np.int16), -1, 0)
    return np.asarray(np.minimum(red, blue) - green, np.int16)


def _resize(mask: Floats32, size: tuple[int, int]) -> Floats32:
    if mask.shape[::-1] == size:
        return mask
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.float32)
