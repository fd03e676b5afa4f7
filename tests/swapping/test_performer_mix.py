"""The performer's own face in a painted one."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from recaster.media.types import Frame
from recaster.swapping.composite import Layer, composite
from recaster.swapping.performer_mix import MAX_FACTOR, fade_in, mix_performer

SIZE = 64


@pytest.mark.parametrize("zoom", [0.8, 1.0, 2.5, 8.0])
def test_without_strength_the_frame_is_painted_as_finely_as_it_is(mesh: np.ndarray, zoom: float) -> None:
    side = round(SIZE * zoom)
    noise = np.random.default_rng(1).integers(0, 255, (side, side, 3)).astype(np.uint8)
    picture = np.asarray(cv2.GaussianBlur(noise, (0, 0), 1), np.uint8)
    frame = Frame(0, 0, Fraction(0), picture)
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[12:-12, 12:-12] = 1
    matrix = np.array([[1 / zoom, 0, 0.5 / zoom - 0.5], [0, 1 / zoom, 0.5 / zoom - 0.5]])
    layer = Layer(np.full((SIZE, SIZE, 3), 90, np.float32), mask, matrix)
    face = (mesh + np.array([SIZE / 2, SIZE / 2, 0])) * zoom
    mixed = mix_performer(frame, layer, face, face, 0)
    assert len(mixed.mask) == SIZE * min(MAX_FACTOR, int(np.ceil(zoom)))
    assert mixed.zoom == pytest.approx(max(min(zoom, 1), zoom / MAX_FACTOR), abs=0.2)
    [patch] = composite(frame, [mixed])
    inside = np.abs(patch.image.astype(int) - patch.place.crop(picture))[patch.matte == 255]
    if 1 <= zoom <= MAX_FACTOR:
        assert inside.mean() < 0.25 * picture.std()
    [plain] = composite(frame, [layer])
    shown, before = (np.zeros((side, side), int) for _ in range(2))
    patch.place.crop(shown)[...] = patch.matte
    plain.place.crop(before)[...] = plain.matte
    assert np.abs(shown - before).mean() < 4


def test_a_face_fades_in_from_no_strength_at_all() -> None:
    assert [fade_in(strength) for strength in (0, 0.05, 0.2, 1)] == [0, 0.5, 1, 1]
