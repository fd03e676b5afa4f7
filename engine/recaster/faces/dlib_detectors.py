"""dlib's face detectors: the seed's CNN, and HOG.

Their boxes are squares from about the brows to the chin, inside the face's outline; YuNet's are upright
rectangles from the hairline to the chin. Both see upright faces up to about 30 degrees of roll.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import cv2

from recaster.faces.dlib_models import face_recognition
from recaster.faces.types import Box, Detection

if TYPE_CHECKING:
    from recaster.media.types import Image

_WINDOW: Final = 80
"""Both detectors look through a window of 80 pixels: smaller faces need a larger picture."""


class DlibHog:
    """dlib's HOG detector (Dalal and Triggs, CVPR 2005; King, arXiv:1502.00046): frontal faces only.

    Scores are distances from the separating plane, above 0.
    """

    name = "dlib-hog"

    def __init__(self, min_face: int) -> None:
        self._factor = _WINDOW / min_face
        self._detector = face_recognition().face_detector

    def detect(self, image: Image) -> list[Detection]:
        """Find the faces of a picture, best first; boxes in its pixels."""
        boxes, scores, _ = self._detector.run(_resized(image, self._factor), 0, 0.0)
        return [
            Detection(_box(_corners(box), self._factor), float(score))
            for box, score in zip(boxes, scores, strict=True)
        ]


class DlibCnn:
    """dlib's CNN detector, the seed's, run by TensorFlow (``networks/dlib_mmod.py``).

    Scores are margins, above 0; good ones are around 1. It runs on the device that was chosen before, or else
    on the CPU.
    """

    name = "dlib-cnn"

    def __init__(self, min_face: int) -> None:
        from recaster.networks.device import device_in_use

        device_in_use()
        from recaster.networks.dlib_mmod import DlibMmod

        self._factor = _WINDOW / min_face
        self._detector = DlibMmod()

    def detect(self, image: Image) -> list[Detection]:
        """Find the faces of a picture, best first; boxes in its pixels."""
        found = self._detector.find(_resized(image, self._factor))
        return [
            Detection(_box((one.left, one.top, one.right, one.bottom), self._factor), one.score)
            for one in found
        ]


class DlibCnnOriginal:
    """The same network run by dlib itself, for comparison: seconds a frame, without a GPU."""

    name = "dlib-cnn-original"

    def __init__(self, min_face: int) -> None:
        self._factor = _WINDOW / min_face
        self._detector = face_recognition().cnn_face_detector

    def detect(self, image: Image) -> list[Detection]:
        """Find the faces of a picture, best first; boxes in its pixels."""
        found = self._detector(_resized(image, self._factor), 0)
        return [Detection(_box(_corners(one.rect), self._factor), float(one.confidence)) for one in found]


def _resized(image: Image, factor: float) -> Image:
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=interpolation)


def _corners(rectangle: Any) -> tuple[int, int, int, int]:
    """Of one of dlib's rectangles."""
    return rectangle.left(), rectangle.top(), rectangle.right(), rectangle.bottom()


def _box(corners: tuple[int, int, int, int], factor: float) -> Box:
    """Corners, of which right and bottom are inclusive, in pixels of the frame."""
    left, top, right, bottom = corners
    return Box(left / factor, top / factor, (right + 1) / factor, (bottom + 1) / factor)
