"""Masks of regions of a face, drawn from its landmarks, and the filled polygons that they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import cv2
import numpy as np

from recaster.errors import UsageError
from recaster.faces import topology

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.faces.types import Floats, Uint8s

SUBPIXEL_BITS: Final = 4  # smooth polygons are drawn to 1/16 pixel


def fill_polygon(outline: Floats | NDArray[np.int32], size: int | tuple[int, int], value: int = 1) -> Uint8s:
    """Fills a polygon (N, 2 or more) whose corners are rounded to whole pixels.

    ``size`` is the side of the mask, or (height, width), ``value`` inside; 0 is outside.
    """
    return cv2.fillPoly(_blank(size), [np.rint(outline[:, :2]).astype(np.int32)], value)


def fill_hull(points: Floats, size: int | tuple[int, int], value: int = 1) -> Uint8s:
    """Fills the convex hull of points that are rounded to whole pixels; arguments as of ``fill_polygon``."""
    hull = cv2.convexHull(np.rint(points[:, :2]).astype(np.int32))
    return cv2.fillConvexPoly(_blank(size), hull, value)


def fill_smoothly(
    outline: NDArray[np.floating], size: int, onto: Uint8s | None = None, *, convex: bool = False
) -> Uint8s:
    """Fills a polygon (N, 2 or more) with an antialiased edge, (size, size) uint8: 255 inside.

    Drawn ``onto`` a mask; None for an empty one. OpenCV has a way of its own to fill ``convex`` ones.
    """
    mask = _blank(size) if onto is None else onto
    fixed = np.rint(outline[:, :2] * (1 << SUBPIXEL_BITS)).astype(np.int32)
    if convex:
        return cv2.fillConvexPoly(mask, fixed, 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, SUBPIXEL_BITS)


def _blank(size: int | tuple[int, int]) -> Uint8s:
    return np.zeros((size, size) if isinstance(size, int) else size, np.uint8)


def fill_face(landmarks: Floats, size: int, kind: Literal["oval", "inner"] = "oval") -> Uint8s:
    """Fills the outline of a mesh (478, 2 or 3) or of iBUG points (68, 2 or 3), (size, size): 255 inside.

    "oval" is the mesh's outline, with the forehead; "inner" goes from the brows down.

    Raises:
        UsageError: the oval of 68 points, which have no forehead.
    """
    mesh = len(landmarks) != len(topology.IBUG68)
    if kind == "oval" and not mesh:
        raise UsageError("68 landmarks have no forehead, which this model looks at: use --landmarker mesh")
    points = landmarks[:, :2]
    if mesh:
        points = points[list(topology.OVAL if kind == "oval" else topology.IBUG68)]
    return fill_smoothly(cv2.convexHull(points.astype(np.float32))[:, 0], size)


def fill_eyes_and_mouth(landmarks: Floats, size: int) -> Uint8s:
    """Fills eyes and mouth of a mesh (478, 2 or 3) with a little skin around, where an expression is read."""
    drawn = _blank(size)
    for outline in (
        topology.EYE_LEFT,
        topology.EYE_RIGHT,
        topology.LIPS_OUTER,
    ):  # one by one: overlapping polygons of one call would cancel out
        fill_smoothly(landmarks[list(outline)], size, drawn)
    reach = 2 * round(0.02 * size) + 1
    return np.asarray(cv2.dilate(drawn, np.ones((reach, reach), np.uint8)), np.uint8)
