"""Choice of the frames in which the light on faces is measured."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.media.types import Frame
from recaster.settings.look import LookSettings
from recaster.settings.swap import SwapSettings
from recaster.swapping.light_course import find_measured
from recaster.swapping.render import Renderer
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = 8
EVEN = {(at, 0) for at in range(0, GROUP, 2)}


@pytest.fixture
def crop() -> np.ndarray:
    """A face with a dark and a light side."""
    across = np.linspace(60, 180, 64)
    return np.repeat(np.repeat(across[None, :, None], 64, 0), 3, 2).astype(np.uint8)


def lit(crop: np.ndarray, *gain: float) -> np.ndarray:
    return np.clip(crop * np.array(gain), 0, 255).astype(np.uint8)


def test_steady_light_is_measured_in_every_second_frame(crop: np.ndarray) -> None:
    assert find_measured([{0: crop}] * GROUP) == EVEN


@pytest.mark.parametrize("gain", [(1.3, 1.3, 1.3), (0.6, 0.6, 0.6), (1.15, 1.0, 0.8)])
@pytest.mark.parametrize("at", range(GROUP))
def test_a_flash_is_measured_and_so_are_the_frames_around_it(
    crop: np.ndarray, at: int, gain: tuple[float, ...]
) -> None:
    faces = [{0: crop} for _ in range(GROUP)]
    faces[at] = {0: lit(crop, *gain)}
    measured = find_measured(faces)
    assert {(near, 0) for near in range(at - 1, at + 2) if near in range(GROUP)} <= measured


def test_light_from_the_other_side_is_measured(crop: np.ndarray) -> None:
    faces = [{0: crop if at < 5 else crop[:, ::-1]} for at in range(GROUP)]
    assert {(4, 0), (5, 0), (6, 0)} <= find_measured(faces)


def test_what_moves_in_one_place_is_no_light(crop: np.ndarray) -> None:
    shut = crop.copy()
    shut[20:24, 16:24] //= 2
    measured = find_measured([{0: crop if at % 3 else shut} for at in range(GROUP)])
    assert measured - {(GROUP - 1, 0)} == EVEN  # what comes after the last one is not known


def test_the_first_frame_of_a_face_is_measured_whichever_it_is(crop: np.ndarray) -> None:
    faces = [{0: crop} if at == 7 else {} for at in range(GROUP)]
    assert find_measured(faces) == {(7, 0)}
    assert find_measured([{0: crop, 1: crop}, {1: crop}]) == {(0, 0), (0, 1)}


def test_frames_between_two_that_were_measured_look_as_if_they_had_been(
    fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SwapSettings(look=LookSettings(colour="light"), batch=GROUP)
    tracks = [fake.track(range(24))]
    plan = dataclasses.replace(SwapPlan.of(tracks, fake.FakeSwapper(), settings), appearances={})
    shade = fake.picture(0)

    def read(start: int, stop: int) -> Iterator[Frame]:
        for index in range(start, stop):
            brighter = (shade * (0.8 + 0.005 * index)).astype(np.uint8)
            yield Frame(index, index, Fraction(index, 25), brighter)

    counts = []

    def render(*, every: bool) -> list[np.ndarray]:
        def find(crops: Any) -> set[tuple[int, int]]:
            found = find_measured(crops)
            counts.append(len(found))
            return {(at, number) for at, faces in enumerate(crops) for number in faces} if every else found

        monkeypatch.setattr("recaster.swapping.render.find_measured", find)
        renderer = Renderer(plan, fake.FakeSwapper(), settings, StageTimer())
        return [item.image.astype(int) for item in renderer.render(read, range(24), range(24))]

    some = render(every=False)
    assert sum(counts) < 18
    for mine, theirs in zip(some, render(every=True), strict=True):
        assert np.abs(mine - theirs).max() <= 3
