"""Whose usual look is learned, and from which frames."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from recaster.faces.smoothing import Smoothing
from recaster.media.types import Frame
from recaster.swapping import occlusion
from recaster.swapping.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many faces each look was made of."""
    counts: list[int] = []

    def count(crops: np.ndarray, points: np.ndarray) -> str:
        assert crops.shape == (len(points), 64, 64, 3)
        counts.append(len(crops))
        return "look"

    monkeypatch.setattr(occlusion, "usual_look", count)
    return counts


def looked_at(fake: Any, tracks: list[Any], available: range) -> tuple[Scene, list[tuple[int, int]]]:
    asked = []

    def read(start: int, stop: int) -> Iterator[Frame]:
        asked.append((start, stop))
        return (Frame(i, i, Fraction(i, 25), fake.picture(i)) for i in range(start, stop))

    scene = Scene.planned(tracks, fake.FakeSwapper(), Smoothing())
    return occlusion.looked_at(scene, read, available, 64), asked


def test_frames_near_each_other_are_read_in_one_go(fake: Any, seen: list[int]) -> None:
    scene, asked = looked_at(fake, [fake.track(range(10, 200))], range(500))
    assert asked == [(10, 200)]
    assert (seen, scene.looks) == ([48], {0: "look"})


def test_frames_far_apart_are_read_one_by_one(fake: Any, seen: list[int]) -> None:
    _, asked = looked_at(fake, [fake.track(range(10, 4010))], range(5000))
    assert len(asked) == seen[0] == 48
    assert asked[0] == (10, 11)
    assert asked[-1] == (4009, 4010)


def test_only_frames_that_may_be_looked_at_count(fake: Any, seen: list[int]) -> None:
    _, asked = looked_at(fake, [fake.track(range(10, 200))], range(50, 60))
    assert asked == [(50, 60)]
    assert seen == [10]


def test_of_a_glimpse_nothing_is_usual(fake: Any, seen: list[int]) -> None:
    tracks = [fake.track(range(4)), fake.track(range(20, 40), 1)]
    scene, _ = looked_at(fake, tracks, range(100))
    assert seen == [20]
    assert list(scene.looks) == [1]
