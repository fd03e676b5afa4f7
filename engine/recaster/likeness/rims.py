"""Glasses in a source's textures: thin lines around the eyes, with a bridge across the nose.

Nobody's skin has a line across the bridge of the nose and another below each eye, frame after frame; where
both are found, every line around the eyes is taken for a rim.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces import topology
from recaster.likeness.geometry import eye_distance
from recaster.likeness.parts import features, filled, grown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.likeness.layout import Layout

    Picture = NDArray[np.float32]

_WORN: Final = 2.0
"""The weakest line of glasses differs so much from the skin beside it, CIE Lab; bare faces have 1.2."""
_LINE: Final = 0.11
"""Lines are thinner than this, in eye distances."""
_NOISE: Final = 0.012
"""Standard deviation of the blur before lines are looked for, in eye distances."""
_STRETCH: Final = 0.06
"""Lines across are looked for in averages as long as this, in eye distances."""
_CERTAIN, _PERHAPS = 3.5, 1.8
"""A line that differs so much is a rim's, and so is what differs less and hangs together with it."""
_LENGTH: Final = 0.15
"""What is shorter is a mole or a freckle, in eye distances."""
_EDGE: Final = 0.045
"""So much around a rim is its edge and shadow, in eye distances."""
_ABOVE, _BELOW = 0.4, 0.7
"""How far above and below the eyes rims reach, in eye distances."""
_COLUMNS: Final = 0.25
"""A line is there if it is found in all but that share of the columns."""


def rims(textures: NDArray[np.uint8], layout: Layout) -> list[Picture]:
    """Finds where each texture shows the rims, bridge and temples of glasses: nowhere if nobody wears any.

    Args:
        textures: (K, S, S, 3) uint8 RGB, the references in one light.
        layout: where the mesh lies in them.

    Returns:
        (S, S) for each texture, 0 to 1.
    """
    distance = float(eye_distance(layout.points))
    labs = [_in_lab(texture, distance) for texture in textures]
    if np.median([_across(lab, layout, distance) for lab in labs]) < _WORN:
        return [np.zeros((layout.size, layout.size), np.float32)] * len(textures)
    zone = np.zeros((layout.size, layout.size), np.uint8)
    middle = _height(layout)
    zone[round(middle - _ABOVE * distance) : round(middle + _BELOW * distance)] = 1
    zone *= filled(layout, topology.OVAL) * (1 - features(layout, exact=True))
    return [_rim(lab, zone, distance) for lab in labs]


def _across(lab: Picture, layout: Layout, distance: float) -> float:
    """Computes how strong the weakest of the lines across the nose and below each eye is."""
    along = cv2.blur(lab, (round(_STRETCH * distance), 1))
    strength = _lines(along, np.ones((round(_LINE * distance) | 1, 1), np.uint8))
    corners = layout.points[[*topology.EYE_CORNERS_LEFT, *topology.EYE_CORNERS_RIGHT]] / distance
    (outer, inner), (other, last) = corners[:2], corners[2:]
    bridge = _crossed(strength, (inner + other) / 2, (-0.22, 0.25), (other - inner)[0] / 2 - 0.14, distance)
    below = [
        _crossed(strength, (one + two) / 2, (0.2, 0.55), 0.22, distance)
        for one, two in ((outer, inner), (other, last))
    ]
    return min(bridge, *below)


def _crossed(
    strength: Picture, centre: Floats, rows: tuple[float, float], reach: float, distance: float
) -> float:
    """Computes how strong a line from side to side of a box is, in eye distances around its centre."""
    top, bottom = (round((centre[1] + row) * distance) for row in rows)
    left, right = (round((centre[0] + side) * distance) for side in (-reach, reach))
    return float(np.quantile(strength[top:bottom, left:right].max(0), _COLUMNS))


def _rim(lab: Picture, zone: NDArray[np.uint8], distance: float) -> Picture:
    side = round(_LINE * distance) | 1
    off = _lines(lab, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) * zone
    _, lines, stats, _ = cv2.connectedComponentsWithStats((off > _PERHAPS).astype(np.uint8))
    wanted = np.bincount(lines[off > _CERTAIN], minlength=len(stats)) > 0
    wanted &= stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1) > _LENGTH * distance
    wanted[0] = False
    rim = grown(wanted[lines].astype(np.uint8), _EDGE * distance).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(rim, (0, 0), _NOISE * distance))


def _lines(lab: Picture, shape: NDArray[np.uint8]) -> Picture:
    """Computes how much what is thinner than a shape differs from what is around it, (S, S)."""
    hats = [cv2.morphologyEx(lab, kind, shape) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]
    return np.max([np.linalg.norm(hat, axis=-1) for hat in hats], 0)


def _height(layout: Layout) -> float:
    return float(layout.points[[*topology.EYE_CORNERS_LEFT, *topology.EYE_CORNERS_RIGHT], 1].mean())


def _in_lab(texture: NDArray[np.uint8], distance: float) -> Picture:
    lab = cv2.cvtColor(texture.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab)
    return np.asarray(cv2.GaussianBlur(lab, (0, 0), _NOISE * distance))
