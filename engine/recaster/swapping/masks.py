"""Soft mask of the swapped face over the target, in crop pixels.

All measures are shares of the face's size, so that a close-up and a face in a crowd look alike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.occluders import occlusion_mask
from recaster.appearance.uv_layout import extend_under_chin
from recaster.faces.region_masks import fill_smoothly
from recaster.faces.topology import MESH_POINTS, POINTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.settings.look import MaskSettings
    from recaster.swapping.mask_clips import HandMasks

BOX_INSET: Final = 1 / 15
"""faceswap-GAN's feathered rectangle begins this share of the crop's side inside it."""


def compute_face_mask(
    learned: NDArray[np.float32], landmarks: Floats, settings: MaskSettings
) -> NDArray[np.float32]:
    """Computes the weight of the swapped face in every pixel of the crop.

    Args:
        learned: (size, size) float32, the model's own mask, 0 to 1.
        landmarks: (N, 3) float64, the target's landmarks in crop pixels.

    Returns:
        (size, size) float32, 0 to 1; exactly 0 along the border of the crop.
    """
    return _draw_mask(learned, outline_face(landmarks), settings)


def compute_face_masks(
    learned: NDArray[np.float32], landmarks: Floats, settings: MaskSettings
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Masks what would be painted over if the model left nothing out, and what is."""
    outline = outline_face(landmarks)
    painted = _draw_mask(learned, outline, settings)
    if settings.kind != "learned":
        return painted, painted
    return _draw_mask(np.ones_like(learned), outline, settings), painted


def _draw_mask(
    learned: NDArray[np.float32], outline: NDArray[np.float32], settings: MaskSettings
) -> NDArray[np.float32]:
    """Draws a mask as ``compute_face_mask`` within an outline as of ``outline_face``."""
    moments = cv2.moments(outline)
    # An outline of less than a pixel has no middle.
    if moments["m00"] < 1:
        return np.zeros_like(learned)
    middle = (moments["m10"] / moments["m00"], moments["m01"] / moments["m00"])
    face = float(np.sqrt(moments["m00"]))
    region = _draw_region(learned, outline, middle, settings)
    # Beyond the crop nothing is known, so nothing shows at its border.
    region[[0, -1]] = 0
    region[:, [0, -1]] = 0
    # The edge is moved in by half of its softness, which then reaches just to the outline.
    soft = round(settings.feather * face / 2)
    return _feather(region, inwards=soft + round(settings.erode * face), soft=soft)


def remove_occluded(
    mask: NDArray[np.float32], occlusion: Floats | None, foreground: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Removes what is in front of a face from its mask."""
    if occlusion is not None:
        mask = mask * (1 - occlusion_mask(occlusion, len(mask)))
    return mask if foreground is None else mask * (1 - foreground)


def limit_kept_in(
    by_hand: HandMasks, learned: NDArray[np.float32], landmarks: Floats, settings: MaskSettings
) -> HandMasks:
    """Limits what an artist keeps in to the face: beside it nothing is painted but the target again."""
    if by_hand.keep_in is None:
        return by_hand
    outline = replace(settings, kind="hull", feather=0, erode=0)
    face = np.maximum(learned, compute_face_mask(learned, landmarks, outline))
    return replace(by_hand, keep_in=np.minimum(by_hand.keep_in, face))


def outline_face(landmarks: Floats) -> NDArray[np.float32]:
    """Computes the convex hull of a face's points and of those under its chin, (M, 1, 2) float32 pixels.

    Seen from the front this is the mesh's oval; unlike the oval it keeps the nose of a profile.
    Dlib's 68 points end at the brows, and so does their hull.
    """
    points = landmarks[:MESH_POINTS, :2]
    if len(landmarks) == POINTS:
        points = np.concatenate([points, extend_under_chin(landmarks)[:, :2]])
    hull = cv2.convexHull(np.ascontiguousarray(points, dtype=np.float32))
    return np.asarray(hull, dtype=np.float32)


def _draw_region(
    learned: NDArray[np.float32],
    outline: NDArray[np.float32],
    middle: tuple[float, float],
    settings: MaskSettings,
) -> NDArray[np.uint8]:
    """Draws the mask before its edge is softened: (size, size) uint8, 0 to 255."""
    side = len(learned)
    if settings.kind == "box":
        # Pixels' centres have whole numbers, so edges lie half a pixel off.
        low = side * BOX_INSET - 0.5
        high = side * (1 - BOX_INSET) - 0.5
        outline = np.array([[low, low], [high, low], [high, high], [low, high]], dtype=np.float32)
        middle = (side / 2 - 0.5, side / 2 - 0.5)
    region = fill_smoothly((outline.reshape(-1, 2) - middle) * settings.scale + middle, side, convex=True)
    if settings.kind != "learned":
        return region
    own = np.rint(np.clip(learned, 0, 1) * 255).astype(np.uint8)
    if settings.scale != 1:
        grow = cv2.getRotationMatrix2D(middle, 0, settings.scale)
        own = cv2.warpAffine(own, grow, (side, side), flags=cv2.INTER_LINEAR)
    return np.minimum(own, region)


def _feather(region: NDArray[np.uint8], inwards: int, soft: int) -> NDArray[np.float32]:
    """Moves the edge ``inwards`` pixels and softens it over ``soft`` pixels to either side."""
    inner = region
    if inwards:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * inwards + 1, 2 * inwards + 1))
        inner = cv2.erode(region, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    mask = inner.astype(np.float32) / np.float32(255)
    if soft:
        kernel = (2 * soft + 1, 2 * soft + 1)
        mask = cv2.GaussianBlur(mask, kernel, soft / 2, borderType=cv2.BORDER_CONSTANT)
        mask[region == 0] = 0  # the corners of the square kernel reach a little beyond the disc
    return np.clip(mask, 0, 1, out=mask)
