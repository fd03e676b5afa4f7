"""The triangles of the face's surface, and the flat layout of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.appearance.uv_layout import make_uv_layout, texture_vertices
from recaster.faces import topology
from recaster.faces.mesh_surface import JAW, LOWER_LIP, TRIANGLES, UNDER_CHIN, UPPER_LIP, unfold
from recaster.likeness.likeness import Likeness

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset


def edges() -> Counter[tuple[int, int]]:
    """Every edge in the direction in which a triangle runs along it."""
    return Counter((int(triangle[i]), int(triangle[(i + 1) % 3])) for triangle in TRIANGLES for i in range(3))


def areas(points: np.ndarray) -> np.ndarray:
    one, two, three = (points[TRIANGLES[:, i]] for i in range(3))
    (a, b) = (two - one).T
    (c, d) = (three - one).T
    return a * d - b * c


def test_it_is_one_sheet_without_holes_wound_alike() -> None:
    directed = edges()
    assert max(directed.values()) == 1  # a triangle on each side at most, and they agree
    rim = [edge for edge in directed if edge[::-1] not in directed]
    assert len(rim) == len(topology.OVAL)  # no edge of a hole: eyes, mouth and jaw are closed
    used = set(TRIANGLES.ravel().tolist())
    assert used == set(range(UNDER_CHIN + len(JAW) - 1)) - {UNDER_CHIN}  # whose ends are the jaw's own
    assert len(used) - len({frozenset(edge) for edge in directed}) + len(TRIANGLES) == 1


def test_lips_are_no_neighbours_but_in_the_corners() -> None:
    upper = set(UPPER_LIP[1:-1])
    lower = set(LOWER_LIP[1:-1])
    assert not any(one in upper and other in lower for one, other in edges())


def test_a_layout_has_a_place_for_every_triangle(actor_faceset: Faceset) -> None:
    neutral = Likeness.from_faceset(actor_faceset, references=2).neutral_shape.neutral
    assert (areas(texture_vertices(neutral)[:, :2]) <= 0).any()  # nostrils cover themselves
    assert (areas(make_uv_layout(neutral, 256).points) > 0).all()


@pytest.mark.parametrize("size", [32, 128, 512])
def test_a_layout_is_the_same_at_every_size(actor_faceset: Faceset, size: int) -> None:
    neutral = Likeness.from_faceset(actor_faceset, references=2).neutral_shape.neutral
    assert np.allclose(make_uv_layout(neutral, size).points / size, make_uv_layout(neutral, 256).points / 256)


def test_what_is_not_folded_stays(actor_faceset: Faceset) -> None:
    points = make_uv_layout(
        Likeness.from_faceset(actor_faceset, references=2).neutral_shape.neutral, 256
    ).points
    assert np.array_equal(unfold(points), points)
    folded = points.copy()
    folded[topology.NOSE_TIP] += 60
    again = unfold(folded)
    assert (areas(again) > 0).all()
    assert np.array_equal(again[list(topology.OVAL)], points[list(topology.OVAL)])
