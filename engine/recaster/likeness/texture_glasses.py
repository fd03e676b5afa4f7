"""Glasses in a source's textures: thin lines around the eyes, with a bridge across the nose.

Nobody's skin has a line across the bridge of the nose and another below each eye, frame after frame; where
both are found, every line around the eyes is taken for a rim.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.uv_masks import continued, features, filled, grown, shrunk
from recaster.faces import topology
from recaster.faces.geometry import eye_distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Floats

    Picture = NDArray[np.float32]

_WORN: Final = 2.0
"""The weakest line of glasses differs so much from the skin beside it, CIE Lab; bare faces have 1.2."""
_LINES: Final = 0.08, 0.11
"""Lines of thin and of thick rims are thinner than this, in eye distances."""
_THIN: Final = 0.7
"""Rims are thin if so much of their lines is found where only thin ones are looked for."""
_NOISE: Final = 0.012
"""Standard deviation of the blur before lines are looked for, in eye distances."""
_STRETCH: Final = 0.06
"""Lines across are looked for in averages as long as this, in eye distances."""
_PERHAPS, _WEAKER = 1.8, 0.35
"""Lines of rims differ so much from the skin beside them, CIE Lab, and no less than that share of the weakest
of their lines across nose and cheeks."""
_CERTAIN: Final = 2.0
"""A part of each differs so many times more."""
_USUAL: Final = 0.4, 0.55
"""What is a rim in such a share of the textures is one in all: they sit where they sit."""
_LENGTH: Final = 0.15
"""What is shorter is a mole or a freckle, in eye distances."""
_EDGE: Final = 0.045
"""So much around a rim is its edge and shadow, in eye distances."""
_ABOVE, _BELOW = 0.4, 0.7
"""How far above and below the eyes rims reach, in eye distances."""
_REACH: Final = 0.62
"""Rims of a lens are no farther from the middle of its eye, in eye distances."""
_TINT: Final = 0.04
"""Standard deviation of the average that a lens's tint is looked for in, in eye distances."""
_SHADED: Final = 12.0
"""Skin behind a lens is darker than around it by less, CIE Lab."""
_STRONGEST: Final = 6.0, 18.0
"""Eyes and skin behind a lens are of another colour by no more, CIE Lab."""
_SOFT: Final = 0.03
"""Standard deviation of the edge of what is behind a lens, in eye distances."""
_RIM: Final = 0.2
"""So far along the face's outline may lie hair and background, in eye distances."""
_COLUMNS: Final = 0.25
"""A line is there if it is found in all but that share of the columns."""


def rims(textures: NDArray[np.uint8], layout: UVLayout) -> list[Picture]:
    """Finds where each texture shows the rims, bridge and temples of glasses: nowhere if nobody wears any.

    Args:
        textures: (K, S, S, 3) uint8 RGB, the references in one light.
        layout: where the mesh lies in them.

    Returns:
        (S, S) for each texture, 0 to 1.
    """
    distance = float(eye_distance(layout.points))
    labs = [_in_lab(texture, distance) for texture in textures]
    thin, thick = (
        float(np.median([_across(lab, layout, distance, line) for lab in labs])) for line in _LINES
    )
    if thick < _WORN:
        return [np.zeros((layout.size, layout.size), np.float32)] * len(textures)
    zone = np.zeros((layout.size, layout.size), np.uint8)
    middle = _height(layout)
    zone[round(middle - _ABOVE * distance) : round(middle + _BELOW * distance)] = 1
    zone *= filled(layout, topology.OVAL) * (1 - features(layout, exact=True))
    line = _LINES[0] if thin > _THIN * thick else _LINES[1]
    found = [_rim(lab, zone, distance, line, max(_PERHAPS, _WEAKER * thick)) for lab in labs]
    usual = np.clip((np.mean(found, 0) - _USUAL[0]) / np.ptp(_USUAL), 0, 1).astype(np.float32)
    return [np.maximum(one, usual) for one in found]


def remove_glasses(
    textures: NDArray[np.uint8], worn: Sequence[Picture], layout: UVLayout
) -> NDArray[np.uint8]:
    """Textures without the rims that they show, and without the tint of what is behind the lenses.

    Skin beside a line goes on below it. Behind lenses skin has the colours of the skin around them, as far as
    their tint and their reflections change slowly; eyes lose the same tint.

    Args:
        textures: (K, S, S, 3) uint8 RGB.
        worn: (S, S) for each, 0 to 1, where the rims are.
        layout: where the mesh lies in them.
    """
    if not np.any(worn):
        return textures
    behind, plain = _behind(np.max(worn, 0), layout), 1 - features(layout, exact=True)
    shown = []
    for texture, rim in zip(textures, worn, strict=True):
        picture = texture.astype(np.float32)
        picture += rim[..., None] * (continued(picture, (1 - rim) * plain) - picture)
        shown.append(_untinted(picture, behind, rim, layout))
    return np.stack(shown)


