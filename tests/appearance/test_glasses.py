"""Glasses are found by their shape, on a rendered actor who wears drawn ones, and only there."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from recaster.appearance.glasses import find_glasses
from recaster.faces import alignment, geometry
from recaster.faces.neutral_shape import compute_canonical_mesh, mesh_to_crop

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset

SIZE = 256
SCRIPTS = Path(__file__).parents[2] / "scripts" / "occluders"


@pytest.fixture(scope="module")
def faces(actor_faceset: Faceset) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Crops of the likeness actor, and her meshes in them."""
    points = np.stack([record.landmarks for record in actor_faceset.records]).astype(np.float64)
    matrices = geometry.fit_crop(points, mesh_to_crop(compute_canonical_mesh(points), SIZE))
    records = zip(actor_faceset.records, matrices, strict=True)
    crops = [np.ascontiguousarray(alignment.warp(actor_faceset.crop(one), m, SIZE)) for one, m in records]
    return crops, [alignment.transform(p, m) for p, m in zip(points, matrices, strict=True)]


@pytest.fixture
def worn(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Module that draws glasses."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.delitem(sys.modules, "worn", raising=False)
    return import_module("worn")


@pytest.mark.parametrize(
    ("half", "form", "colour"),
    [((0.44, 0.37), 2.0, (35, 30, 30)), ((0.40, 0.30), 2.6, (205, 200, 195))],
)
def test_thin_rims_are_found_and_followed(
    faces: tuple[list[np.ndarray], list[np.ndarray]],
    worn: Any,
    half: tuple[float, float],
    form: float,
    colour: tuple[int, int, int],
) -> None:
    pair = worn.Glasses(
        half=half, gap=0.26, place=(0.08, 0.18), form=form, slant=0.0, rims=(0.022, 0.022), arms=0.025,
        colour=(np.array(colour, float), 1.0), pattern=0.0, lens=(np.zeros(3), 0.0), power=0.0,
        shine=(np.zeros(3), 0.0, 1), shadow=(0.0, 0.0),
    )  # fmt: skip
    drawn = [pair.worn(crop.astype(np.float32), points) for crop, points in zip(*faces, strict=True)]
    found, _ = find_glasses([np.clip(one, 0, 255).astype(np.uint8) for one, _ in drawn], faces[1])
    assert found is not None
    kept = []
    eyes = []
    for points, (worn_on, true) in zip(faces[1], drawn, strict=True):
        shown = found.draw(np.clip(worn_on, 0, 255).astype(np.uint8), points, SIZE)
        lenses = cv2.boundingRect(np.rint(points[[33, 263, 9, 50, 280], :2]).astype(np.int32))
        rows = slice(lenses[1], lenses[1] + lenses[3])
        columns = slice(lenses[0], lenses[0] + lenses[2])
        kept.append(shown[rows, columns][true[rows, columns, 0] > 0.5].mean())
        eyes += [shown[tuple(np.rint(points[iris, 1::-1]).astype(int))] for iris in (468, 473)]
    assert np.mean(kept) > 0.85
    assert max(eyes) == 0


def test_rims_are_kept_where_they_are_and_no_skin_beside_them_where_meshes_are_off(
    faces: tuple[list[np.ndarray], list[np.ndarray]], worn: Any
) -> None:
    pair = worn.Glasses(
        half=(0.42, 0.36), gap=0.26, place=(0.1, 0.18), form=2.2, slant=0.0, rims=(0.025, 0.025), arms=0.025,
        colour=(np.array((35.0, 30, 30)), 1.0), pattern=0.0, lens=(np.zeros(3), 0.0), power=0.0,
        shine=(np.zeros(3), 0.0, 1), shadow=(0.0, 0.0),
    )  # fmt: skip
    drawn = [pair.worn(crop.astype(np.float32), points) for crop, points in zip(*faces, strict=True)]
    crops = [np.clip(one, 0, 255).astype(np.uint8) for one, _ in drawn]
    found, _ = find_glasses(crops, faces[1])
    assert found is not None
    kept = []
    broader = []
    for number, (crop, points, (_, true)) in enumerate(zip(crops, faces[1], drawn, strict=True)):
        off = points + np.array([4 * np.cos(number), 4 * np.sin(number), 0])
        shown = found.draw(crop, off, SIZE)
        middle = np.rint(points[[133, 362], :2].mean(0)).astype(int)
        reach = round(0.9 * np.linalg.norm(points[133, :2] - points[362, :2]))
        near = np.s_[middle[1] - reach : middle[1] + reach, middle[0] - reach : middle[0] + reach]
        kept.append(shown[near][true[near][..., 0] > 0.5].mean())
        broader.append(shown[near].sum() / true[near].sum())
    assert np.mean(kept) > 0.8
    assert np.mean(broader) < 3


def test_a_bare_face_wears_none(faces: tuple[list[np.ndarray], list[np.ndarray]]) -> None:
    assert find_glasses(*faces) == (None, False)


def test_drawn_eyes_and_brows_are_no_glasses(faces: tuple[list[np.ndarray], list[np.ndarray]]) -> None:
    eyes = [(33, 161, 159, 157, 133, 154, 145, 163), (263, 388, 386, 384, 362, 381, 374, 390)]
    painted = []
    for crop, points in zip(*faces, strict=True):
        face = crop.copy()
        for corners in eyes:
            line = [np.rint(points[list(corners), :2]).astype(np.int32)]
            cv2.polylines(face, line, True, (20, 15, 15), 3, cv2.LINE_AA)
        painted.append(face)
    assert find_glasses(painted, faces[1]) == (None, False)
