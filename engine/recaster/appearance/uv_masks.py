"""Masks of parts of a face in the UV layout of its textures, and pictures that go on beyond a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.picture_arithmetic import repeat_channels
from recaster.faces import topology
from recaster.faces.region_masks import fill_polygon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Bools, Floats32, Uint8s

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

_LENS_RADIUS: Final = 0.48
_LENS_DROP: Final = 0.12
"""Radius of a lens, and the distance of its middle below the eye's, in eye distances."""
_TINY: Final = 1e-6


def mask_outline(layout: UVLayout, points: Sequence[int]) -> Uint8s:
    """Masks the polygon of some of the mesh's points, (S, S), 0 or 1."""
    return fill_polygon(layout.points[list(points)], layout.size)


def mask_surface(layout: UVLayout) -> Uint8s:
    """Masks the texels that can be seen in a drawn face, (S, S): on the mesh, with what is under its chin."""
    mask = np.zeros((layout.size, layout.size), np.uint8)
    for triangle in np.round(layout.points[layout.triangles][..., :2]).astype(np.int32):
        cv2.fillConvexPoly(mask, triangle, 1)
    return mask


def mask_features(layout: UVLayout, *, exact: bool = False) -> Uint8s:
    """Masks eyes with their lashes, brows, lips with what is between them, and nostrils, (S, S), 0 or 1.

    ``exact``: without their surroundings, in which they may end.
    """
    parts = [
        dilate(mask_outline(layout, outline), (near if exact else far) * layout.eye_distance)
        for outline, far, near in _FEATURES
    ]
    return np.max(parts, 0)


def mask_brows(layout: UVLayout, reach: float) -> Uint8s:
    """Masks the brows and ``reach`` texels around them, (S, S), 0 or 1."""
    both = mask_outline(layout, topology.BROW_LEFT) | mask_outline(layout, topology.BROW_RIGHT)
    return dilate(both, reach)


def mask_lenses(layout: UVLayout) -> Uint8s:
    """Masks the places of the lenses of glasses, (S, S), 0 or 1."""
    return np.maximum(*draw_eye_discs(layout, _LENS_RADIUS, _LENS_DROP))


def draw_eye_discs(layout: UVLayout, radius: float, drop: float = 0) -> list[Uint8s]:
    """Draws a disc around each eye's middle, or ``drop`` below, (S, S), 0 or 1; lengths in eye distances."""
    discs = []
    for corners in (topology.EYE_CORNERS_LEFT, topology.EYE_CORNERS_RIGHT):
        across, down = layout.points[list(corners)].mean(0)
        middle = round(across), round(down + drop * layout.eye_distance)
        disc = np.zeros((layout.size, layout.size), np.uint8)
        discs.append(cv2.circle(disc, middle, round(radius * layout.eye_distance), 1, -1))
    return discs


def pull_push(picture: Floats32, known: Floats32) -> Floats32:
    """Continues a picture (S, S, 3) smoothly where it is not ``known`` (S, S), 0 to 1.

    Pull-push; Gortler et al., "The lumigraph", 1996.
    """
    levels = [(picture * repeat_channels(known), known)]
    while min(levels[-1][1].shape) > 2:
        levels.append((cv2.pyrDown(levels[-1][0]), cv2.pyrDown(levels[-1][1])))
    goes_on = (levels[0][0].sum((0, 1)) / max(float(known.sum()), _TINY)).reshape(1, 1, 3)
    # From the coarsest level on: each is believed where it knows enough, else the one before it goes on.
    for colours, weight in reversed(levels):
        goes_on = cv2.resize(goes_on, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        share = repeat_channels(np.clip(4 * weight, 0, 1))
        goes_on += share * (colours / repeat_channels(np.maximum(weight, _TINY)) - goes_on)
    return goes_on


def keep_touching(mask: Bools, other: Bools, min_pixels: int = 1) -> Bools:
    """Keeps the parts of a mask that hang together with some of another and have so many pixels."""
    count, parts = cv2.connectedComponents(mask.view(np.uint8))
    wanted = np.zeros(count, bool)
    wanted[parts[other]] = True
    wanted[0] = False
    inside = np.flatnonzero(mask)
    labels = parts.ravel()[inside]  # of all pixels it takes five times as long
    if min_pixels > 1:
        wanted &= np.bincount(labels, minlength=count) >= min_pixels
    kept = np.zeros(mask.shape, bool)
    kept.ravel()[inside] = wanted[labels]
    return kept


def dilate(mask: Uint8s, reach: float) -> Uint8s:
    """Dilates a mask by ``reach`` texels, at least one."""
    return cv2.dilate(mask, _disc(reach))


def erode(mask: Uint8s, reach: float) -> Uint8s:
    """Erodes a mask by ``reach`` texels, at least one."""
    return cv2.erode(mask, _disc(reach))


def _disc(reach: float) -> Uint8s:
    side = 2 * max(1, round(reach)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
