"""Working ahead in a thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from recaster.media import prefetch as module
from recaster.media.prefetch import prefetch
from recaster.processes.cpu_cores import assume_cores

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever machine this is."""
    monkeypatch.setattr(module, "cores", lambda: 2)


def test_on_one_core_items_are_made_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    made = []
    closed = []

    def numbers() -> Iterator[int]:
        try:
            for i in range(20):
                made.append(threading.get_ident())
                yield i
        finally:
            closed.append(True)

    with assume_cores(1):
        stream = prefetch(numbers(), 3)
        assert [next(stream), next(stream)] == [0, 1]
        assert made == [threading.get_ident()] * 2
        stream.close()
        assert closed
        assert list(prefetch(range(20), 3)) == list(range(20))


def test_items_pass_in_order_and_are_made_in_another_thread() -> None:
    threads = set()

    def numbers() -> Iterator[int]:
        for i in range(20):
            threads.add(threading.get_ident())
            yield i

    assert list(prefetch(numbers(), 3)) == list(range(20))
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    assert list(prefetch([], 3)) == []


def test_no_more_than_count_are_made_ahead() -> None:
    made = []

    def numbers() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    stream = prefetch(numbers(), 4)
    for _ in range(10):
        next(stream)
    stream.close()
    assert 10 <= len(made) <= 14


def test_errors_come_out_where_the_item_would() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    stream = prefetch(failing(), 3)
    assert next(stream) == 1
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_closed_early_it_makes_no_more() -> None:
    made = []
    going = threading.Event()

    def numbers() -> Iterator[int]:
        for i in range(100):
            if i > 1:
                going.wait(10)
            made.append(i)
            yield i

    stream = prefetch(numbers(), 20)
    next(stream)
    threading.Timer(0.2, going.set).start()
    stream.close()
    assert len(made) <= 3


def test_closed_early_it_closes_what_it_is_fed_by() -> None:
    closed = []

    def numbers() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    stream = prefetch(prefetch(numbers(), 2), 2)
    assert next(stream) == 0
    stream.close()
    assert closed == [True]
