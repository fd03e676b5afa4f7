"""Tint of the light on the eyes, by their whites.

Skins differ in their own colour, so a gain that turns one into the other is more than a change of light, and
whites of eyes go blue or yellow under it. The whites of all eyes are nearly alike: what differs between two
persons' whites is the light.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import cv2
import numpy as np

from recaster.appearance.light import LUMA, percentile
from recaster.faces import topology
from recaster.faces.region_masks import fill_polygon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats, Floats32, Uint8s
    from recaster.media.types import Image

_WHITE_PERCENTILE: Final = 60  # percentile of the brightness within an eye from which on it is its white
_MIN_PIXELS: Final = 12  # pixels of a white below which it is not measured
_MAX_TINT: Final = 0.35  # bound of a channel's correction, natural logarithm: beyond, something is reflected
_EDGE_SIGMA: Final = 0.008  # sigma of the edge of an eye, as a share of the crop's side
_DARK_OFFSET: Final = 1.5  # grey levels added before a ratio is taken: 8 bits know no finer


@dataclass(frozen=True, eq=False)
class EyeWhite:
    """Tint of the light on one eye, over that of the skin around it."""

    tint: Floats  # (3,) natural logarithm of each channel's gain, which leaves brightness nearly as it is
    pixels: float  # how many were measured
    eye: Floats32  # (H, W, 1) float32, 0 to 1, where it is in a part of the crop
    corner: tuple[int, int]  # row and column of that part's upper left

    @classmethod
    def measure(
        cls, swapped: Image, target: Image, gains: Floats, mask: Floats32, points: Floats
    ) -> tuple[Self, Self]:
        """Compares each eye's white of a face that has the target's light on its skin with the target's.

        Args:
            swapped: (size, size, 3); ``target`` is the target's face in the same crop.
            gains: (C, C, 3) natural logarithm of each channel's gain that brings the light to the skin.
            mask: (size, size), 0 to 1, where the face will show.
            points: (478, 3), the mesh in the crop's pixels.
        """
        left, right = (
            cls._of_eye(swapped, target, gains, mask, points[list(outline)])
            for outline in (topology.EYE_LEFT, topology.EYE_RIGHT)
        )
        return left, right

    @classmethod
    def _of_eye(cls, swapped: Image, target: Image, gains: Floats, mask: Floats32, points: Floats) -> Self:
        outline = np.rint(points[:, :2]).astype(np.int32)
        eye = fill_polygon(outline, len(mask), 255)
        left, top, width, height = cv2.boundingRect(outline)
        part = np.s_[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
        seen = (eye[part] > 0) & (mask[part] > 0.5)  # shut, or behind a hand, it tells nothing
        if seen.sum() * (1 - _WHITE_PERCENTILE / 100) < _MIN_PIXELS:
            return cls(np.zeros(3), 0, *_soften_part(eye))
        cell = np.clip(outline.mean(0)[::-1] * len(gains) / len(mask), 0, len(gains) - 1).astype(int)
        relit = swapped[part][seen] * np.exp(gains[tuple(cell)])
        tint = _tint_of_white(target[part][seen]) - _tint_of_white(relit)
        return cls(np.clip(tint, -_MAX_TINT, _MAX_TINT), float(seen.sum()), *_soften_part(eye))

    @classmethod
    def average(cls, middle: Self, window: Sequence[Self], weights: Floats) -> Self:
        """Averages frames' tints, a wide eye counting more than a narrow one, on the eye of one of them."""
        shares = weights * [eye.pixels for eye in window]
        if not shares.any():
            return middle
        tint = np.average([eye.tint for eye in window], axis=0, weights=shares)
        return cls(tint, middle.pixels, middle.eye, middle.corner)

    def apply(self, drawn: Floats32) -> None:
        """Tints the eye of a face (size, size, 3), 0 to 255, in place."""
        top, left = self.corner
        height, width = self.eye.shape[:2]
        gain = (np.exp(self.tint) - 1).astype(np.float32)
        drawn[top : top + height, left : left + width] *= 1 + self.eye * gain


def _soften_part(eye: Uint8s) -> tuple[Floats32, tuple[int, int]]:
    """Softens the part of a mask (size, size), 0 to 255, that is not empty: 0 to 1, and its upper left."""
    sigma = _EDGE_SIGMA * len(eye)
    reach = round(3 * sigma)
    left, top, width, height = cv2.boundingRect(eye)
    above = max(top - reach, 0)
    before = max(left - reach, 0)
    part = eye[above : top + height + reach, before : left + width + reach]
    if part.size:
        part = cv2.GaussianBlur(part, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    return part[..., None].astype(np.float32) / np.float32(255), (above, before)


def _tint_of_white(pixels: NDArray[np.generic]) -> Floats:
    """Logarithm of each channel over brightness, (3,), in the lightest of an eye's pixels (N, 3)."""
    brightness = pixels @ LUMA
    white = pixels[brightness >= percentile(brightness, _WHITE_PERCENTILE)].mean(axis=0) + _DARK_OFFSET
    return np.log(white / (white @ LUMA))
