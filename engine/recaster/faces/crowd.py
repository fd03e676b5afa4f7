"""Faces that touch or cover each other: each is looked at without the others.

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
    from recaster.faces.types import Box, Floats
    from recaster.media.types import Image

NEAR: Final = 0.1
"""Faces whose boxes are this near to each other, in their own widths and heights, are looked at alone."""
_GROWN: Final = 1.08
"""A face reaches so far beyond its points: ears, and the way to the next frame."""
_PAINT: Final = 128
"""Grey level of what is painted over."""
_UNSURE: Final = 0.3
"""So much as a face's points would have to move by counts a detector that isn't sure of it at all."""
_CLEARLY: Final = 0.03
"""Of two faces the one that has less signs of being behind by this is in front."""


@dataclass(frozen=True, eq=False)
class Neighbour:
    """Another face of the same picture.

    Attributes:
        points: (N, 3) pixels.
        behind: whether it is behind the face that is looked at; None where that isn't known.
    """

    points: Floats
    behind: bool | None


def touching(one: Box, other: Box) -> bool:
    """Whether two faces touch or nearly do."""
    across, down = NEAR * (one.width + other.width) / 2, NEAR * (one.height + other.height) / 2
    return max(one.left, other.left) - across < min(one.right, other.right) and max(
        one.top, other.top
    ) - down < min(one.bottom, other.bottom)


def is_behind(signs: float, others: float) -> bool | None:
    """Whether a face is behind another, from the signs of each; None where that isn't clear."""
    if min(signs, others) <= 0 or abs(signs - others) < _CLEARLY:
        return None
    return signs > others


def taken(points: Floats | None, neighbours: Sequence[Neighbour], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Draws what of a picture belongs to a face's neighbours: (H, W) uint8, 0 or 255.

    A part that two claim belongs to the one in front; where that isn't known, each has what is nearer to it.

    Args:
        points: (N, 3) of the face, pixels; None where they aren't known yet.
        neighbours: faces around it.
        size: (H, W).
    """
    mask = np.zeros(size, np.uint8)
    for one in neighbours:
        theirs = np.zeros(size, np.uint8)
        _fill(theirs, one.points, _GROWN, 255)
        if points is not None and one.behind:
            _fill(theirs, points, 1.0, 0)
        elif points is not None and one.behind is None:
            here, there = (_hull(each).mean((0, 1)) for each in (points, one.points))
            _fill_beyond(theirs, there, here, 0)
        mask |= theirs
    return mask


def alone(image: Image, points: Floats | None, neighbours: Sequence[Neighbour]) -> Image:
    """A picture with a face's neighbours painted over: (H, W, 3) uint8 RGB; itself where there are none."""
    if not neighbours:
        return image
    return _painted(image, taken(points, neighbours, image.shape[:2]))


def alone_in_box(image: Image, box: Box, others: Sequence[Box]) -> Image:
    """A picture in which all that is nearer to another face's box than to a face's own is painted over."""
    mask = np.zeros(image.shape[:2], np.uint8)
    for other in others:
        if touching(box, other):
            _fill_beyond(mask, np.array(box.centre), np.array(other.centre), 255)
    return _painted(image, mask) if mask.any() else image


def signs_of_being_behind(
    landmarker: Landmarker, image: Image, points: Floats, score: float, neighbours: Sequence[Neighbour]
) -> float:
    """Signs that a face is behind its neighbours: above 0, and larger the more there are.

    How far its points move when it is shown what both it and they claim (root of the mean square, as a share
    of their spread), and how unsure a detector is of it.

    Args:
        landmarker: found the points.
        image: (H, W, 3) uint8 RGB.
        points: (N, 3) of the face.
        score: the detector's, from 0 to 1.
        neighbours: who touches it.
    """
    claimed = [Neighbour(one.points, behind=True) for one in neighbours]
    others = [Neighbour(one.points, behind=False) for one in neighbours]
    shown, hidden = (
        landmarker.follow(alone(image, points, around), points).points[:MESH_POINTS, :2]
        for around in (claimed, others)
    )
    moved = np.sqrt(((shown - hidden) ** 2).sum(-1).mean())
    spread = np.linalg.norm(points[:MESH_POINTS].std(0))
    return float(moved / max(spread, 1e-6)) + _UNSURE * (1 - min(score, 1.0))


def _hull(points: Floats) -> NDArray[np.float32]:
    """The hull of a face's points, (M, 1, 2) pixels."""
    return np.asarray(cv2.convexHull(np.ascontiguousarray(points[:MESH_POINTS, :2], np.float32)))


def _fill(mask: NDArray[np.uint8], points: Floats, grown: float, value: int) -> None:
    """Fill the hull of a face's points, grown about its middle."""
    hull = _hull(points)
    middle = hull.mean((0, 1))
    cv2.fillConvexPoly(mask, np.rint((hull - middle) * grown + middle).astype(np.int32), value)


def _fill_beyond(mask: NDArray[np.uint8], here: Floats, there: Floats, value: int) -> None:
    """Fill all that is nearer to ``there`` than to ``here``, (2,) pixels each."""
    away = np.asarray(there - here, np.float64)
    if not away.any():
        return
    ahead = away / np.linalg.norm(away) * 4 * sum(mask.shape)
    beside, middle = np.array([-ahead[1], ahead[0]]), here + away / 2
    corners = [middle - beside, middle + beside, middle + beside + ahead, middle - beside + ahead]
    cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), value)


def _painted(image: Image, mask: NDArray[np.uint8]) -> Image:
    painted = image.copy()
    painted[mask > 0] = _PAINT
    return painted
