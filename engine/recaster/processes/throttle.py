"""Limits on how often something is passed on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from recaster.progress import Report, Update

PROGRESS_S: Final = 0.2
"""Seconds between two reports of progress."""


class Throttle:
    """Lets something happen at most every ``interval_s`` seconds; the first time at once."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._last = -interval_s

    def is_due(self) -> bool:
        """True where it may happen now; then the next may an interval later."""
        now = time.monotonic()
        if now - self._last < self._interval_s:
            return False
        self._last = now
        return True

    def restart(self) -> None:
        """Counts from now on, since it happens now in any case."""
        self._last = time.monotonic()


def throttled(report: Report, interval_s: float = PROGRESS_S) -> Report:
    """Passes on at most one report of progress an interval, but for a stage's first and its end."""
    throttle = Throttle(interval_s)
    stage = ""

    def listen(update: Update) -> None:
        nonlocal stage
        is_over = update.total is not None and update.done >= update.total
        if is_over or update.stage != stage:
            throttle.restart()
        elif not throttle.is_due():
            return
        stage = update.stage
        report(update)

    return listen
