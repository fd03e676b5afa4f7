"""Sharpness of faces in crops, and distances in eye distances."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from recaster.faces.geometry import eye_distance, mouth_gap
from recaster.faces.sharpness import relative_laplacian_variance
from recaster.faces.topology import EYE_CORNERS_LEFT, EYE_CORNERS_RIGHT, LIP_BOTTOM, LIP_TOP


def test_a_blurred_face_is_less_sharp(draw) -> None:
    landmarks = draw.landmarks()
    values = [relative_laplacian_variance(draw.crop(1, blur=blur), landmarks) for blur in (0, 0.7, 1.5, 3)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 10 * values[3]


def test_neither_exposure_nor_background_counts(draw) -> None:
    landmarks = draw.landmarks()
    crop = draw.crop(1)
    value = relative_laplacian_variance(crop, landmarks)
    assert relative_laplacian_variance((crop * 0.5).astype(np.uint8), landmarks) == pytest.approx(
        value, rel=0.15
    )
    busy = crop.copy()
    busy[:8] = np.random.default_rng(0).integers(0, 256, busy[:8].shape)
    assert relative_laplacian_variance(busy, landmarks) == value


def test_the_size_of_the_crop_hardly_counts(draw) -> None:
    smooth = draw.crop(1, blur=1)
    large = cv2.resize(smooth, (512, 512), interpolation=cv2.INTER_LINEAR)
    small = relative_laplacian_variance(smooth, draw.landmarks())
    larger = relative_laplacian_variance(large, draw.landmarks(512))
    assert larger == pytest.approx(small, rel=0.25)


def test_black_is_not_sharp(draw) -> None:
    assert relative_laplacian_variance(np.zeros((128, 128, 3), np.uint8), draw.landmarks()) == 0


def test_distances_are_relative_to_the_eyes() -> None:
    landmarks = np.zeros((2, 478, 3))
    landmarks[:, list(EYE_CORNERS_LEFT), 0] = (10, 30)
    landmarks[:, list(EYE_CORNERS_RIGHT), 0] = (90, 110)
    landmarks[1, LIP_TOP, 1], landmarks[1, LIP_BOTTOM, 1] = 100, 120
    assert eye_distance(landmarks).tolist() == [80, 80]
    assert mouth_gap(landmarks).tolist() == [0, 0.25]
