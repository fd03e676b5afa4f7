"""A flat layout of the face in which every part has room: closed lips and lids do not vanish in it.

A source frame is unwrapped into this layout once; a face is then painted by wrapping a blend of
such textures onto its mesh. Besides the 468 mesh points, both iris centres carry the texture, so
that the eyes follow the gaze, and a grid between the lips, so that teeth stretch evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from recaster.faces import topology
from recaster.likeness.surface import JAW, LOWER_LIP, TRIANGLES, UPPER_LIP, unfolded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Image

# Four rows of points each, from the lips' inner edge to their outer one, corners left out.
_UPPER_LIPS = (
    *UPPER_LIP, 183, 42, 41, 38, 12, 268, 271, 272, 407, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    185, 40, 39, 37, 0, 267, 269, 270, 409,
)  # fmt: skip
_LOWER_LIPS = (
    *LOWER_LIP, 96, 89, 179, 86, 15, 316, 403, 319, 325, 77, 90, 180, 85, 16, 315, 404, 320, 307,
    146, 91, 181, 84, 17, 314, 405, 321, 375,
)  # fmt: skip

_UNDER = 0.09
"""How far the underjaw reaches at the chin, as a share of the face's height and depth."""

_JAW_DROP = 0.16
_LID_STRETCH = 0.7
_MARGIN = 0.04
_ROWS = np.array([0.25, 0.5, 0.75])
_TEETH = 0.2
"""What is between lips farther apart than this, in eye distances, keeps its height next to the upper lip."""
_SUBPIXEL = 4
_SQUEEZED = (1.8, 4.0)
"""From so many pixels in one on a blurred picture is read, and from so many on nothing else."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the mesh lies in a texture.

    Attributes:
        size: side of a texture in pixels.
        points: (V, 2) float64, texture pixels, as ``vertices`` orders them.
        triangles: (M, 3) int64, indices into ``points``.
    """

    size: int
    points: Floats
    triangles: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cover:
    """Which triangle covers which pixel, and where in it.

    Attributes:
        triangle: (size, size) int32, -1 outside the face.
        maps: (size, size, 2) float32, the place in the other picture that each pixel shows.
        squeezed: (size, size) float32, 0 to 1, where many of the other picture's pixels fall into one.
    """

    triangle: NDArray[np.int32]
    maps: NDArray[np.float32]
    squeezed: NDArray[np.float32]


def face_layout(neutral: Floats, size: int) -> Layout:
    """The layout for a neutral canonical mesh (478, 3): jaw dropped and lids stretched open."""
    points = vertices(_eyes_opened(_jaw_dropped(neutral[:, :2])))
    low, high = points.min(0), points.max(0)
    scale = (1 - 2 * _MARGIN) * size / (high - low).max()
    points = (points - (low + high) / 2) * scale + size / 2
    return Layout(size, unfolded(points), TRIANGLES)


def _jaw_dropped(points: Floats) -> Floats:
    """(478, 2) with the mouth open: what lies below the lips' slit goes down, more the farther below.

    Beside the mouth's corners the shift begins at 0, so that the cheeks stretch and nothing folds.
    """
    corners = points[list(topology.MOUTH_CORNERS)]
    middle, half = corners.mean(0), np.ptp(corners[:, 0]) / 2
    slit = points[[topology.LIP_TOP, topology.LIP_BOTTOM], 1].mean()
    across = np.clip(1 - ((points[:, 0] - middle[0]) / half) ** 2, 0, 1)
    reach = points[topology.CHIN, 1] - slit
    below = np.clip((points[:, 1] - slit) / reach, 0, 1)
    below = below * below * (3 - 2 * below)
    under = points[:, 1] > slit
    under[list(_LOWER_LIPS)], under[list(_UPPER_LIPS)] = True, False
    moved = points.copy()
    moved[:, 1] += _JAW_DROP * np.where(under, 1 - (1 - across) * (1 - below), 0.0)
    return moved


