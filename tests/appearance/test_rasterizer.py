"""Filling triangles with what their corners say."""

from __future__ import annotations

import numpy as np

from recaster.appearance.rasterizer import EdgePadding, index_nearest, rasterize
from recaster.appearance.uv_layout import apply_warp_antialiased, apply_warp_cubic, compute_warp_map

CORNERS = np.array([[-1, -1], [41, -1], [-1, 41], [41, 41]], float)
SQUARE = np.array([[0, 1, 2], [1, 3, 2]])


def test_values_lie_evenly_between_corners_and_count_from_the_centres_of_pixels() -> None:
    values = np.column_stack([CORNERS, CORNERS.sum(1)]).astype(np.float32)
    picture, inside = rasterize(CORNERS, values, SQUARE, 40)
    assert inside.all()
    rows, columns = np.mgrid[:40, :40]
    assert np.abs(picture - np.stack([columns, rows, rows + columns], -1)).max() < 1e-3


def test_outside_of_triangles_there_is_nothing() -> None:
    corners = np.array([[4, 4], [20, 4], [4, 20]], float)
    picture, inside = rasterize(corners, np.ones((3, 3), np.float32), SQUARE[:1], 24)
    assert inside[5, 5] == 1
    assert inside[15, 15] == 0
    assert not picture[inside == 0].any()
    assert 128 <= inside.sum() < 160, "half of 16 x 16, and pixels on the edge"


def test_a_nearer_triangle_hides_a_farther_one() -> None:
    points = np.array([[0, 0, 5], [30, 0, 5], [0, 30, 5], [0, 0, -5], [30, 0, -5], [0, 30, -5]], float)
    values = np.repeat(np.array([[0.25], [0.75]], np.float32), 9).reshape(6, 3)
    triangles = np.arange(6).reshape(2, 3)
    picture, _ = rasterize(points, values, triangles, 32)
    assert np.allclose(picture[5, 5], 0.75)
    points[:, 2] *= -1
    picture, _ = rasterize(points, values, triangles, 32)
    assert np.allclose(picture[5, 5], 0.25)


def test_depth_does_not_move_a_picture() -> None:
    near, far = (np.column_stack([CORNERS, depth]) for depth in (np.zeros(4), np.array([-300.0, 0, 0, 250])))
    values = np.column_stack([CORNERS, CORNERS.sum(1)]).astype(np.float32)
    first, second = (rasterize(points, values, SQUARE, 40)[0] for points in (near, far))
    assert np.abs(first - second).max() < 0.2


def test_a_rim_repeats_the_nearest_pixel_inside() -> None:
    inside = np.zeros((6, 6), np.uint8)
    inside[2:4, 2:4] = 1
    picture = np.arange(36, dtype=np.uint8).reshape(6, 6, 1) * inside[..., None]
    assert index_nearest(inside)[0, 0] == 14
    filled = EdgePadding.of(inside).fill(picture.copy())
    assert filled[0, 0, 0] == 14
    assert filled[5, 5, 0] == 21
    assert filled[2, 0, 0] == 14
    where = np.zeros((6, 6), np.uint8)
    where[0] = 1
    partly = EdgePadding.of(inside, where).fill(picture.copy())
    assert partly[0, 0, 0] == 14
    assert partly[5, 5, 0] == 0
    assert len(EdgePadding.of(np.zeros((6, 6), np.uint8)).outside) == 36


def test_what_is_squeezed_is_read_blurred_and_nothing_else_is() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (80, 40))[..., None].repeat(3, -1)
    goal = np.array([[0, 0], [79, 0], [0, 79], [79, 79]], float)
    same = compute_warp_map(goal, goal, SQUARE, 80, finds_minified=True)
    assert not same.minified.any()
    assert np.abs(apply_warp_antialiased(stripes, same).astype(int) - stripes)[2:-2, 2:-2].max() <= 1
    narrow = compute_warp_map(goal * (1 / 8, 1), goal, SQUARE, 80, finds_minified=True)
    at = np.s_[10:70, 2:8]
    assert (narrow.minified[at] == 1).all()
    assert np.abs(apply_warp_antialiased(stripes, narrow)[at].astype(int) - 127).max() < 4
    assert np.abs(apply_warp_cubic(stripes, narrow)[at].astype(int) - 127).max() > 100, "every eighth stripe"
