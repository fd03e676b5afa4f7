"""Patches of shown pictures over the pictures as they are stored."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from recaster.media.patches import paste_patches
from recaster.media.picture import compute_square_size
from recaster.media.stored_patches import GRID_PX, to_stored
from recaster.media.types import Patch, Rect, Shape


def build_shape(stored, rotation, mirrored, aspect=Fraction(1)):
    scaled = compute_square_size(*stored, aspect)
    width, height = scaled if rotation in (0, 180) else scaled[::-1]
    return Shape(width, height, stored, scaled, rotation, mirrored, aspect)


def show(picture, shape):
    """A stored picture as a player shows it."""
    if picture.shape[1::-1] != shape.scaled:
        picture = cv2.resize(picture, shape.scaled, interpolation=cv2.INTER_LINEAR)
    picture = picture[:, ::-1] if shape.mirrored else picture
    return np.ascontiguousarray(np.rot90(picture, -shape.rotation // 90))


def paint(image, place, seed):
    generator = np.random.default_rng(seed)
    painted = generator.random((place.height, place.width)) > 0.4
    colours = generator.integers(0, 256, (place.height, place.width, 3)).astype(np.uint8)
    part = np.where(painted[..., None], colours, place.crop(image))
    return Patch(place, part, painted, np.where(painted, np.uint8(255), np.uint8(0)))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("stored", [(96, 64), (95, 63)])
def test_turned_and_mirrored_patches_fit_to_the_pixel(stored, rotation, mirrored):
    picture = np.random.default_rng(3).integers(0, 256, (stored[1], stored[0], 3)).astype(np.uint8)
    shape = build_shape(stored, rotation, mirrored)
    shown = show(picture, shape)
    patches = [paint(shown, Rect(8, 8, 24, 40), 1), paint(shown, Rect(32, 16, 48, 56), 2)]
    placed = [to_stored(patch, shape) for patch in patches]
    assert np.array_equal(show(paste_patches(picture, placed), shape), paste_patches(shown, patches))
    assert sum(int(patch.matte.sum()) for patch in placed) == sum(int(p.matte.sum()) for p in patches)


@pytest.mark.parametrize("aspect", [Fraction(16, 15), Fraction(2), Fraction(8, 9), Fraction(1, 2)])
@pytest.mark.parametrize("rotation", [0, 90])
def test_squeezed_patches_lie_where_they_were_painted(aspect, rotation):
    stored = (128, 96)
    picture = np.zeros((stored[1], stored[0], 3), np.uint8)
    shape = build_shape(stored, rotation, mirrored=False, aspect=aspect)
    shown = show(picture, shape)
    place = Rect(16, 24, 64, 72)
    y, x = np.mgrid[: place.height, : place.width]
    disc = (x - 24) ** 2 + (y - 24) ** 2 < 20**2
    image = np.where(disc[..., None], np.uint8(200), np.uint8(0)) * np.ones(3, np.uint8)
    patch = to_stored(Patch(place, image, disc, np.uint8(255) * disc), shape)
    assert all(side % GRID_PX == 0 for side in (patch.place.left, patch.place.top))
    result = show(paste_patches(picture, [patch]), shape).astype(float)
    expected = paste_patches(shown, [Patch(place, image, disc, np.uint8(255) * disc)]).astype(float)
    centre, wanted = (
        [np.average(axis, weights=weights[..., 0]) for axis in np.mgrid[: shape.height, : shape.width]]
        for weights in (result, expected)
    )
    assert np.abs(np.subtract(centre, wanted)).max() < 0.1
    assert abs(result.sum() / expected.sum() - 1) < 0.03


def test_what_nobody_painted_over_stays():
    stored = (90, 60)
    picture = np.random.default_rng(5).integers(0, 256, (60, 90, 3)).astype(np.uint8)
    shape = build_shape(stored, 270, mirrored=True, aspect=Fraction(4, 3))
    shown = show(picture, shape)
    place = Rect(8, 8, 40, 40)
    nothing = Patch(place, place.crop(shown), np.zeros((32, 32), bool), np.zeros((32, 32), np.uint8))
    placed = to_stored(nothing, shape)
    assert not placed.painted.any()
    assert np.array_equal(paste_patches(picture, [placed]), picture)
