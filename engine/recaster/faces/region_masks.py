"""Regions of a face, drawn from its landmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from recaster.errors import UsageError
from recaster.faces import topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats

FRACTION_BITS = 4
"""Polygons are drawn to 1/16 pixel."""


def hull(landmarks: Floats, size: int, kind: Literal["oval", "inner"] = "oval") -> NDArray[np.uint8]:
    """The outline of a face, filled.

    Args:
        landmarks: (478, 2 or 3) mesh or (68, 2 or 3) iBUG points, in crop pixels.
        size: side of the crop.
        kind: "oval" is the mesh's outline, with the forehead; "inner" goes from the brows down.

    Returns:
        (size, size) uint8, 255 inside.

    Raises:
        UsageError: the oval of 68 points, which have no forehead.
    """
    mesh = len(landmarks) != len(topology.IBUG68)
    if kind == "oval" and not mesh:
        raise UsageError("68 landmarks have no forehead, which this model looks at: use --landmarker mesh")
    points = landmarks[:, :2]
    if mesh:
        points = points[list(topology.OVAL if kind == "oval" else topology.IBUG68)]
    return _filled([cv2.convexHull(points.astype(np.float32))[:, 0]], size)


def features(landmarks: Floats, size: int) -> NDArray[np.uint8]:
    """Eyes and mouth with a little skin around them, where an expression is read.

    Args:
        landmarks: (478, 2 or 3) mesh points in crop pixels.
        size: side of the crop.

    Returns:
        (size, size) uint8, 255 inside.
    """
    outlines = (topology.EYE_LEFT, topology.EYE_RIGHT, topology.LIPS_OUTER)
    drawn = _filled([landmarks[list(outline), :2] for outline in outlines], size)
    reach = 2 * round(0.02 * size) + 1
    return np.asarray(cv2.dilate(drawn, np.ones((reach, reach), np.uint8)), np.uint8)


def _filled(polygons: Sequence[NDArray[np.floating]], size: int) -> NDArray[np.uint8]:
    canvas = np.zeros((size, size), np.uint8)
    fixed = [np.rint(polygon * 2**FRACTION_BITS).astype(np.int32) for polygon in polygons]
    for polygon in fixed:  # one by one: overlapping polygons of one call would cancel out
        cv2.fillPoly(canvas, [polygon], 255, cv2.LINE_AA, FRACTION_BITS)
    return canvas
