"""Eyes look where the performer's do, whoever looked aside all the time."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.appearance.uv_layout import WarpMap, apply_warp
from recaster.evaluation.iris_finder import find_iris
from recaster.faces import alignment, geometry, topology
from recaster.faces.neutral_shape import mesh_to_crop
from recaster.likeness.conditioning import draw
from recaster.likeness.iris_warp import measure_irises, move_irises, place_irises
from recaster.likeness.references import find_irises, measure_features
from recaster.likeness.retarget import retarget

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset
    from recaster.likeness.likeness import Likeness

SIZE = 256
EYES = (
    (list(topology.EYE_LEFT), slice(topology.IRIS_LEFT, topology.IRIS_LEFT + 5)),
    (list(topology.EYE_RIGHT), slice(topology.IRIS_RIGHT, topology.IRIS_RIGHT + 5)),
)


@pytest.fixture(scope="module")
def points(actor_faceset: Faceset) -> np.ndarray:
    return np.stack([record.landmarks for record in actor_faceset.records]).astype(np.float64)


def looking(points: np.ndarray, aside: float) -> np.ndarray:
    """Meshes that look to the picture's right by a share of the eyes' widths."""
    turned = points.copy()
    for outline, iris in EYES:
        right, left = (points[..., outline[index], :] for index in (8, 0))
        across = np.where((right - left)[..., :1] > 0, right - left, left - right)
        turned[..., iris, :] += aside * across[..., None, :]
    return turned


def gaze(points: np.ndarray) -> np.ndarray:
    """Gaze of meshes to the picture's right, in eye widths."""
    places = measure_irises(points)
    return (places[..., 0] - places[..., 1]) / 2


@pytest.mark.parametrize("aside", [-0.12, 0.12])
def test_a_performer_who_looks_aside_throughout_does_so_when_swapped(
    clean: Likeness, points: np.ndarray, aside: float
) -> None:
    performer = looking(points, aside)
    wanted = retarget(performer, clean.mesh, clean.neutral_shape)
    assert gaze(wanted) - gaze(performer) == pytest.approx(0, abs=0.03)
    assert np.abs(gaze(wanted) - gaze(performer)).mean() < 0.01


@pytest.mark.parametrize("aside", [-0.12, 0.12])
def test_a_source_who_looked_aside_throughout_looks_where_the_performer_does(
    clean: Likeness, points: np.ndarray, aside: float
) -> None:
    source = dataclasses.replace(clean.neutral_shape, neutral=looking(clean.neutral_shape.neutral, aside))
    wanted = retarget(points, clean.mesh, source)
    assert np.abs(gaze(wanted) - gaze(points)).mean() < 0.01
    # Both eyes alike, as far apart as they were.
    assert measure_irises(wanted).sum(-1) == pytest.approx(measure_irises(points).sum(-1), abs=0.03)


def test_features_of_references_tell_where_their_irises_are(clean: Likeness, points: np.ndarray) -> None:
    canonical = geometry.fit_rigid(points, clean.mesh).apply(points)
    assert np.allclose(find_irises(measure_features(points, clean.mesh).eyes), measure_irises(canonical))


def test_an_iris_is_moved_whole_and_nothing_beside_the_eyes_is() -> None:
    mesh, picture = _drawn_eyes()
    at = measure_irises(mesh)
    assert at == pytest.approx([0.5, 0.5])
    for aside in (-0.2, 0.2):
        goal = place_irises(mesh, at + np.array([aside, -aside]))
        moved = apply_warp(picture, move_irises(_identity(), goal, at))
        for outline, _ in EYES:
            eye = cv2.fillPoly(np.zeros(picture.shape[:2], np.uint8), [_rounded(mesh[outline])], 1) > 0
            dark = (moved[..., 0] < 128) & eye
            before = (picture[..., 0] < 128) & eye
            columns = np.nonzero(dark)[1].mean() - np.nonzero(before)[1].mean()
            assert columns == pytest.approx(aside * 80, abs=3)
            assert dark.sum() == pytest.approx(before.sum(), rel=0.1)
        eyes = cv2.fillPoly(np.zeros(picture.shape[:2], np.uint8), [_rounded(mesh[o]) for o, _ in EYES], 1)
        assert (moved == picture)[cv2.dilate(eyes, np.ones((3, 3))) == 0].all()


def test_an_iris_that_stays_changes_nothing() -> None:
    mesh, picture = _drawn_eyes()
    still = apply_warp(picture, move_irises(_identity(), mesh, measure_irises(mesh)))
    assert np.abs(still.astype(int) - picture).max() <= 2


def test_a_drawn_face_looks_as_far_aside_as_is_wanted(clean: Likeness, points: np.ndarray) -> None:
    def seen(wanted: np.ndarray) -> float:
        matrix = geometry.fit_crop(wanted, mesh_to_crop(clean.mesh, SIZE))
        placed = alignment.transform(wanted, matrix)
        picture = draw(clean, placed, clean.weights(wanted[None])[0], SIZE).picture
        outlines = placed[list(topology.IBUG68[36:48]), :2]
        return float(np.mean([find_iris(picture, outlines[eye])[0] for eye in (slice(6), slice(6, 12))]))

    ahead = np.argsort(np.abs(gaze(points)))[: len(points) // 2]
    wide = points[ahead[np.argsort(-geometry.lid_openings(points[ahead]).mean(-1))[:8]]]
    moved = [seen(looking(mesh, 0.12)) - seen(looking(mesh, -0.12)) for mesh in wide]
    assert 0.7 * 0.24 < np.mean(moved) < 1.4 * 0.24


def _drawn_eyes() -> tuple[np.ndarray, np.ndarray]:
    """A mesh whose eyes are ellipses of 80 by 36 pixels, and its picture: white eyes, dark round irises."""
    mesh = np.zeros((topology.POINTS, 3))
    picture = np.full((SIZE, SIZE, 3), 170, np.uint8)
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    for side, (outline, iris) in zip((-1, 1), EYES, strict=True):
        middle = np.array([SIZE / 2 + 55 * side, SIZE / 2])
        mesh[outline, :2] = middle + np.stack([40 * side * np.cos(angle), 18 * np.sin(angle)], -1)
        mesh[iris, :2] = middle
        eye = cv2.fillPoly(np.zeros((SIZE, SIZE), np.uint8), [_rounded(mesh[outline])], 1) > 0
        disc = cv2.circle(np.zeros((SIZE, SIZE), np.uint8), tuple(_rounded(middle)), 14, 1, -1) > 0
        picture[eye] = 240
        picture[eye & disc] = 20
    return mesh, picture


def _rounded(places: np.ndarray) -> np.ndarray:
    return np.rint(places[..., :2]).astype(np.int32)


def _identity() -> WarpMap:
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    return WarpMap(np.ones((SIZE, SIZE), np.uint8), (columns, rows), np.zeros((SIZE, SIZE), np.float32))
