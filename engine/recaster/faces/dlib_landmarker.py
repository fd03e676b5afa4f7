"""dlib's 68 landmarks, for comparison with what others measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recaster.faces.dlib_models import face_recognition
from recaster.faces.types import Box, Floats, Landmarks

if TYPE_CHECKING:
    from recaster.media.types import Image


class Dlib68:
    """Kazemi and Sullivan, "One millisecond face alignment", CVPR 2014, as trained by dlib.

    **Not for commercial use**: the model was trained on iBUG 300-W, whose licence excludes it. It has no
    depth (z is 0) and no presence score (always 1).
    """

    name = "dlib-68"
    points = 68
    knows_presence = False
    notice = (
        "dlib's 68-point model was trained on iBUG 300-W, whose licence excludes commercial use; "
        "the landmarker 'mesh' is free of that"
    )

    def __init__(self) -> None:
        import dlib

        self._predictor = face_recognition().pose_predictor_68_point
        self._rectangle = dlib.rectangle

    def locate(self, image: Image, box: Box, side: int = 0) -> Landmarks:  # noqa: ARG002
        """The points of the face in a detector's box; (68, 3) with z = 0. It knows upright faces only."""
        rectangle = self._rectangle(*(round(v) for v in (box.left, box.top, box.right - 1, box.bottom - 1)))
        parts = self._predictor(np.ascontiguousarray(image), rectangle).parts()
        return Landmarks(np.array([(part.x, part.y, 0.0) for part in parts], np.float64), 1.0)

    def follow(self, image: Image, previous: Floats) -> Landmarks:
        """The points again, from a box as dlib's detectors would put it around the previous ones."""
        left, top = previous[17:, 0].min(), previous[17:, 1].min()
        right, bottom = previous[17:, 0].max(), previous[:, 1].max()
        half = max(right - left, bottom - top) / 2
        x, y = (left + right) / 2, (top + bottom) / 2
        return self.locate(image, Box(x - half, y - half, x + half, y + half))
