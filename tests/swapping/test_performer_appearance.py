"""Performers whose appearance is learned, and the frames it is learned from."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.appearance.face_appearance import COARSE_PX, FINE_PX
from recaster.media.types import Frame
from recaster.settings.swap import SwapSettings
from recaster.swapping import appearance_pieces, performer_appearance
from recaster.swapping.swap_plan import SwapPlan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of faces that each appearance was made of."""
    counts: list[int] = []

    def count(crops: np.ndarray, points: np.ndarray) -> str:
        assert crops.shape == (len(points), COARSE_PX, COARSE_PX, 3)
        counts.append(len(crops))
        return "look"

    class Finder:
        """Looks into some of the faces, as large as it wants them."""

        def add_persistent(self, look: str, crops: Sequence[np.ndarray], points: Sequence[np.ndarray]) -> str:
            assert {crop.shape for crop in crops} == {(FINE_PX, FINE_PX, 3)}
            assert len(points) == len(crops) <= counts[-1]
            return look

    monkeypatch.setattr(appearance_pieces, "compute_reference_appearance", count)
    monkeypatch.setattr(appearance_pieces, "Occluders", Finder)
    return counts


def add_appearance(
    fake: Any,
    tracks: list[Any],
    available: range,
    shown: range | None = None,
    last: int = 10**6,
    cheap: np.ndarray | None = None,
) -> tuple[SwapPlan, list[int]]:
    """The plan, and which frames were read; the clip ends after ``last``."""
    asked: list[int] = []

    def read(indices: Sequence[int]) -> Iterator[Frame]:
        asked.extend(indices)
        return (Frame(i, i, Fraction(i, 25), fake.picture(i)) for i in indices if i <= last)

    plan = SwapPlan.of(tracks, fake.FakeSwapper(aligned=True), SwapSettings())
    clip = SimpleNamespace(
        read_indices=read, find_cheap_indices=lambda: np.zeros(0, np.int64) if cheap is None else cheap
    )
    return performer_appearance.add_appearance(plan, clip, available, [shown or available]), asked


def test_a_look_is_made_of_frames_from_all_over_the_track(fake: Any, seen: list[int]) -> None:
    plan, asked = add_appearance(fake, [fake.track(range(10, 4010))], range(5000))
    assert (len(asked), asked[0], asked[-1]) == (48, 10, 4009)
    assert (seen, plan.appearances) == ([48], {0: "look"})


@pytest.mark.usefixtures("seen")
def test_frames_that_are_quick_to_read_are_taken_where_some_are_near(fake: Any) -> None:
    every = np.arange(1, 5000, 50)
    _, asked = add_appearance(fake, [fake.track(range(10, 4010))], range(5000), cheap=every)
    assert set(asked) <= set(every.tolist())
    assert len(asked) == 48
    assert np.diff(asked).max() <= 2 * 4000 / 48
    for length, step in ((98, 3), (119, 5), (114, 12), (196, 25), (500, 10)):
        _, asked = add_appearance(
            fake, [fake.track(range(length))], range(length), cheap=np.arange(1, length, step)
        )
        assert len(set(asked)) == 48
    _, some = add_appearance(fake, [fake.track(range(10, 4010))], range(5000), cheap=np.array([1000]))
    _, evenly = add_appearance(fake, [fake.track(range(10, 4010))], range(5000))
    assert set(some) - set(evenly) == {1000}
    assert len(some) == 48


def test_people_in_one_shot_are_looked_at_in_one_go(fake: Any, seen: list[int]) -> None:
    tracks = [fake.track(range(10, 100)), fake.track(range(10, 100), 1, (90.0, 45.0))]
    plan, asked = add_appearance(fake, tracks, range(200))
    assert asked == sorted(set(asked))
    assert len(asked) == 48
    assert (seen, len(plan.appearances)) == ([48, 48], 2)


def test_only_who_is_shown_and_only_where_it_may_be(fake: Any, seen: list[int]) -> None:
    tracks = [fake.track(range(10, 200)), fake.track(range(300, 400), 1)]
    plan, asked = add_appearance(fake, tracks, range(50, 60), range(55, 56))
    assert asked == list(range(50, 60))
    assert (seen, list(plan.appearances)) == ([10], [0])


def test_of_a_glimpse_nothing_is_usual(fake: Any, seen: list[int]) -> None:
    tracks = [fake.track(range(4)), fake.track(range(20, 40), 1)]
    plan, _ = add_appearance(fake, tracks, range(100))
    assert (seen, list(plan.appearances)) == ([20], [1])


def test_a_clip_that_ends_early(fake: Any, seen: list[int]) -> None:
    plan, _ = add_appearance(fake, [fake.track(range(40))], range(40), last=3)
    assert (seen, plan.appearances) == ([], {})


def test_other_landmarks_and_other_crops_have_no_look(fake: Any, seen: list[int]) -> None:
    few = fake.track(range(40))
    few = dataclasses.replace(few, landmarks=few.landmarks[:, :68])
    plan = SwapPlan.of([few, fake.track(range(40), 1)], fake.FakeSwapper(aligned=True), SwapSettings())
    boxed = dataclasses.replace(plan.track_plans[1], is_aligned=False)
    plan = dataclasses.replace(plan, track_plans=(plan.track_plans[0], boxed))
    clip = SimpleNamespace(read_indices=lambda _: iter(()), find_cheap_indices=lambda: np.zeros(0, np.int64))
    plan = performer_appearance.add_appearance(plan, clip, range(40), [range(40)])
    assert (seen, plan.appearances) == ([], {})


def test_where_a_crop_shows_the_frame() -> None:
    matrix = np.array([[2.0, 0, 64], [0, 2.0, -60]])  # frame (-32, 30) to the crop's corner
    seen = performer_appearance.mask_in_frame((120, 90), matrix, FINE_PX)
    assert not seen[:, :63].any()
    assert not seen[120:].any()
    assert seen[2:116, 66:].all()
    assert performer_appearance.mask_in_frame(
        (500, 500), np.array([[2.0, 0, -60], [0, 2.0, -60]]), FINE_PX
    ).all()
