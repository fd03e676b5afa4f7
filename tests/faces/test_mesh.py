"""Where the mesh's points land in the frame, with networks whose answer is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.faces.mesh import Mesh
from recaster.faces.topology import EYE_LEFT_CONTOUR, EYE_RIGHT_CONTOUR, IRIS_LEFT, IRIS_RIGHT
from recaster.faces.types import Box

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME = np.zeros((200, 300, 3), np.uint8)


class Known:
    """A network that always answers the same."""

    def __init__(self, **outputs: np.ndarray) -> None:
        self.outputs = {output.size: output.ravel() for output in outputs.values()}

    def run(self, image: np.ndarray) -> dict[int, np.ndarray]:
        assert image.shape[0] == image.shape[1]
        return self.outputs


@pytest.fixture
def mesh(points_at: Callable[..., np.ndarray]) -> Mesh:
    """Sees a face that fills two thirds of its crop, and irises a quarter from the crop's left."""
    result = Mesh()
    face = points_at(16.0, 16.0, 160.0)[:468]
    result._mesh = Known(points=face, presence=np.array([3.0]))  # type: ignore[assignment]
    iris, lids = np.full((5, 3), 32.0), np.full((71, 3), 32.0)
    iris[:, 0] = 16.0
    result._irises = (Known(iris=iris, lids=lids),) * 2  # type: ignore[assignment]
    return result


def test_the_middle_of_the_crop_is_the_middle_of_the_box(mesh: Mesh) -> None:
    mesh._mesh = Known(points=np.full((468, 3), 96.0), presence=np.zeros(1))  # type: ignore[assignment]
    face = mesh.locate(FRAME, Box(10, 20, 60, 70))
    np.testing.assert_allclose(face.points[:468, :2], [(34.5, 44.5)] * 468, atol=1e-6)
    assert face.presence == 0.5


def test_depth_is_in_frame_pixels_and_the_presence_is_a_probability(mesh: Mesh) -> None:
    mesh._mesh.outputs[1404].reshape(-1, 3)[:, 2] = -10.0  # type: ignore[attr-defined]
    previous = np.zeros((478, 3))
    previous[10, :2], previous[152, :2] = (100, 40), (100, 168)  # 128 px high: the crop is exactly its size
    previous[33, :2], previous[263, :2] = (80, 80), (120, 80)
    previous[:, :2] = np.where(previous[:, :2] == 0, (100, 80), previous[:, :2])
    face = mesh.follow(FRAME, previous)
    np.testing.assert_allclose(face.points[5, 2], -10.0, atol=1e-6)
    assert face.presence == pytest.approx(1 / (1 + np.exp(-3)))


def test_both_eyes_are_placed_alike_though_one_is_seen_in_a_mirror(mesh: Mesh) -> None:
    face = mesh.locate(FRAME, Box(100, 50, 200, 150)).points
    left = face[list(EYE_LEFT_CONTOUR), 0].mean()
    right = face[list(EYE_RIGHT_CONTOUR), 0].mean()
    # The crops' middles are midway between the corners that the mesh found.
    assert left + right == pytest.approx(2 * face[168, 0], abs=1e-6)
    assert left - face[IRIS_LEFT, 0] == pytest.approx(face[IRIS_RIGHT, 0] - right, abs=1e-6)
    assert left - face[IRIS_LEFT, 0] > 1
