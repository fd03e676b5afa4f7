"""Turns of long work, which keeps its place on a node for hours, with work that finds none meanwhile."""

from __future__ import annotations

import time
from typing import Any, Final

from recaster.cluster.ray_tasks import is_anybody_starving
from recaster.processes.throttle import Throttle

PATIENCE_S: Final = 30.0
"""So long nothing of a driver's work may be on a node before long work of others gives way."""
TURN_S: Final = 600.0
"""Long work gives way after so long; to build it again takes a minute."""
PAUSE_S: Final = 120.0
"""So long at most it waits until others have found the place that it left."""
ASK_INTERVAL_S: Final = 10.0


class Turns:
    """Turns of one driver.

    Args:
        progress: the driver's ``Progress``, where others ask.
    """

    def __init__(self, driver: str, progress: Any) -> None:
        self._driver = driver
        self._progress = progress
        self._waits_since: float | None = None
        self._is_starving = False
        self._began_at: float | None = None
        self._left_at: float | None = None
        self._asking = Throttle(ASK_INTERVAL_S)
        self._is_asked_for = False

    def note(self, *, is_on_a_node: bool, is_waiting: bool) -> None:
        """Notes whether any of the work is on a node, or all that is begun waits for a place."""
        now = time.monotonic()
        self._began_at = (self._began_at or now) if is_on_a_node else None
        self._waits_since = (self._waits_since or now) if is_waiting else None
        is_starving = self._waits_since is not None and now - self._waits_since >= PATIENCE_S
        if is_starving != self._is_starving:
            self._is_starving = is_starving
            self._progress.set_starving.remote(is_starving)

    def is_over(self) -> bool:
        """Tells whether long work has had its turn, and others find no place; then that begins anew."""
        if self._began_at is None or time.monotonic() - self._began_at < TURN_S or not self._ask():
            return False
        self._began_at = None
        self._left_at = time.monotonic()
        return True

    def is_to_wait(self) -> bool:
        """Tells whether long work should leave its place to others for a while yet."""
        if self._left_at is None or time.monotonic() - self._left_at >= PAUSE_S:
            return False
        return self._ask()

    def _ask(self) -> bool:
        if self._asking.is_due():
            self._is_asked_for = is_anybody_starving(self._driver)
        return self._is_asked_for
