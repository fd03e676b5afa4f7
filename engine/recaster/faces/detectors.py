"""Face detectors by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from recaster import weights_registry
from recaster.faces.types import Box, Detection
from recaster.faces.weights import read_weights
from recaster.settings.detection import MIN_FACE_PX, AnalysisSettings
from recaster.settings.options import check_option

if TYPE_CHECKING:
    from recaster.media.types import Image


class Detector(Protocol):
    """Finds faces in a picture."""

    name: str

    def detect(self, image: Image) -> list[Detection]:
        """Finds the faces of a picture, best first.

        What a box encloses and what a score means is the detector's own. Boxes may reach beyond the picture.
        """


def make_detector(name: str, min_face: int = MIN_FACE_PX) -> Detector:
    """Makes a detector by name.

    Args:
        name: "yunet" is fast and finds turned and half-covered faces; "dlib-cnn" is that of faceswap-GAN
            (dozens of times slower); "dlib-hog" finds frontal faces only; "dlib-cnn-original" is dlib's own
            run of its network (seconds a frame), for comparison.
        min_face: width in pixels of the smallest face that must be found; larger is faster.

    Raises:
        UsageError: an unknown name, or a smallest face below 10 pixels.
        WeightsError: a model file is missing or damaged.
    """
    check_option(AnalysisSettings, "detector", name)
    check_option(AnalysisSettings, "min_face", min_face)
    if name == "yunet":
        return YuNet(min_face)
    from recaster.faces.dlib_adapters import DlibDetector

    return DlibDetector(name, min_face)


class YuNet:
    """Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", MIR 2023, run by OpenCV.

    Boxes are upright rectangles from the hairline to the chin; scores are 0 to 1. The network is made for
    faces of about 10 to ``_MAX_FACE_PX`` pixels, so the picture is brought to the size where the smallest
    wanted face is ``_MIN_FACE_PX`` wide: cost and recall depend on ``min_face``, not on the clip.
    Where faces may be too large for it then, they are looked for in a picture ``_OVERVIEW_PX`` wide.
    """

    name = "yunet"
    _MIN_FACE_PX = 14
    _MAX_FACE_PX = 300
    _OVERVIEW_PX = 320
    _INSIDE = 0.7
    _MIN_SCORE = 0.6
    _OVERLAP = 0.3

    def __init__(self, min_face: int) -> None:
        self._factor = self._MIN_FACE_PX / min_face
        model = np.frombuffer(read_weights(weights_registry.YUNET), np.uint8)
        # OpenCV 5 warns about a default target that it then ignores itself.
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            self._network = cv2.FaceDetectorYN.create(
                "onnx", model, np.zeros(0, np.uint8), (320, 320), self._MIN_SCORE, self._OVERLAP
            )
        finally:
            cv2.utils.logging.setLogLevel(level)

    def detect(self, image: Image) -> list[Detection]:
        """Finds the faces of a picture, best first."""
        found = self._detect_at(image, self._factor)
        overview = self._OVERVIEW_PX / max(image.shape[:2])
        # Where the overview isn't much smaller, the first look finds large faces itself.
        if overview < self._factor / 2:
            found = [face for face in found if face.box.width * self._factor <= self._MAX_FACE_PX]
            found += self._detect_at(image, overview)
        kept: list[Detection] = []
        for face in sorted(found, key=lambda face: -face.score):
            if not any(self._is_part(face.box, other.box) for other in kept):
                kept.append(face)
        return kept

    def _detect_at(self, image: Image, factor: float) -> list[Detection]:
        """Detects the faces of a picture resized by ``factor``; boxes in its own pixels."""
        height, width = image.shape[:2]
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        small = cv2.resize(image, size, interpolation=interpolation)
        self._network.setInputSize(size)
        _, rows = self._network.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        if rows is None:
            return []
        x = width / size[0]
        y = height / size[1]
        return [
            Detection(Box(left * x, top * y, (left + wide) * x, (top + high) * y), score)
            for left, top, wide, high, *_, score in rows.astype(np.float64).tolist()
        ]

    def _is_part(self, box: Box, surer: Box) -> bool:
        """True if a box is of a face that another shows more surely: the same face, or its nose or eye."""
        return box.iou(surer) > self._OVERLAP or box.intersection(surer) > self._INSIDE * box.area
