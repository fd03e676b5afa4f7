"""Adapters of dlib: its detectors, its 68 landmarks, and the package through which its models are loaded.

Boxes of dlib's detectors are squares from about the brows to the chin, inside the face's outline; YuNet's
are upright rectangles from the hairline to the chin. Both see upright faces up to about 30 degrees of roll.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import PIL.ImageFile

from recaster.faces.types import Box, Detection, Floats, Landmarks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recaster.media.types import Image

    # Corners (left, top, right, bottom; the last two inclusive) and the score of a face.
    _Find = Callable[[Image], Iterator[tuple[tuple[int, int, int, int], float]]]

MODELS_PACKAGE: Final = "face_recognition_models"

_WINDOW_PX: Final = 80


def _load_hog() -> _Find:
    """Dlib's HOG detector (Dalal and Triggs, CVPR 2005; King, arXiv:1502.00046): frontal faces only.

    Scores are distances from the separating plane, above 0.
    """
    detector = face_recognition().face_detector
    return lambda image: (
        (_corners(box), float(score)) for box, score, _ in zip(*detector.run(image, 0, 0.0), strict=True)
    )


def _load_cnn() -> _Find:
    """Dlib's CNN detector, faceswap-GAN's, run by TensorFlow (``networks/dlib_mmod.py``).

    Scores are margins, above 0; good ones are around 1. It runs on the device that was chosen before, or else
    on the CPU.
    """
    from recaster.networks.device import device_in_use

    device_in_use()
    from recaster.networks.dlib_mmod import DlibMmod

    detector = DlibMmod()
    return lambda image: (
        ((face.left, face.top, face.right, face.bottom), face.score) for face in detector.find(image)
    )


def _load_cnn_original() -> _Find:
    """The same network run by dlib itself, for comparison: seconds a frame, without a GPU."""
    detector = face_recognition().cnn_face_detector
    return lambda image: ((_corners(face.rect), float(face.confidence)) for face in detector(image, 0))


_LOADERS: Final[dict[str, Callable[[], _Find]]] = {
    "dlib-hog": _load_hog,
    "dlib-cnn": _load_cnn,
    "dlib-cnn-original": _load_cnn_original,
}


class DlibDetector:
    """One of dlib's detectors, by name; boxes are in the picture's pixels.

    All look through a window of 80 pixels: smaller faces need a larger picture.
    """

    def __init__(self, name: str, min_face: int) -> None:
        self.name = name
        self._find = _LOADERS[name]()
        self._factor = _WINDOW_PX / min_face

    def detect(self, image: Image) -> list[Detection]:
        """Finds the faces of a picture, best first."""
        interpolation = cv2.INTER_AREA if self._factor < 1 else cv2.INTER_LINEAR
        resized = cv2.resize(image, None, fx=self._factor, fy=self._factor, interpolation=interpolation)
        return [
            Detection(Box(*(side / self._factor for side in (left, top, right + 1, bottom + 1))), score)
            for (left, top, right, bottom), score in self._find(resized)
        ]


class Dlib68:
    """Kazemi and Sullivan, "One millisecond face alignment", CVPR 2014, as trained by dlib.

    **Not for commercial use**: the model was trained on iBUG 300-W, whose licence excludes it. It has no
    depth (z is 0) and no presence score (always 1).
    """

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

    def locate(self, image: Image, box: Box, side: float = 0) -> Landmarks:  # noqa: ARG002
        """The points of the face in a detector's box; (68, 3) with z = 0. It knows upright faces only."""
        rectangle = self._rectangle(*(round(v) for v in (box.left, box.top, box.right - 1, box.bottom - 1)))
        parts = self._predictor(np.ascontiguousarray(image), rectangle).parts()
        return Landmarks(np.array([(part.x, part.y, 0.0) for part in parts], np.float64), 1.0)

    def follow(self, image: Image, previous: Floats) -> Landmarks:
        """The points again, from a box as dlib's detectors would put it around the previous ones."""
        left, top = previous[17:, :2].min(0)
        right = previous[17:, 0].max()
        bottom = previous[:, 1].max()
        half = max(right - left, bottom - top) / 2
        x = (left + right) / 2
        y = (top + bottom) / 2
        return self.locate(image, Box(x - half, y - half, x + half, y + half))


@functools.cache
def face_recognition() -> Any:
    """The module ``face_recognition.api``, whose globals hold dlib's loaded models.

    face_recognition_models 0.3.0 finds its files with pkg_resources, which new setuptools no longer have
    (and old ones warn about): a stand-in with the one function that it calls is there while it is imported.
    face_recognition also tells Pillow, for the whole process, to take truncated images for whole ones: that
    is taken back.

    Raises ModuleNotFoundError where it, its models or dlib are not installed.
    """
    standing = sys.modules.get("pkg_resources")
    stand_in = types.ModuleType("pkg_resources")
    stand_in.resource_filename = lambda package, name: str(resources.files(package).joinpath(name))  # type: ignore[attr-defined]
    sys.modules["pkg_resources"] = stand_in
    lenient = PIL.ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        # The models first: face_recognition would end the whole process where they are missing.
        importlib.import_module("dlib")
        importlib.import_module(MODELS_PACKAGE)
        return importlib.import_module("face_recognition.api")
    finally:
        PIL.ImageFile.LOAD_TRUNCATED_IMAGES = lenient
        if standing is None:
            del sys.modules["pkg_resources"]
        else:
            sys.modules["pkg_resources"] = standing


def _corners(rectangle: Any) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of one of dlib's rectangles."""
    return rectangle.left(), rectangle.top(), rectangle.right(), rectangle.bottom()
