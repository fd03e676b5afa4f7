"""Skin below the jaw, where a source's frames show clothes and walls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from recaster.appearance.rasterizer import nearest
from recaster.appearance.uv_masks import UPPER_CHEEKS, filled
from recaster.faces import topology
from recaster.faces.geometry import eye_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.appearance.uv_layout import UVLayout

_CLOTH = 0.3, 0.5
_FOREIGN = 8.0, 14.0


def steady_under_chin(
    textures: NDArray[np.uint8], layout: UVLayout, turned: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """The references with what is usual below the jaw: where a head is turned, the wall behind is there.

    What is no skin there, clothes or a wall, gives way to the jaw's colours, which go on.

    Args:
        textures: (K, S, S, 3) uint8, the references.
        layout: where the mesh lies in them.
        turned: (K,), how far the head is turned in each.
    """
    face = 255 * filled(layout, topology.OVAL)
    reach = 0.03 * float(eye_distance(layout.points))
    usual = np.median(textures[turned <= np.quantile(turned, 0.34)], 0).astype(np.float32)
    other = _unlike_skin(usual, layout)[..., None]
    usual += other * (_continued(usual, face, max(1, round(2 * reach))) - usual)
    share = cv2.GaussianBlur(face, (0, 0), reach).astype(np.float32)[..., None] / 255
    return np.round([usual + share * (texture - usual) for texture in textures]).astype(np.uint8)


def _continued(picture: NDArray[np.float32], face: NDArray[np.uint8], inset: int) -> NDArray[np.float32]:
    """A picture (S, S, 3) whose colours a little inside the face go on outside it."""
    inner = cv2.erode(face, np.ones((2 * inset + 1, 2 * inset + 1), np.uint8))
    return np.asarray(cv2.GaussianBlur(picture.reshape(-1, 3)[nearest(inner)], (0, 0), inset))


def _unlike_skin(picture: NDArray[np.float32], layout: UVLayout) -> NDArray[np.float32]:
    """(S, S): 1 where a picture (S, S, 3) is much darker or of another colour than the cheeks, else 0."""
    lab = cv2.cvtColor(picture / np.float32(255), cv2.COLOR_RGB2Lab)
    mask = np.zeros(lab.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(layout.points[list(UPPER_CHEEKS)]).astype(np.int32)), 1)
    skin = np.maximum(np.median(lab[mask > 0], 0), (1, -np.inf, -np.inf))
    dark = (_CLOTH[1] - lab[..., 0] / skin[0]) / np.ptp(_CLOTH)
    foreign = (np.linalg.norm(lab[..., 1:] - skin[1:], axis=-1) - _FOREIGN[0]) / np.ptp(_FOREIGN)
    return np.clip(np.maximum(dark, foreign), 0, 1).astype(np.float32)
