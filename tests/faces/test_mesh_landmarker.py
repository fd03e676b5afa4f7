"""Places of the mesh's points in the frame, with networks whose answer is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.evaluation.ground_truth import Truth
from recaster.evaluation.motion_scores import correlation, mouth_opening
from recaster.faces.alignment import similarity
from recaster.faces.detectors import make_detector
from recaster.faces.geometry import eye_distance
from recaster.faces.mesh_landmarker import Mesh, square_crop
from recaster.faces.topology import (
    CHIN,
    EYE_LEFT_CONTOUR,
    EYE_RIGHT_CONTOUR,
    FOREHEAD,
    IBUG68,
    IRIS_LEFT,
    IRIS_RIGHT,
    LIPS_INNER,
    LIPS_OUTER,
)
from recaster.faces.types import Box
from recaster.media.reader import read_frames

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FRAME = np.zeros((200, 300, 3), np.uint8)


class Known:
    """A network that always answers the same."""

    def __init__(self, **outputs: np.ndarray) -> None:
        self.outputs = {output.size: output.ravel() for output in outputs.values()}

    def run_image(self, image: np.ndarray) -> dict[int, np.ndarray]:
        assert image.shape[0] == image.shape[1]
        return self.outputs


@pytest.fixture
def mesh(points_at: Callable[..., np.ndarray]) -> Mesh:
    """Sees a face, and its lips, that fills two thirds of its crop, and irises a quarter from its left."""
    result = Mesh()
    face = points_at(16.0, 16.0, 160.0)[:468]
    again = points_at(16.0 * 4 / 3, 16.0 * 4 / 3, 160.0 * 4 / 3)
    result._mesh = Known(points=face, presence=np.array([3.0]))  # type: ignore[assignment]
    result._lips = Known(points=again, presence=np.array([15.0]))  # type: ignore[assignment]
    iris = np.full((5, 3), 32.0)
    lids = np.full((71, 3), 32.0)
    iris[:, 0] = 16.0
    result._iris = Known(iris=iris, lids=lids)  # type: ignore[assignment]
    return result


def test_the_middle_of_the_crop_is_the_middle_of_the_box(mesh: Mesh) -> None:
    mesh._mesh = Known(points=np.full((468, 3), 96.0), presence=np.zeros(1))  # type: ignore[assignment]
    mesh._lips = Known(points=np.full((478, 3), 128.0), presence=np.ones(1))  # type: ignore[assignment]
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
    np.testing.assert_allclose(face.points[FOREHEAD, 2], -10.0, atol=1e-6)
    assert face.presence == pytest.approx(1 / (1 + np.exp(-3)))


def test_both_eyes_are_placed_alike_though_one_is_seen_in_a_mirror(mesh: Mesh) -> None:
    face = mesh.locate(FRAME, Box(100, 50, 200, 150)).points
    left = face[list(EYE_LEFT_CONTOUR), 0].mean()
    right = face[list(EYE_RIGHT_CONTOUR), 0].mean()
    # The crops' middles are midway between the corners that the mesh found.
    assert left + right == pytest.approx(2 * face[168, 0], abs=1e-6)
    assert left - face[IRIS_LEFT, 0] == pytest.approx(face[IRIS_RIGHT, 0] - right, abs=1e-6)
    assert left - face[IRIS_LEFT, 0] > 1


def test_lips_are_their_own_networks_and_the_rest_of_the_outline_is_not(mesh: Mesh) -> None:
    before = mesh.locate(FRAME, Box(100, 50, 200, 150))
    mesh._lips.outputs[1434] = mesh._lips.outputs[1434] + 5  # type: ignore[attr-defined]
    after = mesh.locate(FRAME, Box(100, 50, 200, 150))
    moved = np.linalg.norm(after.points - before.points, axis=-1)
    lips = [*LIPS_INNER, *LIPS_OUTER]
    np.testing.assert_allclose(moved[lips], moved[lips[0]], rtol=1e-6)
    assert moved[lips[0]] > 1
    assert moved[[FOREHEAD, CHIN, *IBUG68[17:27], *IBUG68[36:48]]].max() == 0
    assert after.presence == before.presence
    mesh._lips.outputs[1] = np.array([4.0])  # type: ignore[attr-defined]
    unbelieved = mesh.locate(FRAME, Box(100, 50, 200, 150))
    assert np.abs(unbelieved.points - before.points).max() < 1e-6


def test_lips_part_as_the_actors_do_and_are_seen_to_touch(actors: Path) -> None:
    truth = Truth.load(actors / "truth" / "far.mp4")
    frames = range(100, 160)
    mesh = Mesh()
    found: list[np.ndarray] = []
    for frame in read_frames(truth.clip, frames.start, frames.stop):
        if not found:
            box = max(make_detector("yunet").detect(frame.image), key=lambda one: one.score).box
            found.append(mesh.locate(frame.image, box).points)
        else:
            found.append(mesh.follow(frame.image, found[-1]).points)
    seen = np.stack(found)
    opening = mouth_opening(seen[:, list(IBUG68), :2]) / eye_distance(seen)
    wanted = mouth_opening(truth.landmarks[frames.start : frames.stop])
    shut = wanted <= np.quantile(wanted, 0.1)
    assert np.median(opening[shut]) < 0.02
    assert correlation(wanted, opening) > 0.97


def test_a_crop_is_the_similarity_of_the_ends_of_its_middle_row() -> None:
    rng = np.random.default_rng(2)
    for size in (64, 192, 256):
        centre = rng.uniform(0, 1500, 2)
        turn = rng.uniform(-np.pi, np.pi)
        half = rng.uniform(0.2, 400)
        level = np.array([np.cos(turn), np.sin(turn)])
        right = max(half, 1) * level
        middle = (size - 1) / 2
        wanted = similarity(
            np.array([centre - right, centre + right]), np.array([[-0.5, middle], [size - 0.5, middle]])
        )
        np.testing.assert_allclose(square_crop(centre, half, level, size), wanted, rtol=1e-12, atol=1e-10)
