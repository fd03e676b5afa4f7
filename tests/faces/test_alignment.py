"""Alignment: crops come back where they were cut, and points move with them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from recaster.faces import alignment
from recaster.faces.topology import IBUG68
from recaster.faces.types import Box


def face(angle: float = 0.0, scale: float = 200.0, shift: tuple[float, float] = (300.0, 200.0)) -> np.ndarray:
    """A mesh whose inner points are the template, turned, scaled and moved."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = np.zeros((478, 3))
    points[list(IBUG68[17:]), :2] = scale * alignment.TEMPLATE @ turn.T + shift
    points[:, 2] = 7.0
    return points


def eyes(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inner = alignment.inner_points(points)
    return inner[19:25].mean(axis=0), inner[25:31].mean(axis=0)


def test_the_template_is_symmetric_level_and_as_wide_as_it_says() -> None:
    left = alignment.TEMPLATE[19:25].mean(axis=0)
    right = alignment.TEMPLATE[25:31].mean(axis=0)
    assert right[0] - left[0] == pytest.approx(alignment.EYE_DISTANCE, abs=1e-4)
    assert left[1] == pytest.approx(right[1], abs=1e-9)
    assert left[0] + right[0] == pytest.approx(1.0, abs=1e-9)
    assert alignment.TEMPLATE.min() > 0.1
    assert alignment.TEMPLATE.max() < 0.9


@pytest.mark.parametrize("coverage", [1.0, 1.35])
@pytest.mark.parametrize("angle", [0.0, 0.5, -2.0])
def test_align_matrix_levels_centres_and_scales(angle: float, coverage: float) -> None:
    points = face(angle)
    moved = alignment.transform(points, alignment.align_matrix(points, 256, coverage))
    left, right = eyes(moved)
    assert np.linalg.norm(right - left) == pytest.approx(256 * alignment.EYE_DISTANCE / coverage, rel=1e-3)
    assert left[1] == pytest.approx(right[1], abs=1e-6)
    assert (left[0] + right[0]) / 2 == pytest.approx(127.5, abs=1e-6)


def test_align_matrix_of_a_track_is_that_of_each_frame() -> None:
    track = np.stack([face(0.1), face(-0.3, 90.0), face(1.0, 400.0, (5.0, 9.0))])
    together = alignment.align_matrix(track, 128)
    alone = np.stack([alignment.align_matrix(points, 128) for points in track])
    np.testing.assert_allclose(together, alone, atol=1e-9)


def test_68_points_align_as_the_mesh_does() -> None:
    points = face(0.2)
    np.testing.assert_allclose(
        alignment.align_matrix(points[list(IBUG68)], 100), alignment.align_matrix(points, 100)
    )


def test_a_wrong_number_of_points_is_refused() -> None:
    with pytest.raises(ValueError, match="5 landmarks"):
        alignment.align_matrix(np.zeros((5, 3)), 64)


@pytest.mark.parametrize("points", [np.zeros((478, 3)), np.full((478, 3), np.nan)])
def test_points_without_extent_are_refused(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="cannot be aligned"):
        alignment.align_matrix(points, 64)


def test_similarity_is_the_least_squares_one() -> None:
    random = np.random.default_rng(0)
    source = random.normal(size=(30, 2)) * 40
    destination = random.normal(size=(30, 2)) * 3 + source @ np.array([[0.5, -0.8], [0.8, 0.5]])
    matrix = alignment.similarity(source, destination)
    # The same problem, linear in (a, b, x, y), by a general solver.
    rows = np.zeros((60, 4))
    rows[0::2] = np.stack([source[:, 0], -source[:, 1], np.ones(30), np.zeros(30)], 1)
    rows[1::2] = np.stack([source[:, 1], source[:, 0], np.zeros(30), np.ones(30)], 1)
    a, b, x, y = np.linalg.lstsq(rows, destination.ravel(), rcond=None)[0]
    np.testing.assert_allclose(matrix, [[a, -b, x], [b, a, y]], atol=1e-9)


def test_similarity_never_mirrors() -> None:
    source = np.array([[0.0, 0], [4, 0], [4, 1], [0, 2]])
    assert np.linalg.det(alignment.similarity(source, source * [-1, 1])[:, :2]) >= 0


def test_invert_and_compose_undo_each_other() -> None:
    points = face(0.4)
    matrix = alignment.align_matrix(points, 256)
    back = alignment.invert(matrix)
    np.testing.assert_allclose(alignment.compose(back, matrix), [[1, 0, 0], [0, 1, 0]], atol=1e-9)
    np.testing.assert_allclose(
        alignment.transform(alignment.transform(points, matrix), back), points, atol=1e-9
    )


def test_depth_is_scaled_with_the_points() -> None:
    points = face(0.4, scale=200.0)
    moved = alignment.transform(points, alignment.align_matrix(points, 100))
    np.testing.assert_allclose(moved[:, 2], 3.5, atol=1e-6)


def test_box_matrix_trims_as_the_seed_does() -> None:
    box = Box(100, 50, 250, 200)
    matrix = alignment.box_matrix(box, 64, trim=1 / 15)
    corners = np.array([[110 - 0.5, 60 - 0.5], [240 - 0.5, 190 - 0.5]])
    np.testing.assert_allclose(alignment.transform(corners, matrix), [[-0.5, -0.5], [63.5, 63.5]], atol=1e-9)


def test_an_empty_box_is_refused() -> None:
    with pytest.raises(ValueError, match="empty box"):
        alignment.box_matrix(Box(5, 5, 5, 9), 64)


def test_warp_with_a_whole_shift_copies_pixels() -> None:
    image = np.random.default_rng(1).integers(0, 255, (40, 50, 3), np.uint8)
    crop = alignment.warp(image, np.array([[1.0, 0, -7], [0, 1.0, -3]]), 16)
    np.testing.assert_array_equal(crop, image[3:19, 7:23])


def test_warp_of_a_box_is_a_resize() -> None:
    image = np.random.default_rng(2).integers(0, 255, (64, 64, 3), np.uint8)
    crop = alignment.warp(image, alignment.box_matrix(Box(0, 0, 64, 64), 16), 16)
    blocks = image.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(crop - blocks).mean() < 6


def test_warp_averages_when_it_shrinks() -> None:
    checkers = (np.indices((400, 400)).sum(axis=0) % 2 * 255).astype(np.uint8)
    crop = alignment.warp(checkers, alignment.box_matrix(Box(0.3, 0.6, 399.1, 399.7), 50), 50)
    assert crop.shape == (50, 50)
    assert np.abs(crop[2:-2, 2:-2].astype(float) - 127.5).max() < 40


@pytest.mark.parametrize("shrink", [2.5, 5.0, 11.3])
@pytest.mark.parametrize("place", [(60.0, 40.0), (-10.0, 30.0), (119.0, 89.0), (500.0, 20.0)])
def test_warp_shows_what_is_there_however_small(shrink: float, place: tuple[float, float]) -> None:
    rows, columns = np.mgrid[:91, :121]
    picture = np.dstack([2 * columns, 2 * rows, columns + rows]).astype(np.float32)
    turn = 0.3
    linear = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) / shrink
    matrix = np.hstack([linear, (8 - linear @ place)[:, None]])
    shown = np.array([(x, y, 1) for y in range(16) for x in range(16)]) @ alignment.invert(matrix).T
    inside = np.clip(shown, 0, (120, 90))
    expected = np.column_stack([2 * inside[:, 0], 2 * inside[:, 1], inside.sum(1)]).reshape(16, 16, 3)
    # At the border an average is off by half of what it is taken of, in x and in y.
    assert np.abs(alignment.warp(picture, matrix, 16) - expected).max() <= 2.5 * shrink
    well_inside = ((shown > 2 * shrink) & (shown < np.array((120, 90)) - 2 * shrink)).all(1).reshape(16, 16)
    assert np.abs(alignment.warp(picture, matrix, 16) - expected)[well_inside].max(initial=0) < 0.1


