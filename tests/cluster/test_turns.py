"""Turns of long work with work that finds no place."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from recaster.cluster import turns
from recaster.cluster.turns import ASK_INTERVAL_S, PATIENCE_S, PAUSE_S, TURN_S, Turns
from recaster.processes import throttle


class World:
    """A clock, others who may starve, and what they are told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.others_starve = False
        self.told: list[bool] = []
        self.set_starving = SimpleNamespace(remote=self.told.append)

    def monotonic(self) -> float:
        return self.now

    def ask(self, driver: str) -> bool:
        assert driver == "own"
        return self.others_starve


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(turns, "time", made)
    monkeypatch.setattr(throttle, "time", made)
    monkeypatch.setattr(turns, "is_anybody_starving", made.ask)
    return made


def test_others_hear_of_work_that_finds_no_place(world: World) -> None:
    own = Turns("own", world)
    for seconds in (0, PATIENCE_S - 1):
        world.now = 1000 + seconds
        own.note(is_on_a_node=False, is_waiting=True)
    assert world.told == []
    for _ in range(2):
        world.now += 2
        own.note(is_on_a_node=False, is_waiting=True)
    assert world.told == [True]
    own.note(is_on_a_node=True, is_waiting=False)
    assert world.told == [True, False]


def test_long_work_leaves_after_its_turn_where_others_find_no_place(world: World) -> None:
    own = Turns("own", world)
    own.note(is_on_a_node=True, is_waiting=False)
    world.others_starve = True
    world.now += TURN_S - 1
    assert not own.is_over()
    world.now += 1
    assert own.is_over()
    own.note(is_on_a_node=False, is_waiting=False)
    assert own.is_to_wait()
    world.others_starve = False
    world.now += ASK_INTERVAL_S
    assert not own.is_to_wait()
    own.note(is_on_a_node=True, is_waiting=False)
    world.others_starve = True
    world.now += TURN_S - 1
    assert not own.is_over()  # a new turn


def test_long_work_stays_where_nobody_waits_and_waits_for_nobody_for_ever(world: World) -> None:
    own = Turns("own", world)
    own.note(is_on_a_node=True, is_waiting=False)
    world.now += 2 * TURN_S
    assert not own.is_over()
    assert not own.is_to_wait()
    world.others_starve = True
    world.now += ASK_INTERVAL_S
    assert own.is_over()
    world.now += PAUSE_S - 1
    assert own.is_to_wait()
    world.now += 1
    assert not own.is_to_wait()