def _eyes_opened(points: Floats) -> Floats:
    """(478, 2) with the lids drawn apart, what is around them following less and less."""
    moved = points.copy()
    for outline, iris in ((topology.EYE_LEFT, topology.IRIS_LEFT), (topology.EYE_RIGHT, topology.IRIS_RIGHT)):
        middle = points[list(outline)].mean(0)
        width = np.ptp(points[list(outline), 0])
        offsets = points - middle
        near = np.exp(-((offsets / (width * np.array([0.9, 0.45]))) ** 2).sum(-1))
        moved[:, 1] += _LID_STRETCH * near * offsets[:, 1]
        moved[iris] = moved[list(outline)].mean(0)
    return moved


def vertices(points: Floats) -> Floats:
    """What carries the texture of a mesh (478, 2 or 3): mesh, irises, a grid between the lips, the underjaw.

    Iris centres stay between the lids. Returns (468 + 2 + 21 + 17, 2 or 3).
    """
    pairs = ((topology.EYE_LEFT, topology.IRIS_LEFT), (topology.EYE_RIGHT, topology.IRIS_RIGHT))
    irises = [_between_lids(points[list(outline)], points[iris]) for outline, iris in pairs]
    upper, lower = points[list(UPPER_LIP[1:-1])], points[list(LOWER_LIP[1:-1])]  # corners have no room
    grid = _between_lips(upper, lower, _eye_distance(points)).reshape(-1, points.shape[1])
    return np.concatenate([points[: topology.MESH_POINTS], irises, grid, under_jaw(points)])


def _between_lips(upper: Floats, lower: Floats, distance: float) -> Floats:
    """Rows (3, 7, 2 or 3) of points between the lips: evenly spread, or as high as teeth where lips part far.

    So teeth stay with the upper lip, and a mouth that opens wider than the source's ever did shows what is
    below them stretched, and not the teeth.
    """
    apart = lower - upper
    gaps = np.linalg.norm(apart, axis=-1) / distance
    shares = np.minimum(_ROWS[:, None], _ROWS[:, None] * _TEETH / np.maximum(gaps, 1e-6))
    return np.asarray(upper + shares[..., None] * apart)


def _eye_distance(points: Floats) -> float:
    left, right = (
        points[list(pair)].mean(0) for pair in (topology.EYE_CORNERS_LEFT, topology.EYE_CORNERS_RIGHT)
    )
    return float(np.linalg.norm(left - right))


def under_jaw(points: Floats) -> Floats:
    """Points (..., 17, 2 or 3) below the jaws of meshes (..., 478, 2 or 3), farthest at the chin.

    The mesh ends at the edge of the jaw; what grows below it, a beard say, has to be covered too.
    """
    jaw = points[..., JAW, :]
    down = points[..., topology.CHIN, :] - points[..., topology.FOREHEAD, :]
    back = points[..., topology.EARS, :].mean(-2) - points[..., topology.NOSE_TIP, :]
    shift = _UNDER * (down + back)[..., None, :] * np.sin(np.linspace(0, np.pi, len(JAW)))[:, None]
    return jaw + shift


def _between_lids(outline: Floats, iris: Floats) -> Floats:
    """The iris' place along the eye, half way between the lids."""
    middle = (outline[4] + outline[12]) / 2
    across = outline[0, :2] - outline[8, :2]
    along = np.clip((iris[:2] - middle[:2]) @ across / (across @ across), -0.3, 0.3)
    middle[:2] += along * across
    return middle


