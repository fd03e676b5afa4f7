"""The 478-point face mesh: MediaPipe's models, run by LiteRT."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster import weights_registry
from recaster.faces import topology
from recaster.faces.alignment import invert, transform, warp
from recaster.faces.geometry import eye_distance_3d, measure_nearest
from recaster.faces.topology import EYE_CORNERS_LEFT, EYE_CORNERS_RIGHT, MESH_POINTS
from recaster.faces.types import Box, Floats, Landmarks
from recaster.faces.weights import read_weights
from recaster.networks.litert import LiteRtModel
from recaster.processes.cpu_cores import cores

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.media.types import Image

_MESH_PX: Final = 192
_IRIS_PX: Final = 64
_LIPS_PX: Final = 256
"""Sides of the models' crops."""
_FACE_MARGIN: Final = 1.5  # width of the crop of the models of the face over the face's
_EYE_MARGIN: Final = 2.3  # width of the iris model's crop over the eye's
_LIPS: Final = [*topology.LIPS_INNER, *topology.LIPS_OUTER]
_LIPS_NEAR: Final = 0.1
_LIPS_REACH: Final = 0.3
"""Eye distances from the lips up to which points are the lips' model's own, and from which none of it."""
_COVERED_SCORE: Final = 5.0
_WHOLE_SCORE: Final = 10.0
"""Scores of the lips' model: half-covered faces have less than 9, whole ones of a dozen people 14 to 26."""
_PASSES: Final = 3  # looks at a face from a box, each in a crop that fits it better


class Mesh:
    """Kartynnik et al., "Real-time facial surface geometry", 2019, and Ablavatski et al., "Real-time
    pupil tracking", 2020, both from Google's MediaPipe (Apache-2.0).

    468 points in space from a crop with the eyes level. A later model of the same project then places the
    lips, which the first one sees parted where they touch and too close where they are wide apart, and
    the iris model the 2 x 16 points of the eyes' contours and 2 x 5 points of the irises. Depth is in
    pixels, negative towards the camera; the presence is the first model's own.
    """  # noqa: D205

    points = 478
    knows_presence = True
    notice = ""

    def __init__(self) -> None:
        self._mesh = LiteRtModel(read_weights(weights_registry.FACE_MESH))
        self._lips = LiteRtModel(read_weights(weights_registry.LIPS))
        self._iris = LiteRtModel(read_weights(weights_registry.IRIS))
        # Eyes and lips are looked at side by side, where there are cores for it.
        self._pool = ThreadPoolExecutor(max_workers=1) if cores() > 1 else None

    def locate(self, image: Image, box: Box, side: float = 0) -> Landmarks:
        """Locates the face in a box, within about 45 degrees of a roll by ``side`` quarters clockwise."""
        x, y = box.centre
        half = _FACE_MARGIN * max(box.width, box.height) / 2
        # Pixel centres are at whole numbers, a box's edges between them.
        roll = side * np.pi / 2
        level = np.array([np.cos(roll), np.sin(roll)])
        crop = square_crop(np.array([x - 0.5, y - 0.5]), half, level, _MESH_PX)
        for _ in range(_PASSES - 1):
            crop = _face_crop(self._predict_mesh(image, crop).points, _MESH_PX)
        return self._refine(image, self._predict_mesh(image, crop))

    def follow(self, image: Image, previous: Floats) -> Landmarks:
        """Follows the face that was at ``previous`` (478, 3) in the frame before."""
        return self._refine(image, self._predict_mesh(image, _face_crop(previous[:MESH_POINTS], _MESH_PX)))

    def _predict_mesh(self, image: Image, crop: Floats) -> Landmarks:
        """Predicts the 468 points in one crop, in pixels of the frame."""
        found = self._mesh.run_image(warp(image, crop, _MESH_PX))
        points = _to_frame(found[3 * MESH_POINTS], crop)
        presence = 1 / (1 + np.exp(-float(found[1][0])))
        return Landmarks(points, presence)

    def _refine(self, image: Image, face: Landmarks) -> Landmarks:
        """Lets the other models place lips and lids, and adds the irises."""
        eyes: list[Callable[[], tuple[Floats, Floats]]] = [
            partial(self._refine_eye, image, face.points, corners, mirrored=mirrored)
            for corners, mirrored in ((EYE_CORNERS_LEFT, False), (EYE_CORNERS_RIGHT[::-1], True))
        ]
        if self._pool is not None:
            eyes = [self._pool.submit(look).result for look in eyes]
        points = np.concatenate([self._with_lips(image, face.points), np.zeros((10, 3))])
        left, right = (look() for look in eyes)
        for side, contour, start in (
            (left, topology.EYE_LEFT_CONTOUR, topology.IRIS_LEFT),
            (right, topology.EYE_RIGHT_CONTOUR, topology.IRIS_RIGHT),
        ):
            lids, iris = side
            points[list(contour), :2] = lids[:16, :2]
            points[start : start + 5, :2] = iris[:, :2]
            # An iris lies as deep as its eye's contour.
            points[start : start + 5, 2] = points[list(contour), 2].mean()
        return Landmarks(points, face.presence)

    def _with_lips(self, image: Image, points: Floats) -> Floats:
        """Places the lips of the 468 points, and what moves with them, by their own model.

        It is believed where it sees a whole face: where half of one is covered its lips are astray.
        """
        crop = _face_crop(points, _LIPS_PX)
        found = self._lips.run_image(warp(image, crop, _LIPS_PX))
        seen = _to_frame(found[3 * topology.POINTS], crop)[:MESH_POINTS]
        sure = np.clip((found[1] - _COVERED_SCORE) / (_WHOLE_SCORE - _COVERED_SCORE), 0, 1)
        lips = points[_LIPS, :2]
        away = measure_nearest(points[:, :2], lips) / max(eye_distance_3d(points[:, :2]), 1e-6)
        share = np.clip((_LIPS_REACH - away) / (_LIPS_REACH - _LIPS_NEAR), 0, 1)[:, None]
        return points + sure * share**2 * (seen - points)

    def _refine_eye(
        self, image: Image, points: Floats, corners: tuple[int, ...], *, mirrored: bool
    ) -> tuple[Floats, Floats]:
        """Predicts the 71 points around an eye and the 5 of its iris, in pixels of the frame.

        The model knows only one eye, so the other is shown in a mirror; ``corners`` are the outer and
        the inner one.
        """
        outer = points[corners[0], :2]
        inner = points[corners[1], :2]
        half = _EYE_MARGIN * float(np.linalg.norm(inner - outer)) / 2
        crop = square_crop((outer + inner) / 2, half, _eye_line(points), _IRIS_PX)
        if mirrored:
            crop[0] *= -1
            crop[0, 2] += _IRIS_PX - 1
        found = self._iris.run_image(warp(image, crop, _IRIS_PX))
        points = _to_frame(np.concatenate([found[213], found[15]]), crop)
        return points[:71], points[71:]


