"""Drawing what triangles' corners say, from one picture to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Image

_DEPTH: Final = 0.01
"""The nearest and the farthest corner are seen from a distance of 1 and 1.01: all but without perspective."""
_NEAR: Final = 0.5
_BEYOND: Final = 2.0
"""What lies between these distances is drawn."""


def rasterize(
    points: Floats, values: NDArray[np.float32], triangles: NDArray[np.int64], size: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Triangles filled with what lies evenly between their corners' values; nearer ones hide farther ones.

    Args:
        points: (V, 2 or 3), pixels of the picture to fill; depth grows away from the camera.
        values: (V, 3) float32, of each point.
        triangles: (M, 3), indices of points.
        size: side of the picture in pixels.

    Returns:
        (size, size, 3) float32, and (size, size) uint8: 1 inside the triangles, 0 outside, where the
        picture is 0.
    """
    there = np.empty((len(points), 3), np.float32)
    depth = 1 + _DEPTH * _unit(points[:, 2]) if points.shape[1] > 2 else np.ones(len(points))
    # The rasteriser looks along -z with a field of view of 90 degrees, x to the right and y up.
    there[:, :2] = ((points[:, :2] + 0.5) * (2 / size) - 1) * depth[:, None]
    there[:, 1] *= -1
    there[:, 2] = -depth
    picture = np.zeros((size, size, 3), np.float32)
    seen = np.full((size, size), _BEYOND, np.float32)
    cv2.triangleRasterize(
        there,
        triangles.astype(np.int32),
        values,
        picture,
        seen,
        np.eye(4),
        np.pi / 2,
        _NEAR,
        _BEYOND,
        _evenly(),
    )
    return picture, (seen < _BEYOND).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class EdgePadding:
    """Pixels outside a mask, and those inside that they repeat.

    Attributes:
        outside: (N,), flat indices.
        nearest: (N,), of the pixel inside that is nearest to each of them.
    """

    outside: NDArray[np.intp]
    nearest: NDArray[np.intp]

    @classmethod
    def of(cls, inside: NDArray[np.uint8], where: NDArray[np.uint8] | None = None) -> EdgePadding:
        """The rim of a mask (H, W), 0 outside: the pixels that ``where`` is not 0 at; None for all."""
        outside = np.flatnonzero(inside == 0) if where is None else np.flatnonzero(where > inside)
        if not inside.any():
            return cls(outside, outside)
        labels, found = _labelled(inside)
        return cls(outside, found[labels.ravel()[outside]])

    def filled(self, picture: Image) -> Image:
        """A picture (H, W, ...) that is continued there; it is changed."""
        flat = picture.reshape(picture.shape[0] * picture.shape[1], -1)
        flat[self.outside] = np.take(flat, self.nearest, 0)
        return picture


def nearest(mask: NDArray[np.uint8]) -> NDArray[np.intp]:
    """(H, W): for every pixel the flat index of the nearest one that is not 0 in a mask (H, W)."""
    labels, found = _labelled(mask)
    return np.take(found, labels)


def _labelled(mask: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """(H, W): for every pixel a label of the nearest one that is not 0; and the flat index of each label."""
    _, labels = cv2.distanceTransformWithLabels(
        (mask == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    there = np.flatnonzero(mask)
    found = np.zeros(labels.max() + 1, np.intp)
    found[labels.ravel()[there]] = there
    return labels, found


def _unit(values: Floats) -> Floats:
    """Values brought to 0 to 1."""
    low, high = values.min(), values.max()
    return np.asarray((values - low) / max(high - low, 1e-9))


def _evenly() -> Any:
    """Settings of OpenCV's rasteriser: values between corners, both sides of a triangle."""
    settings = cv2.TriangleRasterizeSettings()
    settings.setShadingType(cv2.RASTERIZE_SHADING_SHADED)
    return settings.setCullingMode(cv2.RASTERIZE_CULLING_NONE)
