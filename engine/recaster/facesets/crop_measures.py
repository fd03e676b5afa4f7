"""What is measured on a crop: how sharp it is, how far the mouth is open, how alike two faces are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces.topology import EYE_CORNERS_LEFT, EYE_CORNERS_RIGHT, LIP_BOTTOM, LIP_TOP, MESH_POINTS

if TYPE_CHECKING:
    from recaster.faces.types import Floats
    from recaster.media.types import Image

STANDARD: Final = 256
RIM: Final = 9
"""Pixels at the standard size by which the face's outline is drawn in: its own edge is no detail."""


def sharpness(crop: Image, landmarks: Floats) -> float:
    """How much fine detail a face shows, the same for a small or large crop of one picture.

    Variance of the Laplacian (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR
    2000) over the squared mean brightness, both inside the face's outline and at 256 pixels, so that
    neither exposure nor the background counts. A face that was small in its frame is as soft as it looks.

    Args:
        crop: (size, size, 3) uint8 RGB.
        landmarks: (468 or 478, 3) in crop pixels.

    Returns:
        0 (flat) upwards, in 1e-4; a sharp talking head has tens.
    """
    size = crop.shape[0]
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    if size != STANDARD:
        shrinking = cv2.INTER_AREA if size > STANDARD else cv2.INTER_LINEAR
        grey = cv2.resize(grey, (STANDARD, STANDARD), interpolation=shrinking)
    outline = cv2.convexHull((landmarks[:MESH_POINTS, :2] * (STANDARD / size)).astype(np.float32))
    face = cv2.fillConvexPoly(np.zeros_like(grey), np.round(outline).astype(np.int32), 1)
    face = cv2.erode(face, np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8), borderValue=0)
    brightness, _ = cv2.meanStdDev(grey, mask=face)
    _, detail = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F), mask=face)
    return float(1e4 * (detail[0, 0] / max(brightness[0, 0], 1.0)) ** 2)


def eye_distance(landmarks: Floats) -> Floats:
    """Distance between the eyes' centres, (...), of landmarks (..., 478, 3), in their unit."""
    left = landmarks[..., EYE_CORNERS_LEFT, :2].mean(axis=-2)
    right = landmarks[..., EYE_CORNERS_RIGHT, :2].mean(axis=-2)
    result: Floats = np.linalg.norm(right - left, axis=-1)
    return result


def mouth_open(landmarks: Floats) -> Floats:
    """Distance between the inner lips over that between the eyes, (...), of landmarks (..., 478, 3)."""
    gap: Floats = np.linalg.norm(landmarks[..., LIP_TOP, :2] - landmarks[..., LIP_BOTTOM, :2], axis=-1)
    return gap / eye_distance(landmarks)
