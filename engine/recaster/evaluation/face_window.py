"""Outline of the original's face, and a window around it at a fixed scale.

The mesh drives swaps, but only says *where* to look here, and what it says comes from the original.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces.geometry import eye_distance_3d
from recaster.faces.region_masks import fill_polygon
from recaster.faces.topology import OVAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.evaluation.types import Mask
    from recaster.faces.types import Floats
    from recaster.media.types import Image

MAX_EYE_DISTANCE_PX: Final = 96.0
"""Larger faces are brought to this; smaller ones are left as they are, since enlarging adds no detail."""
WINDOW_MARGIN: Final = 0.5
"""Surroundings of the face in its window, in eye distances."""


@dataclass(frozen=True, eq=False)
class Window:
    """A rectangle of frames around one face.

    Attributes:
        left, top, right, bottom: whole frame pixels, inside of the frame.
        size: (width, height) in pixels after scaling.
        outline: (36, 2), the face's oval in scaled pixels.
        eyes: the eye distance in scaled pixels.
    """

    left: int
    top: int
    right: int
    bottom: int
    size: tuple[int, int]
    outline: Floats
    eyes: float

    @classmethod
    def around(cls, points: Floats, shape: tuple[int, ...]) -> Window | None:
        """Finds the window of a face (478, 3) in a frame of (height, width, ..); None if it lies outside."""
        eyes = eye_distance_3d(points)
        low = np.floor(points[:, :2].min(axis=0) - WINDOW_MARGIN * eyes).astype(int)
        high = np.ceil(points[:, :2].max(axis=0) + WINDOW_MARGIN * eyes).astype(int)
        left, top = np.maximum(low, 0).tolist()
        right, bottom = np.minimum(high, (shape[1], shape[0])).tolist()
        if right - left < 8 or bottom - top < 8 or eyes < 2:
            return None
        scale = min(1.0, MAX_EYE_DISTANCE_PX / eyes)
        size = (max(8, round((right - left) * scale)), max(8, round((bottom - top) * scale)))
        window = cls(left, top, right, bottom, size, points[list(OVAL), :2], eyes * scale)
        return dataclasses.replace(window, outline=window.place(points[list(OVAL)]))

    def place(self, points: Floats) -> Floats:
        """Maps points (N, 2 or more) of the frame to (N, 2) in scaled pixels."""
        stretch = np.array([self.size[0] / (self.right - self.left), self.size[1] / (self.bottom - self.top)])
        return np.asarray((points[:, :2] + 0.5 - (self.left, self.top)) * stretch - 0.5)

    def cut(self, image: Image) -> Image:
        """Cuts the window out of a frame, at the window's size."""
        part = image[self.top : self.bottom, self.left : self.right]
        if part.shape[1::-1] == self.size:
            return part
        return cv2.resize(part, self.size, interpolation=cv2.INTER_AREA)

    def face(self, grow: float = 0.0) -> Mask:
        """Mask (height, width) of the oval, grown (or, below 0, shrunk) by a share of the eye distance."""
        return filled(self.outline, self.size, grow * self.eyes)


def filled(outline: Floats, size: tuple[int, int], grow: float) -> Mask:
    """Mask of a filled outline (N, 2) in a picture of (width, height), grown by ``grow`` pixels."""
    return grown(fill_polygon(outline, size[::-1]) > 0, grow)


def grown(mask: Mask, pixels: float) -> Mask:
    """Widens a mask (H, W) by so many pixels on all sides; narrows it below 0."""
    width = round(abs(pixels))
    if not width:
        return mask
    outside = np.pad(~mask if pixels > 0 else mask, 1, constant_values=True).astype(np.uint8)
    away = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    return np.asarray(away <= width if pixels > 0 else away > width)


def luma(image: Image) -> NDArray[np.uint8]:
    """Luma (H, W) uint8 of an RGB picture."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