def _to_frame(values: Floats, crop: Floats) -> Floats:
    """Brings a model's flat output to the frame: (N, 3) points.

    The models count from the crop's outer edge (measured with mirrored crops), pixels from their centres.
    """
    points = values.reshape(-1, 3) - (0.5, 0.5, 0.0)
    return transform(points, invert(crop))


def _face_crop(points: Floats, size: int) -> Floats:
    """Matrix of a crop of ``size`` pixels around known points: eyes level, a margin around all points."""
    level = _eye_line(points)
    axes = np.array([level, (-level[1], level[0])])
    turned = points[:, :2] @ axes.T
    low = turned.min(axis=0)
    high = turned.max(axis=0)
    half = _FACE_MARGIN * float(max(high - low)) / 2
    return square_crop((low + high) / 2 @ axes, half, level, size)


def _eye_line(points: Floats) -> Floats:
    """Direction from one eye to the other, (2,), of length 1."""
    across = points[EYE_CORNERS_RIGHT[1], :2] - points[EYE_CORNERS_LEFT[0], :2]
    length = float(np.linalg.norm(across))
    return across / length if length > 0 else np.array([1.0, 0.0])


def square_crop(centre: Floats, half: float, level: Floats, size: int) -> Floats:
    """Matrix of a square crop of ``size`` around a centre (2,) in frame pixels.

    Its side is twice ``half`` frame pixels, two at least; ``level`` (2,), of length 1, is to be horizontal.
    """
    right, down = (max(half, 1.0) * float(part) for part in level)
    across, below = (float(part) for part in centre)
    # ``similarity`` of the two ends of its middle row, number by number: a tenth of the time, the same bits.
    ends = ((across - right, below - down), (across + right, below + down))
    x, y = ((one + other) / 2 for one, other in zip(*ends, strict=True))
    (left_x, left_y), (right_x, right_y) = ((end_x - x, end_y - y) for end_x, end_y in ends)
    reach = size / 2
    spread = left_x * left_x + left_y * left_y + right_x * right_x + right_y * right_y
    cosine = (right_x * reach - left_x * reach) / spread
    sine = (left_y * reach - right_y * reach) / spread
    middle = (size - 1) / 2
    return np.array(
        [[cosine, -sine, middle - (cosine * x - sine * y)], [sine, cosine, middle - (sine * x + cosine * y)]]
    )
