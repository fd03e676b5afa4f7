"""Neighbours, faces that touch or cover each other: each is looked at without the others.

A landmarker that sees one and a half faces stretches its mesh over both, or slides to the whole one. So what
belongs to the others is painted over before it looks: a plain thing before half a face does it little harm.
How far the points move when a part that two faces claim is shown tells whose it is: those of the face in
front stay where they are, those of the one behind do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces.topology import MESH_POINTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.landmarkers import Landmarker
    from recaster.faces.types import Box, Floats, Uint8s
    from recaster.media.types import Image

TOUCHING: Final = 0.1
"""Distance of boxes, in their own widths and heights, up to which faces are looked at alone."""
_GROWTH: Final = 1.08  # size of a face over that of its points: ears, and the way to the next frame
_PAINT_LEVEL: Final = 128  # grey level of what is painted over
_UNSURE_WEIGHT: Final = 0.3  # movement of a face's points that counts as much as a wholly unsure detector
_CLEAR_DIFFERENCE: Final = 0.03
"""Difference of the signs of two faces from which on the one that has less is in front."""


@dataclass(frozen=True, eq=False)
class Neighbour:
    """Another face of the same picture, (N, 3) points; ``behind`` the one looked at, None where unknown."""

    points: Floats
    behind: bool | None


def are_touching(box: Box, other: Box) -> bool:
    """True if two faces touch or nearly do."""
    across = max(box.left, other.left) - TOUCHING * (box.width + other.width) / 2
    down = max(box.top, other.top) - TOUCHING * (box.height + other.height) / 2
    return across < min(box.right, other.right) and down < min(box.bottom, other.bottom)


def is_behind(signs: float, others: float) -> bool | None:
    """True if a face is behind another, from the signs of each; None where that isn't clear."""
    if min(signs, others) <= 0 or abs(signs - others) < _CLEAR_DIFFERENCE:
        return None
    return signs > others


def draw_neighbours(points: Floats | None, neighbours: Sequence[Neighbour], size: tuple[int, int]) -> Uint8s:
    """Draws what of a picture belongs to a face's neighbours: (H, W) uint8, 0 or 255.

    A part that two claim belongs to the one in front; where that isn't known, each has what is nearer to it.
    The face's own points (N, 3) are None where they aren't known yet.
    """
    return _draw_fills(_fills(points, neighbours), size)


def paint_over_neighbours(image: Image, points: Floats | None, neighbours: Sequence[Neighbour]) -> Image:
    """Paints over a face's neighbours in a picture (H, W, 3) uint8 RGB; itself where there are none."""
    fills = _fills(points, neighbours)
    if not fills:
        return image
    # Only within the rectangle of the polygons: frames are large and neighbours few.
    corners = np.concatenate([polygon for polygon, _ in fills])
    low = np.maximum(corners.min(0), 0)
    width, height = np.minimum(corners.max(0) + 1, image.shape[1::-1]) - low
    if min(width, height) <= 0:
        return image
    mask = _draw_fills([(polygon - low, value) for polygon, value in fills], (height, width))
    painted = image.copy()
    part = painted[low[1] : low[1] + height, low[0] : low[0] + width]
    np.copyto(part, _PAINT_LEVEL, where=mask[..., None] > 0)
    return painted


def paint_over_boxes(image: Image, box: Box, others: Sequence[Box]) -> Image:
    """Paints over all of a picture that is nearer to another face's box than to a face's own.

    Itself where no other touches it. One whose middle is within the face's own box is passed over: as a rule
    a detector has taken a nose, a mouth or a print for it, and half of the face would be lost.
    """
    beside = [other for other in others if are_touching(box, other) and not box.contains(other.centre)]
    if not beside:
        return image
    painted = image.copy()
    right = image.shape[1] - 1
    bottom = image.shape[0] - 1
    frame = np.array([(0, 0), (right, 0), (right, bottom), (0, bottom)], np.float64)
    for other in beside:
        if len(polygon := _clip_nearer(frame, np.array(box.centre), np.array(other.centre))):
            cv2.fillConvexPoly(painted, _round(polygon), (_PAINT_LEVEL, _PAINT_LEVEL, _PAINT_LEVEL))
    return painted


