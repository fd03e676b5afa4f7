"""Skin under the chin, where a source's frames show clothes and walls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.light import rgb_to_lab
from recaster.appearance.picture_arithmetic import compute_lengths, median_picture
from recaster.appearance.rasterizer import index_nearest
from recaster.appearance.uv_masks import UPPER_CHEEKS, mask_outline
from recaster.faces import topology
from recaster.faces.region_masks import fill_hull

if TYPE_CHECKING:
    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Floats, Floats32, Uint8s

_CLOTH_LIGHT: Final = 0.3, 0.5
"""Lightness over the cheeks' of what is clothes, and from which on it is skin in the shade."""
_FOREIGN_COLOUR: Final = 8.0, 14.0
"""Difference from the cheeks' colour, CIE Lab, up to which it is skin, and from which on it is none."""
_EDGE: Final = 0.03  # width of the jaw's edge, in eye distances
_FRONTAL_SHARE: Final = 0.34  # share of the references, the least turned, that tell what is usual


def steady_under_chin(textures: Uint8s, layout: UVLayout, turned: Floats) -> Uint8s:
    """Gives the references what is usual below the jaw: where a head is turned, the wall behind is there.

    What is no skin there, clothes or a wall, gives way to the jaw's colours, which go on. ``turned`` (K,) is
    how far the head is turned in each reference (K, S, S, 3).
    """
    face = 255 * mask_outline(layout, topology.OVAL)
    reach = _EDGE * layout.eye_distance
    usual = median_picture(textures[turned <= np.quantile(turned, _FRONTAL_SHARE)]).astype(np.float32)
    other = _unlike_skin(usual, layout)[..., None]
    usual += other * (_continue_face(usual, face, max(1, round(2 * reach))) - usual)
    share = cv2.GaussianBlur(face, (0, 0), reach).astype(np.float32)[..., None] / 255
    return np.round([usual + share * (texture - usual) for texture in textures]).astype(np.uint8)


def _continue_face(picture: Floats32, face: Uint8s, inset: int) -> Floats32:
    """Continues the colours a little inside the face of a picture (S, S, 3) outside it."""
    # A little inside: along the outline the picture is mixed with what lies beside it.
    inner = cv2.erode(face, np.ones((2 * inset + 1, 2 * inset + 1), np.uint8))
    return cv2.GaussianBlur(picture.reshape(-1, 3)[index_nearest(inner)], (0, 0), inset)


def _unlike_skin(picture: Floats32, layout: UVLayout) -> Floats32:
    """Mask of what is much darker than the cheeks of a picture (S, S, 3) or of another colour, 0 to 1."""
    lab = rgb_to_lab(picture)
    mask = fill_hull(layout.points[list(UPPER_CHEEKS)], layout.size)
    # Lightness is divided by: black cheeks count as 1.
    skin = np.maximum(np.median(lab[mask > 0], 0), (1, -np.inf, -np.inf))
    dark = (_CLOTH_LIGHT[1] - lab[..., 0] / skin[0]) / np.ptp(_CLOTH_LIGHT)
    away = compute_lengths(lab[..., 1:] - skin[1:])
    foreign = (away - _FOREIGN_COLOUR[0]) / np.ptp(_FOREIGN_COLOUR)
    return np.clip(np.maximum(dark, foreign), 0, 1).astype(np.float32)
