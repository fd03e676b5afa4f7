"""Identity embeddings of faces: dlib's ResNet, as face_recognition uses it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces.dlib_models import five_points
from recaster.networks.dlib_resnet import PADDING, SIZE, IdentityNetwork

if TYPE_CHECKING:
    from recaster.faces.types import Box, Floats
    from recaster.media.types import Image

SAME_IN_CLIP: Final = 0.5
"""The stricter threshold for tracks of one clip: small, dark or turned faces of different people come as
near as .55 to each other, while a person's own tracks (means of several pictures) stay below .4."""


def embed(image: Image, box: Box) -> Floats:
    """Computes the identity of a face (dlib_face_recognition_resnet_model_v1, public domain).

    The face is levelled by dlib's five-point predictor, which is free to use as well. About 10 CPU
    milliseconds.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: the face in the picture's pixels, as dlib's detectors put it: a square from the brows to
            the chin.

    Returns:
        (128,) float64; compare with ``distance``.
    """
    import dlib

    picture = np.ascontiguousarray(image)
    place = dlib.rectangle(*(round(v) for v in (box.left, box.top, box.right, box.bottom)))
    return _identity_network().embedding(
        dlib.get_face_chip(picture, five_points()(picture, place), SIZE, PADDING)
    )


@functools.cache
def _identity_network() -> IdentityNetwork:
    return IdentityNetwork()


def distance(a: Floats, b: Floats) -> float:
    """Euclidean distance of two embeddings; below ``SAME_PERSON`` it is one person."""
    return float(np.linalg.norm(a - b))