def _behind(rim: Picture, layout: UVLayout) -> NDArray[np.uint8]:
    """(S, S): 1 behind the lenses, which their rims go around."""
    mask = np.zeros(rim.shape, np.uint8)
    distance = float(eye_distance(layout.points))
    for corners in (topology.EYE_CORNERS_LEFT, topology.EYE_CORNERS_RIGHT):
        near = np.zeros(rim.shape, np.uint8)
        across, down = layout.points[list(corners)].mean(0)
        cv2.circle(near, (round(across), round(down)), round(_REACH * distance), 1, -1)
        around = np.argwhere((rim > 0.5) & (near > 0))[:, ::-1].astype(np.int32)
        if len(around):
            cv2.fillConvexPoly(mask, cv2.convexHull(around), 1)
    return mask


def _untinted(
    picture: Picture, behind: NDArray[np.uint8], rim: Picture, layout: UVLayout
) -> NDArray[np.uint8]:
    """A texture (S, S, 3) whose colours behind the lenses go on from around them, its lightness as it is."""
    distance = float(eye_distance(layout.points))
    face, kept = filled(layout, topology.OVAL), features(layout)
    lab = cv2.cvtColor(picture / np.float32(255), cv2.COLOR_RGB2Lab)
    around = (shrunk(face, _RIM * distance) * (1 - kept) * (1 - grown(behind, 0))).astype(np.float32)
    blur = _TINT * distance
    usual = continued(lab, around)
    darker = np.clip((usual[..., 0] - lab[..., 0]) / _SHADED, 0, 1)
    skin = face * (1 - features(layout, exact=True)) * (1 - darker * darker) * (1 - rim)
    share = cv2.GaussianBlur(skin, (0, 0), blur)[..., None]
    even = cv2.GaussianBlur(lab * skin[..., None], (0, 0), blur) / np.maximum(share, 1e-3)
    most = np.where(features(layout, exact=True), *_STRONGEST).astype(np.float32)
    most = cv2.GaussianBlur(most, (0, 0), blur)[..., None]
    off = np.clip(continued(even - usual, skin * behind), -most, most)
    soft = cv2.GaussianBlur(behind.astype(np.float32), (0, 0), _SOFT * distance)
    lab[..., 1:] -= soft[..., None] * off[..., 1:]
    shown = 255 * cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def _across(lab: Picture, layout: UVLayout, distance: float, line: float) -> float:
    """Computes how strong the weakest of the lines across the nose and below each eye is."""
    along = cv2.blur(lab, (round(_STRETCH * distance), 1))
    strength = _lines(along, np.ones((round(line * distance) | 1, 1), np.uint8))
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


def _rim(lab: Picture, zone: NDArray[np.uint8], distance: float, line: float, least: float) -> Picture:
    side = round(line * distance) | 1
    off = _lines(lab, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) * zone
    _, lines, stats, _ = cv2.connectedComponentsWithStats((off > least).astype(np.uint8))
    wanted = np.bincount(lines[off > _CERTAIN * least], minlength=len(stats)) > 0
    wanted &= stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1) > _LENGTH * distance
    wanted[0] = False
    rim = grown(wanted[lines].astype(np.uint8), _EDGE * distance).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(rim, (0, 0), _NOISE * distance))


def _lines(lab: Picture, shape: NDArray[np.uint8]) -> Picture:
    """Computes how much what is thinner than a shape differs from what is around it, (S, S)."""
    hats = [cv2.morphologyEx(lab, kind, shape) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]
    return np.max([np.linalg.norm(hat, axis=-1) for hat in hats], 0)


def _height(layout: UVLayout) -> float:
    return float(layout.points[[*topology.EYE_CORNERS_LEFT, *topology.EYE_CORNERS_RIGHT], 1].mean())


def _in_lab(texture: NDArray[np.uint8], distance: float) -> Picture:
    lab = cv2.cvtColor(texture.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab)
    return np.asarray(cv2.GaussianBlur(lab, (0, 0), _NOISE * distance))
