"""Landmarks and pupils by dlib's 68 points, which drive no swap unless asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.evaluation.iris_finder import find_iris
from recaster.faces.dlib_adapters import Dlib68
from recaster.faces.topology import IBUG68
from recaster.faces.types import Box, Floats

if TYPE_CHECKING:
    from recaster.media.types import Image

BOX_SIDE_PX: Final = 320
"""The face's box is brought to this: dlib answers in whole pixels, which are fractions of the clip's here."""
BOX_MARGIN: Final = 0.5
"""Surroundings of the box that dlib sees, in sides of it."""
EYES: Final = (slice(36, 42), slice(42, 48))
INNER: Final = slice(17, 68)
"""Brows, nose, eyes and mouth."""

# Index of each point's counterpart in a mirrored face.
MIRROR: Final = np.array(
    [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46,
     39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
)  # fmt: skip


NOTICE: Final = f"judged with {Dlib68.notice.split(';')[0]}"
"""The sentence that dlib's licence asks for."""


class LandmarkJudge:
    """Finder of 68 points, (x, y) in iBUG's order, and of the pupils."""

    def __init__(self) -> None:
        self._dlib = Dlib68()

    def points(self, image: Image, box: Box) -> Floats:
        """Finds the points (68, 2) of the face in a box, frame pixels."""
        face, matrix = _cut(image, box)
        return _back(self._locate(face), matrix)

    def mirrored(self, image: Image, box: Box) -> Floats:
        """Finds them in the mirrored picture, and mirrors them back: a second opinion of the same judge."""
        face, matrix = _cut(image, box)
        points = self._locate(np.ascontiguousarray(face[:, ::-1]))
        points[:, 0] = face.shape[1] - 1 - points[:, 0]
        return _back(points[MIRROR], matrix)

    def pupils(self, image: Image, points: Floats) -> Floats:
        """Finds the pupils (2, 2), the picture's left eye first, each in its eye's own coordinates.

        They are the middles of the irises (``find_iris``), NaN for an eye that is closed.
        """
        return np.stack([find_iris(image, points[eye]) for eye in EYES])

    def _locate(self, face: Image) -> Floats:
        edge = BOX_SIDE_PX * BOX_MARGIN
        return self._dlib.locate(face, Box(edge, edge, edge + BOX_SIDE_PX, edge + BOX_SIDE_PX)).points[:, :2]


def face_box(mesh: Floats) -> Box:
    """Computes the square in which dlib's detectors would see a face with a mesh (478, 3), pixels."""
    points = mesh[list(IBUG68), :2]
    low = points[17:].min(axis=0)
    high = np.array([points[17:, 0].max(), points[:, 1].max()])
    half = (high - low).max() / 2
    middle = (low + high) / 2
    return Box(*(middle - half), *(middle + half))


def _cut(image: Image, box: Box) -> tuple[Image, Floats]:
    """Cuts the box and its margin at a fixed size; also returns the matrix from frame pixels to there."""
    scale = BOX_SIDE_PX / max(box.width, 1.0)
    whole = round(BOX_SIDE_PX * (1 + 2 * BOX_MARGIN))
    shift = BOX_SIDE_PX * BOX_MARGIN
    matrix = np.array([[scale, 0, shift - scale * box.left], [0, scale, shift - scale * box.top]], np.float64)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.warpAffine(image, matrix, (whole, whole), flags=how, borderMode=cv2.BORDER_REPLICATE), matrix


def _back(points: Floats, matrix: Floats) -> Floats:
    return (points - matrix[:, 2]) / matrix[0, 0]
