"""Hair at the rim of a source's face, and what is shown instead of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.faces import topology
from recaster.likeness.likeness import Likeness, face_in
from recaster.likeness.visibility import hair_at_the_rim, skin_instead

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset
    from recaster.likeness.layout import Layout

CHEEK = 234
SKIN, HAIR = (190, 150, 130), (60, 45, 40)


@pytest.fixture(scope="module")
def layout(actor_faceset: Faceset) -> Layout:
    return Likeness.from_faceset(actor_faceset).layout


def skin(layout: Layout) -> np.ndarray:
    return np.full((3, layout.size, layout.size, 3), SKIN, np.uint8)


def locks(layout: Layout) -> np.ndarray:
    """Where hair falls over one cheek and beside it, from the eye down."""
    across, down = layout.points[CHEEK]
    there = np.zeros((layout.size, layout.size), np.uint8)
    top = round(layout.points[list(topology.EYE_LEFT), 1].mean()) + 4
    cv2.rectangle(there, (0, top), (round(across) + 8, round(down) + 40), 1, -1)
    return there.astype(bool)


def test_hair_beside_a_cheek_gives_way_to_skin(layout: Layout) -> None:
    textures, hair = skin(layout), locks(layout)
    textures[:, hair] = HAIR
    found, face = hair_at_the_rim(textures, layout), face_in(layout) > 0
    assert found[hair & face].mean() > 200
    inner = cv2.erode(face_in(layout), np.ones((61, 61))) > 0
    assert not found[inner].any(), "the middle of the face is never hair"
    shown = skin_instead(textures, layout, found)[:, hair & face].astype(int)
    assert np.abs(shown - SKIN).mean() < 6


def test_skin_is_left_as_it_is(layout: Layout) -> None:
    textures = skin(layout)
    shade = np.linspace(1, 0.6, layout.size)[None, None, :, None]  # light from one side is no hair
    textures = (textures * shade).astype(np.uint8)
    found, face = hair_at_the_rim(textures, layout), face_in(layout) > 0
    assert not found[face].any()
    assert np.array_equal(skin_instead(textures, layout, found)[:, face], textures[:, face])


def test_the_shade_of_a_chin_stays(layout: Layout) -> None:
    textures, face = skin(layout), face_in(layout) > 0
    below = round(layout.points[topology.CHIN, 1]) - 12
    textures[:, below:] = (0.7 * np.array(SKIN)).astype(np.uint8)
    assert not hair_at_the_rim(textures, layout)[face].any()


def test_hair_on_one_side_leaves_the_chin_and_the_other_side_alone(layout: Layout) -> None:
    textures, hair, face = skin(layout), locks(layout), face_in(layout) > 0
    below = round(layout.points[topology.CHIN, 1]) - 12
    textures[:, below:] = (0.7 * np.array(SKIN)).astype(np.uint8)
    textures[:, hair] = HAIR
    found = hair_at_the_rim(textures, layout)
    assert found[hair & face].mean() > 200
    other = face & (np.indices(hair.shape)[1] > layout.points[topology.CHIN, 0] - 10)
    assert not found[other].any()


def test_a_beard_is_the_persons_own(layout: Layout) -> None:
    textures, hair = skin(layout), locks(layout)
    textures[:, hair] = HAIR
    below = round(layout.points[topology.LIP_BOTTOM, 1])
    textures[:, below:] = HAIR
    assert not hair_at_the_rim(textures, layout).any()
