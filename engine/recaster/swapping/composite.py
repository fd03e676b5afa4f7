"""Lays swapped faces over a frame; pixels outside their masks are not touched at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces.alignment import invert, scale, zoom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Image

SHRINKING: Final = 0.7
"""Below this many frame pixels a crop pixel, the crop is blurred before it is sampled."""
BLUR: Final = 0.4
"""Standard deviation of that blur, in frame pixels."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One face that is ready to be laid over its frame.

    Attributes:
        image: (size, size, 3) float32 RGB, 0 to 255.
        mask: (size, size) float32, 0 to 1, 0 along the border.
        matrix: (2, 3) float64, frame pixels to crop pixels.
    """

    image: NDArray[np.float32]
    mask: NDArray[np.float32]
    matrix: Floats

    @property
    def zoom(self) -> float:
        """Frame pixels a crop pixel: the larger, the nearer the face."""
        return 1 / scale(self.matrix)


def composite(frame: Image, layers: Sequence[Layer]) -> tuple[Image, NDArray[np.uint8]]:
    """Lay faces over a frame, the nearest (largest) last.

    Args:
        frame: (height, width, 3) uint8 RGB; not changed.
        layers: the faces; they may reach beyond the frame.

    Returns:
        The new frame, and its matte: (height, width) uint8, 0 where it equals ``frame``, 255 where
        only swapped faces show.
    """
    painted = frame.copy()
    matte = np.zeros(frame.shape[:2], dtype=np.float32)
    for layer in sorted(layers, key=lambda layer: layer.zoom):
        _lay(painted, matte, layer)
    return painted, np.rint(matte * 255).astype(np.uint8)


def _lay(painted: Image, matte: NDArray[np.float32], layer: Layer) -> None:
    """Blend one face into ``painted`` and ``matte``, in place."""
    place = _rectangle(layer, painted.shape[:2])
    if place is None:
        return
    left, top, right, bottom = place
    image, mask, to_image = _sampled(layer)
    size, corner = (right - left, bottom - top), np.array([left, top])
    face = cv2.warpAffine(
        image,
        _seen_from(invert(to_image), corner),
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    weight = cv2.warpAffine(mask, _seen_from(invert(layer.matrix), corner), size, flags=cv2.INTER_LINEAR)
    here = painted[top:bottom, left:right]
    # blendLinear divides by the sum of the weights + 1e-5, which rounding takes back.
    here[...] = np.rint(cv2.blendLinear(face, here.astype(np.float32), weight, 1 - weight))
    shown = matte[top:bottom, left:right]
    shown += (1 - shown) * weight


def _sampled(layer: Layer) -> tuple[NDArray[np.float32], NDArray[np.float32], Floats]:
    """Image, mask and the image's matrix, so that sampling linearly neither aliases nor smears.

    A crop that shrinks is blurred first; any other is doubled with a cubic filter, which costs half
    of warping with one.
    """
    if layer.zoom >= SHRINKING:
        twice = cv2.resize(layer.image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        return np.clip(twice, 0, 255, out=twice), layer.mask, zoom(layer.matrix, 2)
    sigma = BLUR / layer.zoom
    image = cv2.GaussianBlur(layer.image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    mask = cv2.GaussianBlur(layer.mask, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    return image, np.where(layer.mask > 0, mask, np.float32(0)), layer.matrix


def _seen_from(matrix: Floats, corner: NDArray[np.int64]) -> Floats:
    """A matrix into the frame, as a matrix into the part of it that begins at ``corner`` (x, y)."""
    moved = matrix.copy()
    moved[:, 2] -= corner
    return moved


def _rectangle(layer: Layer, shape: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The part of the frame that the mask reaches: left, top, right, bottom; None if there is none."""
    x, y, width, height = cv2.boundingRect((layer.mask > 0).astype(np.uint8))
    if not width:
        return None
    corners = np.array([(x + i, y + j, 1) for i in (-1, width) for j in (-1, height)])
    reach = corners @ invert(layer.matrix).T
    left, top = np.maximum(np.floor(reach.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(reach.max(axis=0)).astype(int) + 1, shape[::-1])
    if left >= right or top >= bottom:
        return None
    return int(left), int(top), int(right), int(bottom)
