"""Prefetching: stages of a pipeline run side by side, for they mostly wait outside of Python.

Where a process has one core, its threads would only wait for each other: that costs 5 % of a swap's time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from recaster.processes.cpu_cores import cores

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")
_END: Final = object()


def prefetch(items: Iterable[T], count: int) -> Generator[T]:
    """Passes ``items`` on unchanged, working on up to ``count`` of them ahead in a thread of its own.

    Where this process has but one core, they are made when they are asked for.

    What making an item raises is raised where the item is asked for. Closed early, it waits for the
    item in the making only.
    """
    iterator = iter(items)
    if cores() == 1:
        try:
            yield from iterator
        finally:
            if isinstance(iterator, Generator):
                iterator.close()
        return
    thread = ThreadPoolExecutor(max_workers=1)
    try:
        made = deque(thread.submit(next, iterator, _END) for _ in range(count))
        while (item := made.popleft().result()) is not _END:
            made.append(thread.submit(next, iterator, _END))
            yield item  # type: ignore[misc]  # not the end, so an item
    finally:
        try:
            thread.shutdown(cancel_futures=True)
        finally:
            if isinstance(iterator, Generator):  # it may have threads of its own
                iterator.close()
