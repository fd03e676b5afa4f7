"""Filming needs of a clip that a faceset lacks."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.errors import UsageError
from recaster.faces.pose import head_poses
from recaster.faces.topology import LIDS_LEFT, LIDS_RIGHT, LIP_BOTTOM, MOUTH_CORNERS
from recaster.facesets.filming_needs import FilmingNeeds, find_filming_needs

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset


@pytest.fixture(scope="module")
def calm(actor_faceset: Faceset) -> np.ndarray:
    records = actor_faceset.records
    nearest = min(records, key=lambda record: abs(record.pose.yaw) + abs(record.pose.pitch))
    return np.asarray(nearest.landmarks, np.float64)


def turned(mesh: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    middle = mesh.mean(0)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return (mesh - middle) @ turn.T + middle


def opened(mesh: np.ndarray, wide: float) -> np.ndarray:
    moved = mesh.copy()
    moved[LIP_BOTTOM, 1] += wide * np.linalg.norm(mesh[33] - mesh[263])
    return moved


def asked(source: list[np.ndarray], target: list[np.ndarray]) -> FilmingNeeds:
    records = [SimpleNamespace(landmarks=mesh) for mesh in source]
    faceset: Any = SimpleNamespace(folder=Path("faces"), records=records)
    track: Any = SimpleNamespace(landmarks=np.stack(target))
    return find_filming_needs(faceset, [track])


def test_what_the_source_shows_is_covered(calm: np.ndarray) -> None:
    faces = [turned(calm, degrees) for degrees in (-20, -10, 0, 10, 20)]
    found = asked(faces, faces * 5)
    assert (found.frames, found.pose, found.mouth, found.missing) == (25, 1, 1, ())


@pytest.mark.parametrize("side", ["left", "right"])
def test_missing_poses_are_told_of_by_side_and_angle(calm: np.ndarray, side: str) -> None:
    ways = {degrees: turned(calm, degrees) for degrees in (-33, 33)}
    [mesh] = [m for m in ways.values() if (head_poses(m[None])[0, 0] > 0) == (side == "right")]
    found = asked([calm] * 5, [calm] * 30 + [mesh] * 10)
    assert found.pose == 0.75
    assert [need.share for need in found.missing] == [0.25]
    assert f"turned to the picture's {side} by 30 to 40 degrees" in found.missing[0].film


def test_a_mouth_is_as_wide_open_in_a_turned_head(calm: np.ndarray) -> None:
    wide = opened(calm, 0.3)
    found = asked([calm] * 6 + [wide], [calm] * 24 + [turned(wide, 40)])
    assert found.mouth == 1


def test_mouths_and_blinks_that_the_source_never_makes_are_asked_for(calm: np.ndarray) -> None:
    shut = calm.copy()
    broad = calm.copy()
    for upper, lower in (LIDS_LEFT, LIDS_RIGHT):
        shut[upper] = shut[lower]
    broad[MOUTH_CORNERS[0], 0] -= 0.2 * np.linalg.norm(calm[61] - calm[291])
    found = asked([calm] * 6, [calm] * 28 + [opened(calm, 0.3), broad, shut] * 4)
    assert {need.film.partition(",")[0] for need in found.missing} == {
        "a mouth opened wider",
        "a broader mouth",
        "closed eyes",
    }
    assert found.mouth == pytest.approx(0.8)


def test_nothing_can_be_said_of_no_faces(calm: np.ndarray) -> None:
    with pytest.raises(UsageError, match="faces"):
        asked([], [calm] * 30)
    with pytest.raises(UsageError, match="at least 25"):
        asked([calm], [calm])
