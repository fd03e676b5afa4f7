"""Rendering of missing segments, in this process or in several: the threads of one share one Python.

Segments depend on nothing but the clip and the plan, so it doesn't matter which process renders which.
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
from recaster.progress import Report, Update
from recaster.swapping.stage_timer import StageTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recaster.swapping.load import CastFactory, SwapperFactory
    from recaster.swapping.render_spec import RenderSpec
    from recaster.swapping.request import SwapRequest

MAX_PROCESSES: Final = 8
CORES_PER_PROCESS: Final = 2
"""Cores that a process keeps busy."""
MEMORY_PER_PROCESS_BYTES: Final = 3 << 30
"""Frames of a 4K clip take half of it."""
MIN_SEGMENTS_PER_RUN: Final = 4
"""At either end of a run, frames are painted for their neighbours' sake."""
RUNS_PER_PROCESS: Final = 3
"""So that none waits long for the last."""
POLL_S: Final = 0.3


def choose_process_count(missing: Sequence[range], size: int) -> int:
    """Chooses how many processes render so many frames well on this machine; 1 for this one alone."""
    segments = _count_segments(missing, size)
    memory = _memory() // MEMORY_PER_PROCESS_BYTES
    useful = segments // (2 * MIN_SEGMENTS_PER_RUN)
    return max(1, min(MAX_PROCESSES, cores() // CORES_PER_PROCESS, memory, useful))


def _count_segments(missing: Sequence[range], size: int) -> int:
    return sum(-(-len(run) // size) for run in missing)


def split_runs(missing: Sequence[range], size: int, processes: int) -> list[range]:
    """Splits runs of missing frames into shorter ones of whole segments, a few for each process."""
    segments = _count_segments(missing, size)
    length = size * max(MIN_SEGMENTS_PER_RUN, -(-segments // (processes * RUNS_PER_PROCESS)))
    return [
        range(start, min(start + length, run.stop))
        for run in missing
        for start in range(run.start, run.stop, length)
    ]


def render_missing(spec: RenderSpec, request: SwapRequest, timer: StageTimer, report: Report) -> int:
    """Renders the segments that are missing: here, or in several processes where that is allowed and pays.

    Returns how many frames were there already; OutputError if a process died.
    """
    missing = spec.cache.find_missing()
    resumed = len(spec.frames) - sum(map(len, missing))
    done = resumed

    def tick(frames: int = 1) -> None:
        nonlocal done
        done += frames
        report(Update("swapping", done, len(spec.frames)))

    size = spec.settings.chunk
    factory = request.factory
    processes = 1 if factory is None else request.processes or choose_process_count(missing, size)
    if factory is None or processes == 1:
        for run in missing:
            spec.render(run, request.swapper, timer, tick)
    else:
        runs = split_runs(missing, size, processes)
        timer.add(render_in_parallel(spec, runs, factory, processes, tick))
    return resumed


def render_in_parallel(
    spec: RenderSpec,
    runs: Sequence[range],
    factory: SwapperFactory | CastFactory,
    processes: int,
    tick: Callable[[int], None],
) -> dict[str, float]:
    """Renders runs of frames (ranges of whole segments) in processes.

    Args:
        tick: told every now and then how many frames were rendered since the last time.

    Returns:
        Seconds by stage, as if one process had done all the work of its share.
    """
    context = multiprocessing.get_context("spawn")  # not a fork: threads and drivers don't outlive one
    done = context.Value("q", 0)
    stop = context.Event()
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="recaster-") as folder:
        share_arrays((spec, factory), Path(folder))
        executor = ProcessPoolExecutor(processes, context, _init_process, (folder, done, stop))
        try:
            futures = [executor.submit(_render_run, run) for run in runs]
            _report_until_done(futures, lambda: int(done.value), tick)
            for future in futures:
                for name, spent in future.result().items():
                    seconds[name] = seconds.get(name, 0.0) + spent / processes
        except BrokenProcessPool:
            raise OutputError(
                "a process that renders died (is there memory enough?); run the same command again to go on"
            ) from None
        finally:
            stop.set()  # processes that still render end with their frame
            executor.shutdown(wait=True, cancel_futures=True)
    return seconds


def _report_until_done(
    futures: Sequence[Future[dict[str, float]]], done: Callable[[], int], tick: Callable[[int], None]
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
"""In a process that renders: the spec, the swapper, how many frames are done, and whether to stop."""


class _Stopped(Exception):  # noqa: N818 - it reaches nobody
    """The process that this one works for has ended."""


def _init_process(folder: str, done: Any, stop: Any) -> None:
    follow_pool_owner()
    cv2.setNumThreads(1)
    spec, factory = attach_arrays(Path(folder))
    _process_state[:] = [spec, factory.make(), done, stop]


def _render_run(run: range) -> dict[str, float]:
    spec, swapper, done, stop = _process_state
    timer = StageTimer()

    def tick() -> None:
        if stop.is_set():
            raise _Stopped
        with done.get_lock():
            done.value += 1

    with contextlib.suppress(_Stopped):
        spec.render(run, swapper, timer, tick)
    return timer.seconds


def _memory() -> int:
    """Bytes of memory that this machine has; enough where it doesn't say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return MAX_PROCESSES * MEMORY_PER_PROCESS_BYTES
