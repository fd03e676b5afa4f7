"""Measures of sharpness, all by the Laplacian: of a portrait, of a face in a crop, of a region of a picture.

They answer different questions and their values can't be compared with each other. Variance of the Laplacian:
Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces.topology import MESH_POINTS

if TYPE_CHECKING:
    from recaster.faces.types import Bools, Floats, Uint8s
    from recaster.media.types import Image

MEASURED_PX: Final = 256  # side of the crop that faces of a faceset are measured at
EDGE_PX: Final = 9  # pixels of that crop by which the face's outline is drawn in: its own edge is no detail


def mean_laplacian(crop: Image) -> float:
    """Mean magnitude of the Laplacian of a crop's luma; crops must be of one size to compare.

    Not its variance: one hard edge across the face, of whatever covers it, would outweigh all else.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_64F)).mean())


def relative_laplacian_variance(crop: Image, landmarks: Floats) -> float:
    """Fine detail of a face by its mesh in a crop, the same for a small or large crop of one picture.

    Variance of the Laplacian over the squared mean brightness, both inside the face's outline and at 256
    pixels, so that neither exposure nor the background counts. A face that was small in its frame is as soft
    as it looks. From 0 (flat) upwards, in 1e-4; a sharp talking head has tens.
    """
    size = crop.shape[0]
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    if size != MEASURED_PX:
        shrinking = cv2.INTER_AREA if size > MEASURED_PX else cv2.INTER_LINEAR
        grey = cv2.resize(grey, (MEASURED_PX, MEASURED_PX), interpolation=shrinking)
    # The hull of the points as they are, rounded afterwards: stored values were measured so.
    outline = cv2.convexHull((landmarks[:MESH_POINTS, :2] * (MEASURED_PX / size)).astype(np.float32))
    face = cv2.fillConvexPoly(np.zeros_like(grey), np.round(outline).astype(np.int32), 1)
    face = cv2.erode(face, np.ones((2 * EDGE_PX + 1, 2 * EDGE_PX + 1), np.uint8), borderValue=0)
    brightness, _ = cv2.meanStdDev(grey, mask=face)
    _, detail = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F), mask=face)
    return float(1e4 * (detail[0, 0] / max(brightness[0, 0], 1.0)) ** 2)


def laplacian_variance(grey: Uint8s, inside: Bools) -> float:
    """Variance of the Laplacian in a region (H, W) of a grey picture (H, W) uint8; NaN for an empty one.

    It grows with noise as with detail: only the ratio of two pictures at one scale means anything.
    """
    if not inside.any():
        return float("nan")
    return float(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 0.8), cv2.CV_64F)[inside].var())
