"""Executors that tell what they are asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2

from recaster.cluster.node import OUTPUT
from recaster.cluster.packing import pack_value, unpack_value
from recaster.processes.executor import LocalExecutor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from recaster.processes.executor import Work


class NotingExecutor(LocalExecutor):
    """Processes of this machine; notes kinds of work, and how many processes each had."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def run(self, work: Work, items: Sequence[Any], count: int, tick: Callable[[int], None]) -> list[Any]:
        self.asked.append((json.loads(work.name)[0], count))
        return super().run(work, items, count, tick)


class TravellingExecutor:
    """A node within this process: all that it gets has been packed and unpacked; notes the bytes of items."""

    is_local = False

    def __init__(self) -> None:
        self.packed: dict[str, list[int]] = {}

    def limit(self, *_: int, **__: int) -> int:
        return 1

    def run(self, work: Work, items: Sequence[Any], _count: int, tick: Callable[[int], None]) -> list[Any]:
        prepare, do, shared = _send((work.prepare, work.do, work.shared), {OUTPUT: work.folder})
        threads = cv2.getNumThreads()
        prepared = prepare(shared)
        assert len({work.key(item) for item in items}) == len(items)
        packed = [pack_value(item, {}) for item in items]
        self.packed[json.loads(work.name)[0]] = [len(each) for each in packed]
        results = [do(prepared, unpack_value(each, {}), lambda: tick(1)) for each in packed]
        cv2.setNumThreads(threads)
        return results


def _send(value: Any, places: Mapping[str, Path]) -> Any:
    return unpack_value(pack_value(value, places), places)
