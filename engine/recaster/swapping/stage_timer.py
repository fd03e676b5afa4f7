"""Wall time of the stages of a swap."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

T = TypeVar("T")


class StageTimer:
    """Adds up wall time by the name of what was done."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by name, in the order that the names were first used."""
        return dict(self._seconds)

    @contextlib.contextmanager
    def timing(self, name: str) -> Iterator[None]:
        """Counts the block's time as ``name``."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] += time.perf_counter() - began

    def add(self, seconds: Mapping[str, float]) -> None:
        """Adds seconds that others counted."""
        for name, spent in seconds.items():
            self._seconds[name] += spent

    def each(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """Passes ``items`` on, counting the waiting for each of them as ``name``."""
        iterator = iter(items)
        while True:
            with self.timing(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item
