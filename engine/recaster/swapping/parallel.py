"""Rendering of missing segments, in this process or by an executor.

Segments depend on nothing but the clip and the plan, so it doesn't matter which process renders which.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2

from recaster.processes.executor import LocalExecutor, Work, current_executor
from recaster.progress import Report, Update
from recaster.swapping.render_spec import RenderRun
from recaster.swapping.stage_timer import StageTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recaster.processes.executor import Executor
    from recaster.swapping.load import CastFactory, SwapperFactory
    from recaster.swapping.render_cache import RenderCache
    from recaster.swapping.render_spec import RenderSpec
    from recaster.swapping.request import SwapRequest

CORES_PER_PROCESS: Final = 1
"""Cores for each process: with two its threads, one for each stage, would keep one and a half busy."""
MEMORY_PER_PROCESS_BYTES: Final = 3 << 30
"""Frames of a 4K clip take half of it."""
MIN_SEGMENTS_PER_RUN: Final = 4
"""At either end of a run, frames are painted for their neighbours' sake: some 4 % of so many segments."""
RUNS_PER_PROCESS: Final = 2
"""So that none waits long for the last."""


def choose_count(executor: Executor, missing: Sequence[range], size: int) -> int:
    """Chooses how many runs of missing frames are well rendered at once; 1 for one after another."""
    useful = _count_segments(missing, size) // MIN_SEGMENTS_PER_RUN
    return executor.limit(useful, CORES_PER_PROCESS, MEMORY_PER_PROCESS_BYTES)


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


def group_segments(cache: RenderCache, missing: Sequence[range]) -> list[range]:
    """Groups missing segments to runs that begin and end at the same frames, however many are missing.

    So what a cluster has rendered of them is known again.
    """
    runs = []
    for first in range(0, len(cache.segments), MIN_SEGMENTS_PER_RUN):
        group = cache.segments[first : first + MIN_SEGMENTS_PER_RUN]
        within = range(group[0].start, group[-1].stop)
        parts = (range(max(run.start, within.start), min(run.stop, within.stop)) for run in missing)
        runs += [part for part in parts if part]
    return runs


def render_missing(
    spec: RenderSpec,
    request: SwapRequest,
    timer: StageTimer,
    report: Report,
    share: Sequence[range] | None = None,
) -> int:
    """Renders the segments that are missing: here, or by an executor where that is allowed and pays.

    Args:
        share: segments that are rendered here; all where None.

    Returns how many of their frames were there already; OutputError if a process died.
    """
    missing = spec.cache.find_missing(share)
    total = len(spec.frames) if share is None else sum(map(len, share))
    resumed = total - sum(map(len, missing))
    done = resumed

    def tick(frames: int = 1) -> None:
        nonlocal done
        done += frames
        report(Update("swapping", done, total))

    size = spec.settings.chunk
    factory = request.factory
    executor = LocalExecutor() if request.processes else current_executor()
    count = request.processes or choose_count(executor, missing, size)
    if factory is None or (count == 1 and executor.is_local):
        for run in missing:
            spec.render(run, request.swapper, timer, tick)
    else:
        runs: list[Any]
        if executor.is_local:
            runs = split_runs(missing, size, count)
            work = _describe_work(spec, request, factory)
        else:  # of a long clip the plan is gigabytes: each run takes along what it needs of it
            runs = [_PackedRun(spec, run) for run in group_segments(spec.cache, missing)]
            work = _describe_work(spec.without_faces(), request, factory)
        for spent in executor.run(work, runs, count, tick):
            # As if one process had done all the work of its share.
            timer.add({name: seconds / count for name, seconds in spent.items()})
    return resumed


class _PackedRun(NamedTuple):
    """Run of a render; pickled it is a ``RenderRun``."""

    spec: RenderSpec
    frames: range

    def __reduce__(self) -> tuple[Any, ...]:
        return RenderRun, tuple(self.spec.cut(self.frames))


def _describe_work(spec: RenderSpec, request: SwapRequest, factory: SwapperFactory | CastFactory) -> Work:
    """Describes the rendering of runs of frames for an executor."""
    description = ["render", request.describe_segments(), dict(spec.cache.products)]

    def key(packed: _PackedRun) -> str:
        whole, run = packed
        digests = [whole.digests[segment] for segment in whole.cache.select_segments(run)]
        return json.dumps([run.start, run.stop, digests])

    return Work(
        _prepare,
        _render_run,
        (spec, factory),
        spec.cache.folder,
        json.dumps(description, sort_keys=True),
        key,
        cores=CORES_PER_PROCESS,
        memory_bytes=MEMORY_PER_PROCESS_BYTES,
        clips=[spec.clip, *(mask.clip for mask in spec.plan.masks.clips.values())],
        inputs=factory.inputs,
    )


def _prepare(shared: Any) -> Any:
    cv2.setNumThreads(1)
    spec, factory = shared
    return spec, factory.make()


def _render_run(prepared: Any, run: range | RenderRun, tick: Callable[[], None]) -> dict[str, float]:
    spec, swapper = prepared
    timer = StageTimer()
    if isinstance(run, RenderRun):
        spec = spec.with_faces(run)
        run = run.frames
    spec.render(run, swapper, timer, tick)
    return timer.seconds
