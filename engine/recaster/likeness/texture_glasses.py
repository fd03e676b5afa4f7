"""Glasses in a source's textures: thin lines around the eyes, with a bridge across the nose.

Nobody's skin has a line across the bridge of the nose and another below each eye, frame after frame; where
both are found, every line around the eyes is taken for a rim. (``appearance.glasses`` follows a
performer's lines over frames, by their profiles; in a layout each line has its place, so masks do.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.light import rgb_to_lab
from recaster.appearance.picture_arithmetic import compute_lengths
from recaster.appearance.uv_masks import dilate, draw_eye_discs, erode, mask_features, mask_outline, pull_push
from recaster.faces import topology
from recaster.faces.region_masks import fill_hull
from recaster.likeness.few_pictures import FEW_PICTURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Floats, Floats32, Uint8s

# Lengths are in eye distances.
_MIN_CROSSING: Final = 2.0
"""Difference of the weakest line of glasses from the skin beside it, CIE Lab; bare faces have 1.2."""
_LINE_WIDTHS: Final = 0.08, 0.11  # widths that lines of thin and of thick rims stay below
_THIN_SHARE: Final = 0.7
"""Share of their lines found where only thin ones are looked for, from which on rims are thin."""
_NOISE_SIGMA: Final = 0.012  # sigma of the blur before lines are looked for
_STRETCH: Final = 0.06  # length of the averages in which lines across are looked for
_MIN_LINE: Final = 1.8
_LINE_SHARE: Final = 0.35
"""Difference of rims from the skin beside them, CIE Lab, and over the weakest of their lines across nose and
cheeks."""
_CERTAIN: Final = 2.0  # factor by which a part of each differs more
_USUAL: Final = 0.4, 0.55  # share of the textures in which a rim is one in all: they sit where they sit
_MIN_LENGTH: Final = 0.15  # length below which it is a mole or a freckle
_EDGE_WIDTH: Final = 0.045  # width of a rim's edge and shadow
_ABOVE: Final = 0.4
_BELOW: Final = 0.7
"""Reach of rims above and below the eyes."""
_LENS_REACH: Final = 0.62  # distance of a lens's rim from the middle of its eye
_TINT_SIGMA: Final = 0.04  # sigma of the average that a lens's tint is looked for in
_MAX_SHADED: Final = 12.0  # darkness of skin behind a lens over that around it, CIE Lab
_MAX_TINT: Final = 6.0, 18.0  # differences of colour of eyes and of skin behind a lens, CIE Lab
_EDGE_SIGMA: Final = 0.03  # sigma of the edge of what is behind a lens
_BRIDGE_ROWS: Final = -0.22, 0.25
_CHEEK_ROWS: Final = 0.2, 0.55
"""Rows, from the eyes down, in which a line crosses the nose and each cheek."""
_CHEEK_REACH: Final = 0.22
_NOSE_INSET: Final = 0.14
"""Half of such a line on a cheek, and its distance from the inner corners of the eyes."""
_OUTLINE_INSET: Final = 0.2  # width along the face's outline in which hair and background may lie
_MISSING_COLUMNS: Final = 0.25  # share of the columns in which a line may not be found


def find_rims(textures: Uint8s, layout: UVLayout) -> list[Floats32]:
    """Finds rims, bridge and temples of glasses, if any are worn, in references (K, S, S, 3) in one light.

    Returns (S, S) for each texture, 0 to 1.
    """
    distance = layout.eye_distance
    # Over all references: what is a line in a few of them only is no glasses.
    labs = [cv2.GaussianBlur(rgb_to_lab(texture), (0, 0), _NOISE_SIGMA * distance) for texture in textures]
    # Of a few pictures each has to show them: half of two is a smile's wrinkles.
    choose = np.median if len(labs) >= FEW_PICTURES else np.min
    thin, thick = (
        float(choose([_weakest_crossing(lab, layout, line) for lab in labs])) for line in _LINE_WIDTHS
    )
    if thick < _MIN_CROSSING:
        return [np.zeros((layout.size, layout.size), np.float32)] * len(textures)
    zone = np.zeros((layout.size, layout.size), np.uint8)
    zone[round(layout.eye_row - _ABOVE * distance) : round(layout.eye_row + _BELOW * distance)] = 1
    zone *= mask_outline(layout, topology.OVAL) * (1 - mask_features(layout, exact=True))
    line = _LINE_WIDTHS[0] if thin > _THIN_SHARE * thick else _LINE_WIDTHS[1]
    rims = [_mask_rims(lab, zone, distance, line, max(_MIN_LINE, _LINE_SHARE * thick)) for lab in labs]
    usual = np.clip((np.mean(rims, 0) - _USUAL[0]) / np.ptp(_USUAL), 0, 1).astype(np.float32)
    return [np.maximum(rim, usual) for rim in rims]


def remove_glasses(textures: Uint8s, worn: Sequence[Floats32], layout: UVLayout) -> Uint8s:
    """Removes the rims that textures show, and the tint of what is behind the lenses.

    Skin beside a line goes on below it. Behind lenses skin has the colours of the skin around them, as far as
    their tint and their reflections change slowly; eyes lose the same tint. ``worn`` says where the rims are.
    """
    if not np.any(worn):
        return textures
    behind = _mask_lenses(np.max(worn, 0), layout)
    plain = 1 - mask_features(layout, exact=True)
    shown = []
    for texture, rim in zip(textures, worn, strict=True):
        picture = texture.astype(np.float32)
        picture += rim[..., None] * (pull_push(picture, (1 - rim) * plain) - picture)
        shown.append(_remove_tint(picture, behind, rim, layout))
    return np.stack(shown)


def _mask_lenses(rim: Floats32, layout: UVLayout) -> Uint8s:
    """Mask of what is behind the lenses, which their rims go around, (S, S), 0 or 1."""
    mask = np.zeros(rim.shape, np.uint8)
    for near in draw_eye_discs(layout, _LENS_REACH):
        around = np.argwhere((rim > 0.5) & (near > 0))[:, ::-1].astype(np.float64)
        if len(around):
            mask |= fill_hull(around, layout.size)
    return mask


def _remove_tint(picture: Floats32, behind: Uint8s, rim: Floats32, layout: UVLayout) -> Uint8s:
    """Continues the colours around the lenses of a texture (S, S, 3) behind them; its lightness stays."""
    distance = layout.eye_distance
    face = mask_outline(layout, topology.OVAL)
    kept = mask_features(layout)
    lab = rgb_to_lab(picture)
    around = erode(face, _OUTLINE_INSET * distance) * (1 - kept) * (1 - dilate(behind, 0))
    blur = _TINT_SIGMA * distance
    usual = pull_push(lab, around.astype(np.float32))
    # Only what is about as light as skin tells the tint: what is much darker is a rim, a lash or a shadow.
    darker = np.clip((usual[..., 0] - lab[..., 0]) / _MAX_SHADED, 0, 1)
    skin = face * (1 - mask_features(layout, exact=True)) * (1 - darker * darker) * (1 - rim)
    share = cv2.GaussianBlur(skin, (0, 0), blur)[..., None]
    even = cv2.GaussianBlur(lab * skin[..., None], (0, 0), blur) / np.maximum(share, 1e-3)
    most = np.where(mask_features(layout, exact=True), *_MAX_TINT).astype(np.float32)
    most = cv2.GaussianBlur(most, (0, 0), blur)[..., None]
    off = np.clip(pull_push(even - usual, skin * behind), -most, most)
    soft = cv2.GaussianBlur(behind.astype(np.float32), (0, 0), _EDGE_SIGMA * distance)
    lab[..., 1:] -= soft[..., None] * off[..., 1:]
    shown = 255 * cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def _weakest_crossing(lab: Floats32, layout: UVLayout, line: float) -> float:
    """Computes how strong the weakest of the lines across the nose and below each eye is."""
    distance = layout.eye_distance
    # Averaged along the line, so that noise and pores are none.
    along = cv2.blur(lab, (round(_STRETCH * distance), 1))
    strength = _line_strength(along, np.ones((round(line * distance) | 1, 1), np.uint8))
    corners = layout.points[[*topology.EYE_CORNERS_LEFT, *topology.EYE_CORNERS_RIGHT]] / distance
    outer, inner, other, last = corners
    reach = (other - inner)[0] / 2 - _NOSE_INSET
    bridge = _crossing_strength(strength, (inner + other) / 2, _BRIDGE_ROWS, reach, distance)
    below = [
        _crossing_strength(strength, (left + right) / 2, _CHEEK_ROWS, _CHEEK_REACH, distance)
        for left, right in ((outer, inner), (other, last))
    ]
    return min(bridge, *below)


def _crossing_strength(
    strength: Floats32, centre: Floats, rows: tuple[float, float], reach: float, distance: float
) -> float:
    """Computes how strong a line from side to side of a box is, in eye distances around its centre."""
    top, bottom = (round((centre[1] + row) * distance) for row in rows)
    left, right = (round((centre[0] + side) * distance) for side in (-reach, reach))
    return float(np.quantile(strength[top:bottom, left:right].max(0), _MISSING_COLUMNS))


def _mask_rims(lab: Floats32, zone: Uint8s, distance: float, line: float, least: float) -> Floats32:
    side = round(line * distance) | 1
    off = _line_strength(lab, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) * zone
    # What hangs together with something certain is kept (hysteresis; Canny, 1986), if it is long.
    _, lines, stats, _ = cv2.connectedComponentsWithStats((off > least).astype(np.uint8))
    wanted = np.bincount(lines[off > _CERTAIN * least], minlength=len(stats)) > 0
    wanted &= stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1) > _MIN_LENGTH * distance
    wanted[0] = False
    rim = dilate(wanted[lines].astype(np.uint8), _EDGE_WIDTH * distance).astype(np.float32)
    return cv2.GaussianBlur(rim, (0, 0), _NOISE_SIGMA * distance)


def _line_strength(lab: Floats32, shape: Uint8s) -> Floats32:
    """Computes how much what is thinner than a shape differs from what is around it, (S, S)."""
    hats = [cv2.morphologyEx(lab, kind, shape) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]
    return np.maximum(*(compute_lengths(hat) for hat in hats))
