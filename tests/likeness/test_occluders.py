"""What is in front of a rendered actor's face is found, and her own face is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.faces import alignment, topology
from recaster.likeness import geometry
from recaster.likeness.form import canonical_mesh, mesh_in_crop
from recaster.likeness.occluders import (
    CHANNELS,
    SIZE,
    Look,
    Occluders,
    _besides_mouth,
    compared,
    hidden,
    reduced,
    usual_look,
)

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset

CROP = 256


@pytest.fixture(scope="module")
def faces(actor_faceset: Faceset) -> tuple[np.ndarray, np.ndarray]:
    """Crops of the likeness actor, and her meshes in them."""
    points = np.stack([record.landmarks for record in actor_faceset.records]).astype(np.float64)
    matrices = geometry.fit_crop(points, mesh_in_crop(canonical_mesh(points), CROP))
    records = zip(actor_faceset.records, matrices, strict=True)
    crops = np.stack([alignment.warp(actor_faceset.crop(record), matrix, CROP) for record, matrix in records])
    moved = [alignment.transform(p, m) for p, m in zip(points, matrices, strict=True)]
    return crops, np.stack(moved)


@pytest.fixture(scope="module")
def look(faces: tuple[np.ndarray, np.ndarray]) -> Look:
    small = [reduced(crop, points) for crop, points in zip(*faces, strict=True)]
    return usual_look(np.stack([crop for crop, _ in small]), np.stack([points for _, points in small]))


def outline(points: np.ndarray) -> np.ndarray:
    face = np.zeros((CROP, CROP), np.uint8)
    return cv2.fillPoly(face, [np.round(points[list(topology.OVAL), :2]).astype(np.int32)], 1) > 0


def test_the_usual_look_is_that_of_the_face(faces: tuple[np.ndarray, np.ndarray], look: Look) -> None:
    crops, points = faces
    small, moved = reduced(crops[3], points[3])
    shown = compared(look, small, moved)
    assert shown.shape == (SIZE, SIZE, CHANNELS)
    assert np.array_equal(shown[..., :3], small)
    inside = shown[..., 7] > 0
    assert 0.3 < inside.mean() < 0.8
    assert not shown[~inside, 3:7].any()
    assert np.abs(shown[inside, :3].astype(int) - shown[inside, 3:6]).mean() < 12


def test_a_bare_face_has_nothing_before_it(faces: tuple[np.ndarray, np.ndarray], look: Look) -> None:
    finder = Occluders()
    found = [
        hidden(finder.chances(look, crop, p), CROP)[outline(p)].mean() for crop, p in zip(*faces, strict=True)
    ]
    assert np.mean(found) < 0.01
    assert max(found) < 0.05


@pytest.mark.parametrize("colour", [(120, 80, 60), (30, 30, 34), (200, 210, 205)])
def test_what_is_held_before_it_is_found(
    faces: tuple[np.ndarray, np.ndarray], look: Look, colour: tuple[int, int, int]
) -> None:
    crop, points = faces[0][4].copy(), faces[1][4]
    bar = np.zeros((CROP, CROP), np.uint8)
    cv2.line(bar, (60, 250), (150, 120), 255, 44, cv2.LINE_AA)
    crop[bar > 127] = colour
    found, true = hidden(Occluders().chances(look, crop, points), CROP) > 0.5, bar > 127
    face = outline(points)
    assert (found & true & face).sum() > 0.75 * ((found | true) & face).sum()


def test_what_a_mouth_does_is_no_occluder(faces: tuple[np.ndarray, np.ndarray]) -> None:
    _, points = reduced(faces[0][4], faces[1][4])
    x, y = np.rint(points[[78, 308, 13, 14], :2].mean(0)).astype(int)
    tongue, finger, straw = np.zeros((3, SIZE, SIZE))
    tongue[y - 2 : y + 5, x - 9 : x + 9] = 0.9
    finger[y - 12 : y + 14, x - 5 : x + 5] = 0.9
    straw[y - 3 : y + 2, x : x + 34] = 0.9
    assert not _besides_mouth(tongue, points).any()
    assert np.array_equal(_besides_mouth(finger, points), finger)
    assert np.array_equal(_besides_mouth(straw, points), straw)


def test_what_touches_something_certain_belongs_to_it() -> None:
    chances = np.zeros((SIZE, SIZE), np.float32)
    chances[20:60, 20:40], chances[40:60, 40:80] = 0.9, 0.3  # a hand, and its fingers in the shade
    chances[100:120, 100:120] = 0.3  # perhaps something
    chances[5:8, 5:8] = 0.9  # a speck
    found = hidden(chances, CROP)
    assert found.shape == (CROP, CROP)
    assert found[60:100, 60:140].any(0).all()
    assert found[100, 100] > 0.9
    assert not found[180:, 180:].any()
    assert not found[:20, :20].any()
