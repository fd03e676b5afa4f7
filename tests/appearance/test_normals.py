"""Normals of a face, and light that depends on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.appearance.light import CELLS, compute_normals
from recaster.appearance.relighting import Relighting
from recaster.faces import topology

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset

SIZE = 256


@pytest.fixture(scope="module")
def points(actor_faceset: Faceset) -> np.ndarray:
    """The mesh of the face that looks most straight ahead."""
    meshes = np.array([record.landmarks for record in actor_faceset.records], float)
    turned = np.abs(meshes[:, topology.EARS, 2] @ [1, -1])
    mesh = meshes[turned.argmin()]
    low = mesh.min(0)
    high = mesh.max(0)
    return (mesh - low) / (high - low).max() * SIZE * 0.8 + SIZE * 0.1


def test_both_sides_of_a_nose_look_away_from_each_other(points: np.ndarray) -> None:
    found = compute_normals(points, SIZE)
    assert found is not None
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    grid = found.reshape(CELLS, CELLS, 3)

    def at(point: int) -> np.ndarray:
        column, row = (points[point, :2] / SIZE * CELLS).astype(int)
        return grid[row, column]

    assert at(topology.NOSE_TIP)[2] < -0.5, "towards the camera"
    assert at(129)[0] < 0 < at(358)[0], "beside the nostrils"
    assert at(234)[0] < 0 < at(454)[0], "the cheeks"
    assert at(topology.CHIN)[1] > 0


def test_other_landmarks_have_none() -> None:
    assert compute_normals(np.zeros((68, 3)), SIZE) is None


def test_the_shade_of_a_nose_is_taken_on(points: np.ndarray) -> None:
    shape = compute_normals(points, SIZE)
    assert shape is not None
    rng = np.random.default_rng(0)
    face = np.clip(np.array([150, 120, 105]) + rng.normal(0, 3, (SIZE, SIZE, 1)), 0, 255).astype(np.uint8)
    shade = cv2.resize(np.exp(0.3 * shape[:, 0]).reshape(CELLS, CELLS), (SIZE, SIZE))
    target = np.clip(face * shade[..., None], 0, 255).astype(np.uint8)
    mask = np.zeros((SIZE, SIZE), np.float32)
    cv2.fillPoly(mask, [points[list(topology.OVAL), :2].astype(np.int32)], 1)

    def off(shape: np.ndarray | None) -> float:
        light = Relighting.measure(face, target, mask, shape)
        assert light is not None
        return float(np.abs(light.apply(face) - target)[mask > 0].mean())

    assert off(shape) < 0.5 * off(None)