@pytest.mark.parametrize("scale", [0.03, 0.4, 0.7, 1.3, 6.0])
def test_warp_samples_colours_as_it_does_each_of_them_alone(scale: float) -> None:
    rng = np.random.default_rng(5)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (211, 173, 3), np.uint8), (0, 0), 1.5)
    for angle in (0.0, 0.7, -2.5):
        linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = np.hstack([linear, (40 - linear @ rng.uniform(0, 200, 2))[:, None]])
        alone = [
            alignment.warp(np.ascontiguousarray(part), matrix, 80) for part in np.moveaxis(picture, -1, 0)
        ]
        np.testing.assert_array_equal(alignment.warp(picture, matrix, 80), np.stack(alone, -1))


def test_warp_keeps_a_single_channel() -> None:
    picture = np.zeros((300, 300, 1), np.uint8)
    for side in (40, 200):
        assert alignment.warp(picture, alignment.box_matrix(Box(0, 0, 300, 300), side), side).shape == (
            side,
            side,
            1,
        )


@pytest.mark.parametrize("shrink", [0.7, 1.9, 3.1, 3.6, 6.2, 9.0])
@pytest.mark.parametrize("place", [(150.3, 120.8), (3.0, 200.0), (331.0, 247.0), (-40.0, 60.0)])
def test_what_warp_looks_at_is_all_that_it_needs(shrink: float, place: tuple[float, float]) -> None:
    picture = np.random.default_rng(4).integers(0, 256, (251, 333, 3), np.uint8)
    linear = np.array([[np.cos(0.2), np.sin(0.2)], [-np.sin(0.2), np.cos(0.2)]]) / shrink
    matrix = np.hstack([linear, (12 - linear @ place)[:, None]])
    left, top, right, bottom = alignment.shown(matrix, 24, (333, 251))
    moved = matrix.copy()
    moved[:, 2] += linear @ (left, top)
    part = alignment.warp(picture[top:bottom, left:right], moved, 24)
    off = np.abs(part.astype(int) - alignment.warp(picture, matrix, 24))
    assert off.max() <= 12, "OpenCV samples at 32nds of a pixel"
    assert off.mean() < 0.5


def test_warp_repeats_the_border_and_keeps_float() -> None:
    image = np.full((10, 10), 0.25, np.float32)
    crop = alignment.warp(image, np.array([[1.0, 0, 100], [0, 1.0, 100]]), 8)
    assert crop.dtype == np.float32
    np.testing.assert_allclose(crop, 0.25)


def test_zoom_is_the_same_crop_at_another_size() -> None:
    box = Box(10, 20, 60, 70)
    np.testing.assert_allclose(
        alignment.zoom(alignment.box_matrix(box, 64), 4), alignment.box_matrix(box, 256), atol=1e-9
    )
