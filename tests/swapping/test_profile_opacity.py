"""A head that turns away gets its own face back, softly."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.faces import pose, topology
from recaster.media.types import Frame
from recaster.settings.look import LookSettings
from recaster.settings.swap import SwapSettings
from recaster.swapping.guided import HANDOVER_S, HANDOVER_YAW_DEG, profile_opacity
from recaster.swapping.render import Renderer
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = 25


def heads(yaws: np.ndarray) -> np.ndarray:
    """(T, 478, 3): meshes of heads turned by so many degrees, as far as a pose is read from them."""
    turn = np.deg2rad(-yaws)
    zero = np.zeros_like(turn)
    one = np.ones_like(turn)
    rows = [[np.cos(turn), zero, np.sin(turn)], [zero, one, zero], [-np.sin(turn), zero, np.cos(turn)]]
    points = np.zeros((len(yaws), topology.POINTS, 3))
    points[:, topology.STABLE] = pose._FRONTAL @ np.moveaxis(np.array(rows), 2, 0).swapaxes(1, 2) * 100
    assert pose.head_poses(points)[:, 0] == pytest.approx(yaws, abs=0.1)
    return points


def shown(yaws: np.ndarray) -> np.ndarray:
    return profile_opacity(heads(yaws), np.arange(len(yaws)) / RATE)


@pytest.mark.parametrize("side", [-1, 1])
def test_a_face_goes_softly_as_its_head_turns_away_and_comes_back_so(side: int) -> None:
    yaws = side * 80 * np.sin(np.linspace(0, np.pi, 100)) ** 2
    shares = shown(yaws)
    assert (shares[np.abs(yaws) > HANDOVER_YAW_DEG[1]] == 0).all()
    assert (shares[np.abs(yaws) < HANDOVER_YAW_DEG[0] - 15] == 1).all()
    assert np.abs(np.diff(shares)).max() <= 1 / (HANDOVER_S * RATE) + 1e-9
    assert shares == pytest.approx(shares[::-1])
    assert (np.diff(shares[:50]) <= 0).all()


def test_a_head_that_whips_round_is_handed_over_as_slowly() -> None:
    shares = shown(np.r_[np.zeros(30), np.full(30, 85.0)])
    assert (shares[30:] == 0).all()
    assert np.abs(np.diff(shares)).max() <= 1 / (HANDOVER_S * RATE) + 1e-9
    assert (shares[:19] == 1).all()


def test_heads_that_talk_and_nod_are_shown_whole_and_so_are_faces_without_a_pose() -> None:
    assert (shown(40 * np.sin(np.arange(200) / 9)) == 1).all()
    assert (profile_opacity(np.zeros((4, 68, 3)), np.arange(4.0)) == 1).all()


def test_what_is_shown_in_part_is_blended_and_what_is_not_shown_is_the_frame(fake: Any) -> None:
    settings = SwapSettings(look=LookSettings(colour="none"))
    plan = SwapPlan.of([fake.track(range(3))], fake.FakeSwapper(), settings)
    track_plan = dataclasses.replace(plan.track_plans[0], opacities=np.array([1.0, 0.5, 0.0]))

    class Swapper(fake.FakeSwapper):
        def plan(self, *_: Any) -> Any:
            return track_plan

    def read(start: int, stop: int) -> Iterator[Frame]:
        for index in range(start, stop):
            yield Frame(index, index, Fraction(index, RATE), fake.picture(index))

    swapper = Swapper()
    plan = SwapPlan.of([fake.track(range(3))], swapper, settings)
    whole, half, none = Renderer(plan, swapper, settings, StageTimer()).render(read, range(3), range(3))
    assert whole.matte.max() == 255
    assert half.matte.max() == 128
    assert np.array_equal(none.image, fake.picture(2))
    assert not none.matte.any()
