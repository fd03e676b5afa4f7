"""Arithmetic of pictures, against NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recaster.appearance.picture_arithmetic import compute_lengths, median_picture, repeat_channels


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 8, 16, 24, 25, 47, 48])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64])
def test_medians_are_numpys_to_the_bit(count: int, kind: Any) -> None:
    pictures = (np.random.default_rng(count).random((count, 6, 7, 3)) * 255).astype(kind)
    before = pictures.copy()
    found = median_picture(pictures)
    expected = np.median(pictures, 0)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)
    assert np.array_equal(pictures, before)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("parts", [2, 3])
def test_lengths_are_numpys_to_the_bit(kind: Any, parts: int) -> None:
    vectors = np.random.default_rng(1).normal(0, 50, (40, 30, parts)).astype(kind)
    found = compute_lengths(vectors)
    expected = np.linalg.norm(vectors, axis=-1)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


def test_channels_are_the_plane() -> None:
    plane = np.random.default_rng(2).random((5, 4)).astype(np.float32)
    assert np.array_equal(repeat_channels(plane), np.repeat(plane[..., None], 3, -1))
