"""Parts of a face in the flat layout of its textures, as masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces import topology
from recaster.faces.geometry import eye_distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.appearance.uv_layout import UVLayout

    Picture = NDArray[np.float32]

_NOSTRILS: Final = (48, 115, 220, 45, 4, 275, 440, 344, 278, 294, 327, 2, 98, 64)
_FEATURES: Final = (
    (topology.EYE_LEFT, 0.16, 0.1),
    (topology.EYE_RIGHT, 0.16, 0.1),
    (topology.BROW_LEFT, 0.06, 0.01),
    (topology.BROW_RIGHT, 0.06, 0.01),
    (topology.LIPS_OUTER, 0.08, 0.02),
    (_NOSTRILS, 0.05, 0.02),
)
"""What is no skin, how far around it there may be none either, and certainly is none: in eye distances."""
UPPER_CHEEKS: Final = (50, 205, 425, 280, 195)

_LENS, _LENS_DROP = 0.48, 0.12
"""Radius of a lens, and how far its middle lies below the eye's, in eye distances."""
_LEAST: Final = 1e-6


def filled(layout: UVLayout, points: Sequence[int]) -> NDArray[np.uint8]:
    """(S, S): 1 within the polygon of some of the mesh's points."""
    mask = np.zeros((layout.size, layout.size), np.uint8)
    cv2.fillPoly(mask, [np.round(layout.points[list(points)]).astype(np.int32)], 1)
    return mask


def drawn(layout: UVLayout) -> NDArray[np.uint8]:
    """(S, S): 1 where a texel can be seen in a drawn face: on the mesh, with its underjaw."""
    mask = np.zeros((layout.size, layout.size), np.uint8)
    for triangle in np.round(layout.points[layout.triangles][..., :2]).astype(np.int32):
        cv2.fillConvexPoly(mask, triangle, 1)
    return mask


def features(layout: UVLayout, *, exact: bool = False) -> NDArray[np.uint8]:
    """(S, S): 1 on eyes with their lashes, brows, lips with what is between them, and nostrils.

    Args:
        layout: where the mesh lies.
        exact: without their surroundings, in which they may end.
    """
    distance = float(eye_distance(layout.points))
    parts = [
        grown(filled(layout, some), (near if exact else far) * distance) for some, far, near in _FEATURES
    ]
    return np.asarray(np.max(parts, 0))


def brows(layout: UVLayout, reach: float) -> NDArray[np.uint8]:
    """(S, S): 1 on the brows and ``reach`` texels around them."""
    both = filled(layout, topology.BROW_LEFT) | filled(layout, topology.BROW_RIGHT)
    return grown(both, reach)


def lenses(layout: UVLayout) -> NDArray[np.uint8]:
    """(S, S): 1 where the lenses of glasses may be."""
    mask, distance = np.zeros((layout.size, layout.size), np.uint8), float(eye_distance(layout.points))
    for corners in (topology.EYE_CORNERS_LEFT, topology.EYE_CORNERS_RIGHT):
        across, down = layout.points[list(corners)].mean(0)
        cv2.circle(mask, (round(across), round(down + _LENS_DROP * distance)), round(_LENS * distance), 1, -1)
    return mask


def continued(picture: Picture, known: Picture) -> Picture:
    """A picture (S, S, 3) that goes on smoothly where it is not known (pull-push; Gortler et al., 1996).

    Args:
        picture: float32; anything where ``known`` is 0.
        known: (S, S) float32, 0 to 1.
    """
    levels = [(picture * known[..., None], known)]
    while min(levels[-1][1].shape) > 2:
        levels.append((cv2.pyrDown(levels[-1][0]), cv2.pyrDown(levels[-1][1])))
    goes_on = (levels[0][0].sum((0, 1)) / max(float(known.sum()), _LEAST)).reshape(1, 1, 3)
    for colours, weight in reversed(levels):
        goes_on = cv2.resize(goes_on, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        share = np.clip(4 * weight, 0, 1)[..., None]
        goes_on += share * (colours / np.maximum(weight, _LEAST)[..., None] - goes_on)
    return goes_on


def grown(mask: NDArray[np.uint8], reach: float) -> NDArray[np.uint8]:
    """A mask with ``reach`` texels around it, at least one."""
    return np.asarray(cv2.dilate(mask, _disc(reach)))


def shrunk(mask: NDArray[np.uint8], reach: float) -> NDArray[np.uint8]:
    """A mask without ``reach`` texels along its edge, at least one."""
    return np.asarray(cv2.erode(mask, _disc(reach)))


def _disc(reach: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(reach)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
