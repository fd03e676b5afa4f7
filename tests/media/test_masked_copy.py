"""Copying of a picture's masked pixels."""

from __future__ import annotations

import numpy as np
import pytest

from recaster.media.masked_copy import copy_masked

MASK = np.array([[0, 1], [255, 0]], np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_only_masked_pixels_of_a_view_are_written(dtype: type, channels: tuple[int, ...]) -> None:
    plane = np.zeros((4, 5, *channels), dtype)
    copy_masked(np.full((2, 2, *channels), 7, dtype), MASK, plane[1:3, 2:4])
    wanted = np.zeros_like(plane)
    wanted[1, 3] = 7
    wanted[2, 2] = 7
    assert np.array_equal(plane, wanted)


@pytest.mark.parametrize(
    ("picture", "mask", "onto"),
    [
        (np.ones((2, 2), np.uint8), MASK, np.zeros((2, 1), np.uint8)),
        (np.ones((2, 2), np.uint8), MASK, np.zeros((2, 2), np.uint16)),
        (np.ones((2, 2, 3), np.uint8), MASK, np.zeros((2, 2), np.uint8)),
        (np.ones((2, 2), np.uint8), MASK[:1], np.zeros((2, 2), np.uint8)),
    ],
)
def test_what_would_be_lost_is_refused(picture: np.ndarray, mask: np.ndarray, onto: np.ndarray) -> None:
    with pytest.raises(ValueError, match="can't be copied through a mask"):
        copy_masked(picture, mask, onto)
