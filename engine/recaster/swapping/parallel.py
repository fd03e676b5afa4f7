"""Rendering by several processes side by side: the threads of one share one Python, whatever the machine has.

Chunks depend on nothing but the clip and the plan, so it doesn't matter who renders which.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import tempfile
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2

from recaster.errors import OutputError
from recaster.processes.cpu_cores import cores
from recaster.processes.shared_arrays import attach_arrays, share_arrays
from recaster.processes.spawn import follow_pool_owner
from recaster.swapping.stage_timer import StageTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recaster.swapping.render_spec import RenderSpec
    from recaster.swapping.swapper import Swapper

MOST: Final = 8
CORES_EACH: Final = 2
"""Cores that a process keeps busy."""
MEMORY_EACH: Final = 3 << 30
"""Bytes of memory that there have to be for each: frames of a 4K clip take half of it."""
CHUNKS_EACH: Final = 4
"""Chunks of a piece at least: at either end of a piece, frames are painted for their neighbours' sake."""
PIECES_EACH: Final = 3
"""Pieces for each process, so that none waits long for the last."""
LOOK_S: Final = 0.3
"""Seconds between two looks at how far they are."""


def choose_process_count(missing: Sequence[range], chunk: int) -> int:
    """How many processes render so many frames well on this machine; 1 for this one alone."""
    chunks = sum(-(-len(run) // chunk) for run in missing)
    memory = _memory() // MEMORY_EACH
    return max(1, min(MOST, cores() // CORES_EACH, memory, chunks // (2 * CHUNKS_EACH)))


def split_runs(missing: Sequence[range], chunk: int, processes: int) -> list[range]:
    """Runs of missing frames in pieces of whole chunks, a few for each process."""
    chunks = sum(-(-len(run) // chunk) for run in missing)
    length = chunk * max(CHUNKS_EACH, -(-chunks // (processes * PIECES_EACH)))
    return [
        range(start, min(start + length, run.stop))
        for run in missing
        for start in range(run.start, run.stop, length)
    ]


def render_in_parallel(
    rendering: RenderSpec,
    runs: Sequence[range],
    again: Callable[[], Swapper],
    processes: int,
    tick: Callable[[int], None],
) -> dict[str, float]:
    """Render runs of frames in processes.

    Args:
        rendering: what is to be rendered.
        runs: ranges of whole chunks.
        again: makes the swapper there; can be pickled.
        processes: how many.
        tick: told every now and then how many frames were rendered since the last time.

    Returns:
        Seconds by stage, as if one process had done all the work of its share.

    Raises:
        RecasterError: as ``RenderSpec.run``.
        OutputError: a process died.
    """
    context = multiprocessing.get_context("spawn")  # not a fork: threads and drivers don't outlive one
    done, stop = context.Value("q", 0), context.Event()
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="recaster-") as folder:
        share_arrays((rendering, again), Path(folder))
        executor = ProcessPoolExecutor(processes, context, _begin, (folder, done, stop))
        try:
            futures = [executor.submit(_render, run) for run in runs]
            _watch(futures, lambda: int(done.value), tick)
            for future in futures:
                for name, spent in future.result().items():
                    seconds[name] = seconds.get(name, 0.0) + spent / processes
        except BrokenProcessPool:
            raise OutputError(
                "a process that renders died (is there memory enough?); run the same command again to go on"
            ) from None
        finally:
            stop.set()
            executor.shutdown(wait=True, cancel_futures=True)
    return seconds


def _watch(
    futures: Sequence[Future[dict[str, float]]], done: Callable[[], int], tick: Callable[[int], None]
) -> None:
    """Tell how far they are until all have ended, or one with an error."""
    told, waiting = 0, set(futures)
    while waiting:
        ended, waiting = wait(waiting, LOOK_S, FIRST_EXCEPTION)
        now = done()
        if now > told:
            tick(now - told)
            told = now
        if any(one.exception() is not None for one in ended):
            return


_here: list[Any] = []
"""In a process that renders: what, who paints, how many frames are done, and whether to stop."""


class _Stopped(Exception):  # noqa: N818 - nobody is told of it
    """The one that this process works for has ended."""


def _begin(folder: str, done: Any, stop: Any) -> None:
    follow_pool_owner()
    cv2.setNumThreads(1)
    rendering, again = attach_arrays(Path(folder))
    _here[:] = [rendering, again(), done, stop]


def _render(run: range) -> dict[str, float]:
    rendering, swapper, done, stop = _here
    watch = StageTimer()

    def tick() -> None:
        if stop.is_set():
            raise _Stopped
        with done.get_lock():
            done.value += 1

    with contextlib.suppress(_Stopped):
        rendering.run(run, swapper, watch, tick)
    return watch.seconds


def _memory() -> int:
    """Bytes of memory that this machine has; enough where it doesn't say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return MOST * MEMORY_EACH
