"""Rasterization of triangles, and padding of a picture beyond its edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.faces.types import Floats, Floats32, Uint8s
    from recaster.media.types import Image

_DEPTH: Final = 0.01  # depth of the scene at a distance of 1: all but without perspective
_NEAR_PLANE: Final = 0.5
_FAR_PLANE: Final = 2.0
"""Distances between which triangles are drawn."""
# Values between corners, both sides of a triangle.
_SETTINGS: Final = cv2.TriangleRasterizeSettings()
_SETTINGS.setShadingType(cv2.RASTERIZE_SHADING_SHADED)
_SETTINGS.setCullingMode(cv2.RASTERIZE_CULLING_NONE)


def rasterize(
    points: Floats, values: Floats32, triangles: NDArray[np.int64], size: int
) -> tuple[Floats32, Uint8s]:
    """Fills triangles with what lies evenly between their corners' values; nearer ones hide farther ones.

    Args:
        points: (V, 2 or 3), pixels of the picture to fill; depth grows away from the camera.
        values: (V, 3), of each point.
        triangles: (M, 3), indices of points.
        size: side of the picture in pixels.

    Returns:
        (size, size, 3), and (size, size): 1 inside the triangles, 0 outside, where the picture is 0.
    """
    corners = np.empty((len(points), 3), np.float32)
    depth = np.ones(len(points))
    if points.shape[1] > 2:
        depth += _DEPTH * ((points[:, 2] - points[:, 2].min()) / max(np.ptp(points[:, 2]), 1e-9))
    # The rasteriser looks along -z with a field of view of 90 degrees, x to the right and y up.
    # A pixel's centre is at a whole number, and what the camera sees reaches half a pixel around them all.
    corners[:, :2] = ((points[:, :2] + 0.5) * (2 / size) - 1) * depth[:, None]
    corners[:, 1] *= -1
    corners[:, 2] = -depth
    picture = np.zeros((size, size, 3), np.float32)
    seen = np.full((size, size), _FAR_PLANE, np.float32)
    camera = (np.eye(4), np.pi / 2, _NEAR_PLANE, _FAR_PLANE, _SETTINGS)
    cv2.triangleRasterize(corners, triangles.astype(np.int32), values, picture, seen, *camera)
    return picture, (seen < _FAR_PLANE).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class EdgePadding:
    """Pixels outside a mask, and those inside that are repeated there."""

    outside: NDArray[np.intp]  # (N,), flat indices
    nearest: NDArray[np.intp]  # (N,), of the pixel inside that is nearest to each of them

    @classmethod
    def of(cls, inside: Uint8s, where: Uint8s | None = None) -> EdgePadding:
        """The rim of a mask (H, W), 0 outside: the pixels that ``where`` is not 0 at; None for all."""
        if where is None:
            where = np.ones_like(inside)
        # Only within the rectangle that holds both: no nearest pixel lies beyond others that do.
        left, top, width, height = cv2.boundingRect(where | inside)
        box = np.s_[top : top + height, left : left + width]
        whole = np.arange(inside.size).reshape(inside.shape)[box].ravel()
        outside = np.flatnonzero(where[box] > inside[box])
        if not inside.any():
            return cls(whole[outside], whole[outside])
        labels, indices = _label_nearest(inside[box])
        return cls(whole[outside], whole[indices[labels.ravel()[outside]]])

    def fill(self, picture: Image) -> Image:
        """Continues a picture (H, W, ...) there, in place."""
        for channel in picture.reshape(picture.shape[0] * picture.shape[1], -1).T:  # all at once is slower
            channel[self.outside] = channel[self.nearest]
        return picture


def index_nearest(mask: Uint8s) -> NDArray[np.intp]:
    """Flat index (H, W) of the pixel nearest to each that is not 0 in a mask (H, W)."""
    labels, indices = _label_nearest(mask)
    return np.take(indices, labels)


def _label_nearest(mask: Uint8s) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Label (H, W) of the pixel nearest to each that is not 0, and the flat index of each label."""
    _, labels = cv2.distanceTransformWithLabels(
        (mask == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    there = np.flatnonzero(mask != 0)  # quicker than of numbers
    # OpenCV numbers the pixels of the mask in an order of its own.
    indices = np.zeros(labels.max() + 1, np.intp)
    indices[labels.ravel()[there]] = there
    return labels, indices
