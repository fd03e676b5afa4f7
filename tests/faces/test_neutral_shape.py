"""Mouths without their expression: the same from whatever the frames show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.faces import geometry
from recaster.faces.expressions import COEFFICIENTS, predict_expressions
from recaster.faces.mesh_surface import LOWER_LIP, UPPER_LIP
from recaster.faces.neutral_shape import align_to_canonical, compute_canonical_mesh, learn_neutral_shape
from recaster.faces.topology import BROW_LEFT, LIPS_OUTER
from recaster.likeness.retarget import retarget

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset

JAW_OPEN = 25


@pytest.fixture(scope="module")
def points(actor_faceset: Faceset) -> np.ndarray:
    return np.stack([record.landmarks for record in actor_faceset.records]).astype(np.float64)


@pytest.fixture(scope="module")
def expressions(points: np.ndarray) -> np.ndarray:
    return align_to_canonical(points, compute_canonical_mesh(points))[0]


def apart(first: np.ndarray, second: np.ndarray, chosen: list[int]) -> float:
    """Percent of the eye distance."""
    away = np.linalg.norm((first - second)[chosen, :2], axis=-1).mean()
    return float(100 * away / geometry.eye_distance(first))


def calmest(expressions: np.ndarray) -> np.ndarray:
    gaps = geometry.mouth_gap(expressions)
    return np.median(expressions[gaps <= np.quantile(gaps, 0.3)], 0)


def test_coefficients_say_what_a_mouth_does(expressions: np.ndarray) -> None:
    found = predict_expressions(expressions)
    assert found.shape == (len(expressions), COEFFICIENTS)
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.corrcoef(found[:, JAW_OPEN], geometry.mouth_gap(expressions))[0, 1] > 0.9
    assert np.allclose(predict_expressions(2 * expressions), found, atol=1e-3)


def test_open_and_shut_mouths_have_one_neutral_face(expressions: np.ndarray) -> None:
    gaps = geometry.mouth_gap(expressions)
    lips = list(LIPS_OUTER)
    opened = expressions[gaps >= np.quantile(gaps, 0.6)]
    shut = expressions[gaps <= np.quantile(gaps, 0.4)]
    neutrals = [learn_neutral_shape(some).neutral for some in (opened, shut)]
    assert apart(*neutrals, lips) < 0.6 * apart(calmest(opened), calmest(shut), lips)
    assert geometry.mouth_gap(neutrals[0]) < 0.65 * geometry.mouth_gap(calmest(opened))


def test_brows_are_those_of_the_calm_frames(expressions: np.ndarray) -> None:
    gaps = geometry.mouth_gap(expressions)
    opened = expressions[gaps >= np.quantile(gaps, 0.6)].copy()
    before = learn_neutral_shape(opened).neutral[list(BROW_LEFT)]
    opened[:, list(LOWER_LIP), 1] += 0.05 * geometry.eye_distance(opened)[:, None]
    np.testing.assert_array_equal(learn_neutral_shape(opened).neutral[list(BROW_LEFT)], before)


def test_whoever_never_shuts_the_mouth_shuts_it_on_a_target(points: np.ndarray) -> None:
    gaps = geometry.mouth_gap(points)
    mesh = compute_canonical_mesh(points)
    source = learn_neutral_shape(align_to_canonical(points, mesh)[0][gaps >= np.quantile(gaps, 0.6)])
    target = points.copy()
    shut = gaps <= np.quantile(gaps, 0.1)
    for row in np.flatnonzero(shut):
        target[row, list(LOWER_LIP)] = target[row, list(UPPER_LIP)]
    moved = geometry.mouth_gap(retarget(target, mesh, source))
    assert moved[shut].max() < 0.04
    assert np.corrcoef(moved, geometry.mouth_gap(target))[0, 1] > 0.98
