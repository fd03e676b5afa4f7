"""Refused calls in the log: the first of each client in a minute, with how many came before it."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("recaster.service")

WINDOW_S: Final = 60.0
MAX_PEERS: Final = 1000
"""Clients that are told apart; more of them share one line."""
OTHERS: Final = "others"


class RefusalLog:
    """Counts calls that are refused."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.counts: Counter[str] = Counter()
        """By reason."""
        self._said: dict[str, tuple[float, int]] = {}  # when each was last told of, and how many since

    def note(self, reason: str, peer: str) -> None:
        """A call was refused, of a client at this address as gRPC writes it."""
        self.counts[reason] += 1
        host = re.sub(r":\d+$", "", peer)  # a connection's port says nothing
        now = self._now()
        if host not in self._said and len(self._said) >= MAX_PEERS:
            self._said = {name: one for name, one in self._said.items() if now - one[0] < WINDOW_S}
            if len(self._said) >= MAX_PEERS:
                host = OTHERS
        last, since = self._said.get(host, (now - WINDOW_S, 0))
        if now - last < WINDOW_S:
            self._said[host] = (last, since + 1)
            return
        self._said[host] = (now, 0)
        details = {"reason": reason, "peer": host, "unsaid": since, "in_all": self.counts.total()}
        log.warning("a call was refused", extra=details)
