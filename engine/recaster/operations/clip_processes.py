"""Several clips in work at once, each by a process of its own.

Much of what is done for a clip keeps one core busy: counting its frames, planning, joining, signing. So a
cluster, or a machine of many cores, would idle meanwhile if there weren't other clips.
"""

from __future__ import annotations

import contextlib
import copyreg
import multiprocessing
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from recaster.api.v1 import job_pb2
from recaster.errors import ClipError, OutputError, UsageError
from recaster.operations.swap_batch import load_once, merge_errors
from recaster.processes.cpu_cores import cores, limit_cores
from recaster.processes.pool import POLL_S, limit_processes, without_main_file
from recaster.processes.spawn import follow_pool_owner, interrupt
from recaster.progress import Report, Update, no_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from multiprocessing.connection import Connection

    from recaster.media.clip import ClipFacts
    from recaster.operations.swap import Load, Request, Result
    from recaster.operations.swap_batch import Tally

    Setup = Callable[[], AbstractContextManager[None]]

MAX_CLUSTER_CLIPS: Final = 16
MEMORY_PER_CLIP_BYTES: Final = 4 << 30
"""Of a process that has one in work: its model, and the plan of an hour."""
MAX_NAMED: Final = 3


def _read_options(data: bytes) -> job_pb2.SwapOptions:
    options = job_pb2.SwapOptions()
    options.ParseFromString(data)
    return options


# Requests have them, and messages can't be pickled as they are.
copyreg.pickle(job_pb2.SwapOptions, lambda options: (_read_options, (options.SerializeToString(),)))


def choose_at_once(wanted: int | None, clips: int) -> int:
    """Chooses how many clips are in work at once, from 1; None for as many as a cluster's command has."""
    if wanted is not None:
        return min(wanted, clips)
    return limit_processes(min(clips, MAX_CLUSTER_CLIPS), 1, MEMORY_PER_CLIP_BYTES)