def cover(goal: Floats, source: Floats, triangles: NDArray[np.int64], size: int) -> Cover:
    """How to fill a picture of the mesh ``goal`` from a picture of the same mesh at ``source``.

    Nearer triangles hide farther ones (painter's algorithm by mean depth).

    Args:
        goal: (V, 3) or (V, 2), pixels of the picture to fill.
        source: (V, 2 or more), pixels of the picture to read.
        triangles: (M, 3).
        size: side of the picture to fill.
    """
    corners = goal[triangles]
    order = np.argsort(-corners[..., 2].mean(-1)) if goal.shape[1] > 2 else np.arange(len(triangles))
    index = np.full((size, size), -1, np.int32)
    fixed = np.round(corners[order, :, :2] * (1 << _SUBPIXEL)).astype(np.int32)
    for triangle, polygon in zip(order.tolist(), fixed, strict=True):
        cv2.fillConvexPoly(index, polygon, triangle, cv2.LINE_8, _SUBPIXEL)
    places, spread = source[triangles][..., :2], _spread(index)
    planes = affines(corners[..., :2], places)
    squeezed = np.clip((_squeeze(planes) - _SQUEEZED[0]) / np.ptp(_SQUEEZED), 0, 1).astype(np.float32)
    return Cover(index, _maps(spread, planes, places), squeezed[spread])


def wrap(picture: Image, covering: Cover) -> Image:
    """``picture`` read as the cover says, (size, size, channels) uint8; replicated beyond its border."""
    return cv2.remap(picture, covering.maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def wrap_sharply(picture: Image, covering: Cover) -> Image:
    """The same by cubic interpolation: a face is resampled several times on its way, and each blurs."""
    return cv2.remap(picture, covering.maps, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def wrap_evenly(picture: Image, covering: Cover) -> Image:
    """As sharply, but a blurred picture is read where much of it falls into one pixel.

    In closing lips and lids single pixels out of many would sparkle.
    """
    soft = wrap(cv2.GaussianBlur(picture, (0, 0), _SQUEEZED[1] / 2), covering)
    return cv2.blendLinear(soft, wrap_sharply(picture, covering), covering.squeezed, 1 - covering.squeezed)


def _squeeze(planes: Floats) -> Floats:
    """(M,): how many pixels of the other picture lie along one pixel, in the direction of the most."""
    linear = planes[:, :2]
    total = (linear**2).sum((1, 2))
    root = np.sqrt(np.maximum(total**2 - 4 * np.linalg.det(linear) ** 2, 0))
    return np.sqrt((total + root) / 2)


def _maps(index: NDArray[np.int32], planes: Floats, places: Floats) -> NDArray[np.float32]:
    """The place (size, size, 2) that each pixel reads, never beyond its triangle's own corners.

    So a triangle that is seen edge-on reads nothing but its own edge, and pixels beyond the face
    repeat its rim.
    """
    grid = np.arange(index.shape[0], dtype=np.float32)
    maps = np.empty((*index.shape, 2), np.float32)
    # One flat table after the other: gathering rows of a few numbers takes four times as long.
    for axis in (0, 1):
        across, down, start = planes[..., axis].T.astype(np.float32)
        low, high = (bound(1).astype(np.float32) for bound in (places[..., axis].min, places[..., axis].max))
        place = across[index] * grid
        place += down[index] * grid[:, None]
        place += start[index]
        np.clip(place, low[index], high[index], out=maps[..., axis])
    return maps


def affines(corners: Floats, places: Floats) -> Floats:
    """(M, 3, F): affine maps, as rows for x, y and 1, that take triangle corners to ``places``.

    Args:
        corners: (M, 3, 2), pixels.
        places: (M, 3, F).
    """
    homogeneous = np.concatenate([corners, np.ones((len(corners), 3, 1))], -1)
    flat = np.abs(np.linalg.det(homogeneous)) < 1e-3
    homogeneous[flat] += np.eye(3) * 0.05
    return np.linalg.solve(homogeneous, places)


def _spread(index: NDArray[np.int32]) -> NDArray[np.int32]:
    """Uncovered pixels given the triangle of the nearest covered pixel, so that no dark rim is read."""
    outside = (index < 0).astype(np.uint8)
    if not outside.any() or outside.all():
        return np.maximum(index, 0)
    _, labels = cv2.distanceTransformWithLabels(
        outside, cv2.DIST_L2, cv2.DIST_MASK_3, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros(labels.max() + 1, np.int32)
    nearest[labels[outside == 0]] = index[outside == 0]
    return nearest[labels]
