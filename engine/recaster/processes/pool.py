"""Work of one kind, shared out among processes of this machine: with progress, and ended early.

The threads of one process share one Python; so what takes long is done by several.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import tempfile
import threading
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from recaster.errors import OutputError
from recaster.processes.cpu_cores import assume_cores, cores
from recaster.processes.shared_arrays import attach_arrays, share_arrays
from recaster.processes.spawn import follow_pool_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")

MAX_PROCESSES: Final = 32
POLL_S: Final = 0.3
_CONTAINER_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
_main_file = threading.Lock()


def limit_processes(useful: int, cores_each: int, memory_each: int) -> int:
    """Limits a number of processes to what this machine's cores and memory (bytes) are enough for; from 1."""
    return max(1, min(useful, MAX_PROCESSES, cores() // cores_each, memory_bytes() // memory_each))


def memory_bytes() -> int:
    """Bytes of memory that this machine, or container, has; enough for anything where it doesn't say."""
    try:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        machine = 1 << 62
    try:
        return min(machine, int(_CONTAINER_LIMIT.read_text()))
    except (OSError, ValueError):  # none, or "max"
        return machine


def run_in_processes(
    prepare: Callable[[Any], Any],
    work: Callable[[Any, T, Callable[[], None]], R],
    shared: Any,
    items: Sequence[T],
    processes: int,
    tick: Callable[[int], None],
) -> list[R]:
    """Does work on every item, in processes of this program.

    Args:
        prepare: makes of ``shared`` what a process needs for all of its work.
        work: is given that, an item, and what it calls whenever it has come one further.
        shared: can be pickled; its arrays are mapped, not copied.
        tick: told every now and then by how much all have come further since the last time.

    Returns:
        What ``work`` returned for each item, in their order.

    Raises:
        OutputError: a process died. What ``work`` raises is raised here, too, and ends the others.
    """
    context = multiprocessing.get_context("spawn")  # not a fork: threads and drivers don't outlive one
    done = context.Value("q", 0)
    stop = context.Event()
    with tempfile.TemporaryDirectory(prefix="recaster-") as folder:
        share_arrays((prepare, work, shared), Path(folder))
        own_cores = cores() // processes
        executor = ProcessPoolExecutor(processes, context, _init_process, (folder, done, stop, own_cores))
        try:
            with without_main_file():
                futures = [executor.submit(_work_on, item) for item in items]
            _report_until_done(futures, lambda: int(done.value), tick)
            for future in futures:  # one that failed ends the others, also those that come before it
                if future.done():
                    future.result()
            return [future.result() for future in futures]
        except BrokenProcessPool:
            raise OutputError(
                "a process of this work died (is there memory enough?); run the same command again to go on"
            ) from None
        finally:
            stop.set()  # those that still work end with their next step
            executor.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def without_main_file() -> Iterator[None]:
    """Starts processes that don't run the program's main file again.

    They need nothing of it, and a script without the guard that multiprocessing asks for would begin its own
    work once more in each of them.
    """
    main = sys.modules["__main__"]
    with _main_file:
        before = {
            name: value for name in ("__file__", "__spec__") if (value := vars(main).get(name)) is not None
        }
        for name in before:
            setattr(main, name, None)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(main, name, value)


def _report_until_done(
    futures: Sequence[Future[Any]], done: Callable[[], int], tick: Callable[[int], None]
) -> None:
    """Reports how far the processes are until all have ended, or one with an error."""
    reported = 0
    waiting = set(futures)
    while waiting:
        ended, waiting = wait(waiting, POLL_S, FIRST_EXCEPTION)
        now = done()
        if now > reported:
            tick(now - reported)
            reported = now
        if any(future.exception() is not None for future in ended):
            return


_process_state: list[Any] = []
"""In a process of a pool: the work, what it needs, how much is done, whether to stop, and its cores."""


class _Stopped(Exception):  # noqa: N818 - it reaches nobody
    """The process that this one works for has ended."""


def _init_process(folder: str, done: Any, stop: Any, own_cores: int) -> None:
    follow_pool_owner()
    prepare, work, shared = attach_arrays(Path(folder))
    with assume_cores(own_cores):
        _process_state[:] = [work, prepare(shared), done, stop, own_cores]


def _work_on(item: Any) -> Any:
    work, prepared, done, stop, own_cores = _process_state

    def tick() -> None:
        if stop.is_set():
            raise _Stopped
        with done.get_lock():
            done.value += 1

    with contextlib.suppress(_Stopped), assume_cores(own_cores):
        return work(prepared, item, tick)
    return None  # nobody waits for it