def measure_behind(
    landmarker: Landmarker, image: Image, points: Floats, score: float, neighbours: Sequence[Neighbour]
) -> float:
    """Measures the signs that a face is behind its neighbours: above 0, and larger the more there are.

    How far its points (N, 3) move when the landmarker that found them is shown what both it and they claim
    (root of the mean square, as a share of their spread), and how unsure a detector is of it, by its score.
    """
    claimed = [Neighbour(neighbour.points, behind=True) for neighbour in neighbours]
    others = [Neighbour(neighbour.points, behind=False) for neighbour in neighbours]
    shown, hidden = (
        landmarker.follow(paint_over_neighbours(image, points, around), points).points[:MESH_POINTS, :2]
        for around in (claimed, others)
    )
    moved = np.sqrt(((shown - hidden) ** 2).sum(-1).mean())
    spread = np.linalg.norm(points[:MESH_POINTS].std(0))
    return float(moved / max(spread, 1e-6)) + _UNSURE_WEIGHT * (1 - min(score, 1.0))


def _fills(points: Floats | None, neighbours: Sequence[Neighbour]) -> list[tuple[NDArray[np.int32], int]]:
    """Convex polygons, (M, 2) pixels, and what to fill each with, in this order: see ``draw_neighbours``."""
    # First what is behind, then the face itself over it, then what is in front or not known.
    behind = [neighbour for neighbour in neighbours if neighbour.behind]
    fills = [(_grown_hull(neighbour.points), 255) for neighbour in behind]
    if behind and points is not None:
        fills.append((_hull(points), 0))
    for neighbour in neighbours:
        theirs = _grown_hull(neighbour.points)
        if points is not None and neighbour.behind is None:
            theirs = _clip_nearer(theirs, _hull(points).mean(0), _hull(neighbour.points).mean(0))
        if not neighbour.behind and len(theirs):
            fills.append((theirs, 255))
    return [(_round(polygon), value) for polygon, value in fills]


def _draw_fills(fills: Sequence[tuple[NDArray[np.int32], int]], size: tuple[int, int]) -> Uint8s:
    mask = np.zeros(size, np.uint8)
    for polygon, value in fills:
        cv2.fillConvexPoly(mask, polygon, value)
    return mask


def _hull(points: Floats) -> Floats:
    """Hull of a face's points, (M, 2) pixels."""
    hull = cv2.convexHull(np.ascontiguousarray(points[:MESH_POINTS, :2], np.float32))
    return np.asarray(hull[:, 0], np.float64)


def _grown_hull(points: Floats) -> Floats:
    """Hull of a face's points, (M, 2) pixels, with a little around it."""
    hull = _hull(points)
    middle = hull.mean(0)
    return (hull - middle) * _GROWTH + middle


def _clip_nearer(polygon: Floats, here: Floats, there: Floats) -> Floats:
    """Clips a convex polygon (M, 2) to what is no nearer to ``here`` than to ``there``, (2,) pixels each.

    Sutherland and Hodgman, "Reentrant polygon clipping", 1974, with one edge.
    """
    ahead = (polygon - (here + there) / 2) @ (there - here)
    corners = []
    for i, far in enumerate(ahead):
        before = ahead[i - 1]
        if (far < 0) != (before < 0):
            corners.append(polygon[i - 1] + (polygon[i] - polygon[i - 1]) * before / (before - far))
        if far >= 0:
            corners.append(polygon[i])
    return np.array(corners).reshape(-1, 2)


def _round(polygon: Floats) -> NDArray[np.int32]:
    return np.rint(polygon).astype(np.int32)
