"""Rigid fits and measures, on made-up meshes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import median_filter
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from recaster.faces import alignment, geometry
from recaster.faces.neutral_shape import mesh_to_crop


@pytest.fixture
def mesh() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(478, 3)) * [40, 50, 20] + [100, 120, 0]


def moved(mesh: np.ndarray, degrees: tuple[float, float, float], scale: float) -> np.ndarray:
    turn = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    return scale * mesh @ turn.T + [5, -3, 2]


def test_a_moved_mesh_is_brought_back(mesh: np.ndarray) -> None:
    frames = np.stack([moved(mesh, (10, -25, 5), 1.7), moved(mesh, (-5, 40, -30), 0.3)])
    fits = geometry.fit_rigid(frames, mesh)
    assert np.allclose(fits.apply(frames), mesh, atol=1e-8)
    assert np.allclose(fits.undo(np.stack([mesh, mesh])), frames, atol=1e-8)


def test_a_fit_never_mirrors(mesh: np.ndarray) -> None:
    fit = geometry.fit_rigid(mesh * [-1, 1, 1], mesh)
    assert np.linalg.det(fit.linear) > 0


def test_facing_tells_how_the_head_is_turned(mesh: np.ndarray) -> None:
    fit = geometry.fit_rigid(moved(mesh, (0, 30, 0), 2.0), mesh)
    assert np.degrees(np.arccos(fit.facing[2])) == pytest.approx(30, abs=1e-6)


def test_a_crop_is_found_in_spite_of_expression(mesh: np.ndarray) -> None:
    reference = mesh_to_crop(mesh / 300, 128)
    face = mesh.copy()
    face[[0, 17, 61, 291]] += 9  # lips are not among the stable points
    matrix = geometry.fit_crop(face, reference)
    assert np.allclose(alignment.transform(mesh, matrix)[:, :2], reference[:, :2], atol=1e-8)


def test_openings_do_not_depend_on_size(mesh: np.ndarray) -> None:
    assert np.allclose(geometry.mouth_gap(mesh), geometry.mouth_gap(mesh * 3))
    assert np.allclose(geometry.lid_openings(mesh), geometry.lid_openings(mesh * 3))


@pytest.mark.parametrize("dimensions", [1, 2, 3, 80])
def test_distances_are_scipy_s_to_the_bit(dimensions: int) -> None:
    random = np.random.default_rng(dimensions)
    points = 100 * random.standard_normal((60, dimensions))
    others = 100 * random.standard_normal((24, dimensions))
    expected = cdist(points, others)
    np.testing.assert_array_equal(geometry.measure_distances(points, others), expected)
    np.testing.assert_array_equal(geometry.measure_nearest(points, others), expected.min(1))


@pytest.mark.parametrize("length", [1, 3, 25, 26, 90])
def test_a_median_repeats_the_ends(length: int) -> None:
    values = np.random.default_rng(length).standard_normal(length)
    expected = median_filter(values, 25, mode="nearest")
    np.testing.assert_array_equal(geometry.median_over(values, 25), expected)
