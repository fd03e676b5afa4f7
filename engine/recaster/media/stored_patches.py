"""Patches of pictures as they are shown, turned into patches of the pictures as they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from recaster.media.types import Patch, Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.media.types import Shape

GRID_PX = 4
"""Stored patches begin and end at multiples of this: no format keeps colour for more pixels together."""


def to_stored(patch: Patch, shape: Shape) -> Patch:
    """Turns, mirrors and squeezes a patch, so that it fits over the stored picture.

    Turning is exact. Pictures are only ever stretched to be shown, so squeezing never makes up detail.
    """
    if shape.is_plain:
        return patch
    turns = shape.rotation // 90
    place = _turn_back(patch.place, (shape.width, shape.height), turns)
    if shape.mirrored:
        width = shape.scaled[0]
        place = Rect(width - place.right, place.top, width - place.left, place.bottom)

    def turn(picture: NDArray[Any]) -> NDArray[Any]:
        turned = np.rot90(picture, turns)
        return turned[:, ::-1] if shape.mirrored else turned

    layer = None if patch.layer is None else turn(patch.layer)
    turned = Patch(place, turn(patch.image), turn(patch.painted), turn(patch.matte), layer)
    return _squeeze(turned, shape.scaled, shape.stored)


def _turn_back(place: Rect, size: tuple[int, int], turns: int) -> Rect:
    """Finds where a rectangle of a picture of a size lies after so many quarter turns anticlockwise."""
    width, height = size
    for _ in range(turns):
        place = Rect(place.top, width - place.right, place.bottom, width - place.left)
        width, height = height, width
    return place


def _squeeze(patch: Patch, scaled: tuple[int, int], size: tuple[int, int]) -> Patch:
    """Brings a patch of a picture that was stretched to ``scaled`` back to the stored size, on the grid."""
    across = scaled[0] / size[0]
    down = scaled[1] / size[1]
    outside = Rect(
        int(patch.place.left / across),
        int(patch.place.top / down),
        int(np.ceil(patch.place.right / across)),
        int(np.ceil(patch.place.bottom / down)),
    )
    place = outside.expand(0, GRID_PX, size)
    # Pixels' centres lie at halves.
    matrix = np.array(
        [
            [across, 0, (place.left + 0.5) * across - 0.5 - patch.place.left],
            [0, down, (place.top + 0.5) * down - 0.5 - patch.place.top],
        ]
    )

    def sample(picture: NDArray[Any], border: int) -> NDArray[Any]:
        return cv2.warpAffine(
            np.ascontiguousarray(picture),
            matrix,
            (place.width, place.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=border,
        )

    painted = sample(patch.painted.astype(np.float32), cv2.BORDER_CONSTANT) > 0
    image = sample(patch.image, cv2.BORDER_REPLICATE)
    layer = None if patch.layer is None else sample(patch.layer, cv2.BORDER_CONSTANT)
    return Patch(place, image, painted, sample(patch.matte, cv2.BORDER_CONSTANT), layer)
