"""Faces of other people that cross, replace or lie beside a performer's: never theirs are meant."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.faces.analysis import analyse
from recaster.faces.track_choice import choose_tracks
from recaster.faces.types import Box
from recaster.media.reader import read_frames
from recaster.media.types import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recaster.faces.types import Analysis, Floats

COUNT = 36
SIDE = 320

Pictures = list[np.ndarray]


@pytest.fixture(scope="module")
def performer(actors: Path) -> Pictures:
    return [frame.image for frame in read_frames(actors / "performer.mp4", 30, 30 + COUNT)]


@pytest.fixture(scope="module")
def other(actors: Path) -> Pictures:
    return [frame.image for frame in read_frames(actors / "likeness.mp4", 0, COUNT)]


@pytest.fixture(scope="module")
def wanted(performer: Pictures) -> Floats:
    """Person that is meant."""
    return seen(performer[:8]).tracks[0].embedding


def seen(pictures: Sequence[np.ndarray]) -> Analysis:
    images = (np.ascontiguousarray(one) for one in pictures)
    return analyse([Frame(index, index, Fraction(index, 25), image) for index, image in enumerate(images)])


def places(analysis: Analysis, person: Floats) -> dict[int, list[Box]]:
    """Place in each frame in which the person would be swapped."""
    found: dict[int, list[Box]] = {}
    for track in choose_tracks(analysis, person=person):
        for frame, box in zip(track.frames.tolist(), track.boxes.tolist(), strict=True):
            found.setdefault(frame, []).append(Box(*box))
    return found


def test_a_photograph_held_before_a_face_does_not_get_it(
    performer: Pictures, other: Pictures, wanted: Floats
) -> None:
    photograph = cv2.resize(other[0][60:280, 80:250], (140, 180), interpolation=cv2.INTER_AREA)
    pictures = []
    covered = []
    for index, image in enumerate(performer):
        left = SIDE - 14 * index
        shown = slice(max(left, 0), max(min(left + 140, SIDE), 0))
        picture = image.copy()
        picture[70:250, shown] = photograph[:, shown.start - left : shown.stop - left]
        pictures.append(picture)
        covered += (
            [index] if left < 130 and left + 140 > 210 else []
        )  # more than half of the face is behind it
    found = places(seen(pictures), wanted)
    assert {0, 5, 33, 35} <= found.keys()
    assert covered
    assert not found.keys() & set(covered)


def test_a_whip_pan_to_another_person_does_not_take_the_face_along(
    performer: Pictures, other: Pictures, wanted: Floats
) -> None:
    pictures = []
    offsets = []
    for index, (one, two) in enumerate(zip(performer, other, strict=True)):
        offset = round(SIDE * float(np.clip((index - 12) / 5, 0, 1)))
        view = np.hstack([one, two])[:, offset : offset + SIDE]
        pictures.append(cv2.blur(view, (SIDE // 10, 1)) if 0 < offset < SIDE else view)
        offsets.append(offset)
    found = places(seen(pictures), wanted)
    assert set(range(12)) <= found.keys()
    for index, offset in enumerate(offsets):
        assert all(box.centre[0] < SIDE - offset for box in found.get(index, []))


def test_a_screen_and_a_mirror_beside_a_performer(
    performer: Pictures, other: Pictures, wanted: Floats
) -> None:
    pictures = []
    for one, two in zip(performer[:12], other, strict=False):
        wall = np.full((SIDE, 2 * SIDE, 3), 110, np.uint8)
        wall[40:200, 40:200] = cv2.resize(two, (160, 160), interpolation=cv2.INTER_AREA)
        wall[:, SIDE:] = one[:, ::-1]
        pictures.append(np.hstack([one, wall]))
    analysis = seen(pictures)
    assert len(analysis.tracks) == 3
    found = places(analysis, wanted)
    assert found.keys() == set(range(12))
    assert all(not SIDE < box.centre[0] < 2 * SIDE for boxes in found.values() for box in boxes)