def share_cores(at_once: int) -> Setup:
    """Makes a setup that gives each process its share of this machine's cores, where these do the work."""
    return partial(limit_cores, max(1, cores() // at_once))


class ClipProcesses:
    """Processes that work on a clip at a time each; when the block ends, they are interrupted and end.

    Args:
        setup: is entered by each process, and left when it ends; can be pickled.
    """

    def __init__(self, count: int, setup: Setup) -> None:
        context = multiprocessing.get_context("spawn")
        self._said: Any = context.SimpleQueue()
        # Not an event: telling one waits for its listeners, also for those that have died.
        stop, self._lifeline = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(count, context, _init_process, (self._said, stop, setup))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._lifeline.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(
        self,
        work: Callable[[Any, Report], Any],
        items: Mapping[Path, Any],
        report: Callable[[Path, Update], None],
        end: Callable[[Path, Future[Any]], None],
    ) -> None:
        """Works on items by their clips.

        Args:
            work: is given an item, and what it reports to; can be pickled.
            end: is told what became of an item, as soon as that is known.

        Raises:
            OutputError: a process died. Others: as ``end``.
        """
        clips = list(items)
        with without_main_file():
            futures = {
                self._pool.submit(_work_on, work, number, item): clips[number]
                for number, item in enumerate(items.values())
            }
        waiting = set(futures)
        while waiting:
            ended, waiting = wait(waiting, POLL_S, FIRST_COMPLETED)
            while not self._said.empty():
                number, update = self._said.get()
                report(clips[number], update)
            for future in sorted(ended, key=lambda each: clips.index(futures[each])):
                if isinstance(future.exception(), BrokenProcessPool):
                    raise OutputError(
                        "a process that worked on a clip died (is there memory enough? --at-once says how "
                        "many there are); run the same command again to go on"
                    )
                end(futures[future], future)


class _State(NamedTuple):
    """All that a process knows of the one that it works for, and of its own work."""

    said: Any
    setup: Setup
    stopped: threading.Event
    working: threading.Event
    stack: contextlib.ExitStack
    loads: list[Load]


_state: list[_State] = []


def _init_process(said: Any, stop: Connection, setup: Setup) -> None:
    follow_pool_owner()
    state = _State(said, setup, threading.Event(), threading.Event(), contextlib.ExitStack(), [])
    _state[:] = [state]

    def end_work(_number: int, _frame: object) -> None:
        # A terminal's Ctrl-C reaches this process, too, which ends its work when its owner says so.
        if state.stopped.is_set() and state.working.is_set():
            raise KeyboardInterrupt

    def follow_stop() -> None:
        with contextlib.suppress(EOFError, OSError):
            stop.recv()  # until its other end is closed
        state.stopped.set()
        interrupt()

    signal.signal(signal.SIGINT, end_work)
    threading.Thread(target=follow_stop, daemon=True).start()
    Finalize(None, state.stack.close, exitpriority=10)


def _work_on(work: Callable[[Any, Report], Any], number: int, item: Any) -> Any:
    [state] = _state
    state.working.set()
    try:
        if state.stopped.is_set():
            raise KeyboardInterrupt
        if not state.loads:
            state.stack.enter_context(state.setup())
            state.loads.append(_make_load())
        return work(item, lambda update: state.said.put((number, update)))
    finally:
        state.working.clear()


def _make_load() -> Load:
    from recaster.operations import swap

    return load_once(swap.load_on_device)


class _SwapItem(NamedTuple):
    request: Request
    facts: ClipFacts
    again: bool


def _check_clip(request: Request, _report: Report) -> tuple[int, ClipFacts]:
    from recaster.operations import swap

    return swap.check(request), swap.open_clip(request).facts


def _swap_clip(item: _SwapItem, report: Report) -> Result | None:
    """Swaps; None where the result is there already."""
    from recaster.operations import swap

    load = _state[0].loads[0]
    item.facts.keep()
    if not item.again and swap.is_made(item.request, load):
        return None
    return swap.run(item.request, report, no_log, load=load)


class CheckedClips(NamedTuple):
    """Clips whose swaps can begin: the frames of their results, and what was found in them."""

    frames: Mapping[Path, int]
    facts: Mapping[Path, ClipFacts]


def check_at_once(
    processes: ClipProcesses, requests: Sequence[Request], tally: Tally, report: Report
) -> CheckedClips:
    """Checks requests, as ``swap_batch.check_batch``, several at once (UsageError)."""
    found: dict[Path, tuple[int, ClipFacts]] = {}
    faults: dict[Path, UsageError] = {}

    def end(clip: Path, future: Future[Any]) -> None:
        try:
            found[clip] = future.result()
        except UsageError as error:
            faults[clip] = error
        except ClipError as error:
            tally.fail(clip, error)
        done = len(found) + len(faults) + len(tally.failures)
        report(Update("checking", done, len(requests), "clips"))

    processes.run(_check_clip, {request.clip: request for request in requests}, lambda *_: None, end)
    order = [request.clip for request in requests]
    if faults:
        raise merge_errors([faults[clip] for clip in order if clip in faults])
    sound = [clip for clip in order if clip in found]
    return CheckedClips({clip: found[clip][0] for clip in sound}, {clip: found[clip][1] for clip in sound})


def swap_at_once(
    processes: ClipProcesses,
    requests: Sequence[Request],
    tally: Tally,
    checked: CheckedClips,
    report: Report,
    tell: Callable[[Request, Result | None], None],
    *,
    again: bool = False,
) -> None:
    """Swaps clips, as ``swap_batch.run_batch``, several at once; results are told as they come."""
    asked = {request.clip: request for request in requests if request.clip in checked.frames}
    progress = _Progress(report, checked.frames)

    def end(clip: Path, future: Future[Any]) -> None:
        progress.end(clip)
        with tally.collect(clip):
            result: Result | None = future.result()
            (tally.kept if result is None else tally.made).append(clip)
            tell(asked[clip], result)

    items = {clip: _SwapItem(request, checked.facts[clip], again) for clip, request in asked.items()}
    try:
        processes.run(_swap_clip, items, progress, end)
    finally:
        order = list(asked)
        tally.failures = dict(sorted(tally.failures.items(), key=lambda each: _place(order, each[0])))


def _place(order: list[Path], clip: Path) -> int:
    return order.index(clip) if clip in order else -1


class _Progress:
    """Progress of all clips in one line: frames that are swapped, and what is done with those in work."""

    def __init__(self, report: Report, frames: Mapping[Path, int]) -> None:
        self._report = report
        self._frames = frames
        self._last: dict[Path, Update] = {}
        self._ended = set[Path]()

    def end(self, clip: Path) -> None:
        """Notes that a clip has ended."""
        self._last.pop(clip, None)
        self._ended.add(clip)

    def __call__(self, clip: Path, update: Update) -> None:
        """Takes an update of a clip in work."""
        if clip in self._ended:
            return
        self._last[clip] = update
        done = sum(self._frames[each] for each in self._ended) + sum(self._count_swapped())
        named = [f"{each.name} {self._last[each].stage}" for each in self._frames if each in self._last]
        more = [f"{len(named) - MAX_NAMED} more"] if len(named) > MAX_NAMED else []
        clips = f"{len(self._ended)} of {len(self._frames)} clips done"
        detail = ", ".join([clips, *named[:MAX_NAMED], *more])
        self._report(Update("swapping", round(done), sum(self._frames.values()), detail=detail))

    def _count_swapped(self) -> Iterator[float]:
        for clip, update in self._last.items():
            if update.stage == "swapping" and update.total:
                yield self._frames[clip] * update.done / update.total
            elif update.stage == "signing":
                yield self._frames[clip]
