"""Progress of long work: updates, and those who listen to them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Update(NamedTuple):
    """One report of long work.

    Attributes:
        stage: what is being done, a verb in the present participle ("analysing").
        total: units in all; None where unknown.
        unit: what is counted ("frames", "steps", "seconds").
        detail: anything worth showing beside the count ("loss 0.12").
    """

    stage: str
    done: float
    total: float | None
    unit: str = "frames"
    detail: str = ""


Report = Callable[[Update], None]
"""Called with every update; must be cheap and must not raise."""
LogLine = Callable[[str, str], None]
"""Called with a level ("info", "warning") and one line for people."""

_listeners: list[Callable[[], None]] = []
_note_listeners: list[Callable[[str], None]] = []


def step() -> None:
    """Tells listeners that silent work has come a step further: another frame, another piece of a file.

    Long loops call it, so that whoever watches a process tells long work from work that stands still.
    """
    for listener in _listeners:
        listener()


def on_step(listener: Callable[[], None]) -> None:
    """Calls ``listener``, from any thread, with every ``step`` of this process."""
    _listeners.append(listener)


def note(line: str) -> None:
    """Tells listeners, in a line for people, what work waits for."""
    for listener in _note_listeners:
        listener(line)


@contextlib.contextmanager
def hear_notes(listener: Callable[[str], None]) -> Iterator[None]:
    """Calls ``listener``, from any thread, with every ``note`` of this process while the block lasts."""
    _note_listeners.append(listener)
    try:
        yield
    finally:
        _note_listeners.remove(listener)


def silent(update: Update) -> None:
    """Drops an update."""


def no_log(level: str, line: str) -> None:
    """Drops a line of the log."""


def clock(seconds: float) -> str:
    """Formats ``seconds`` as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
