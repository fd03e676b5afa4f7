"""Plans of all tracks of a swap, made in this process or in several.

A track's plan depends on nothing but the track and the swapper. It costs half a millisecond a frame, and one
for each of the first two hundred, of which its performer's neutral shape is learned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2

from recaster.processes.pool import limit_processes, run_in_processes
from recaster.swapping.casting import CastSwapper, swapper_of
from recaster.swapping.corrected_plan import plan_track

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recaster.faces.types import Analysis, FaceTrack
    from recaster.settings.detection import Smoothing
    from recaster.settings.look_course import LookCourse
    from recaster.swapping.load import CastFactory, SwapperFactory
    from recaster.swapping.swapper import Swapper, TrackPlan

    Plans = tuple[TrackPlan, TrackPlan | None]

MAX_SENT_FRAMES: Final = 2000
"""Of a track that another process plans: its plan comes back by a pipe, 23 kB a frame."""
MIN_FRAMES_PER_PROCESS: Final = 4000
"""A process takes as long to start, and to load a likeness, as to plan two thousand."""
_MEMORY_BYTES: Final = 1 << 30


class PlannedTrack(NamedTuple):
    """A track to plan.

    Attributes:
        role: number of the role whose swapper plans it.
        uncorrected: the analysis as found; None where nothing was corrected.
    """

    track: FaceTrack
    role: int
    course: LookCourse
    uncorrected: Analysis | None


def plan_tracks(
    tracks: Sequence[PlannedTrack],
    swapper: Swapper | CastSwapper,
    smoothing: Smoothing,
    factory: SwapperFactory | CastFactory | None = None,
    processes: int | None = 1,
) -> list[Plans]:
    """Plans tracks, as ``plan_track``; however many processes do, the result is the same.

    Args:
        factory: makes the swapper in other processes; None plans all here.
        processes: how many plan at most; None for as many as pay.

    Raises:
        UsageError: as the swapper's.
        OutputError: a process died.
    """
    sent = [each for each in tracks if _can_be_sent(each)] if factory is not None else []
    useful = min(len(sent), sum(len(each.track) for each in sent) // MIN_FRAMES_PER_PROCESS)
    count = limit_processes(useful, 1, _MEMORY_BYTES) if processes is None else min(processes, useful)
    planned: dict[int, Plans] = {}
    if count > 1:
        made = run_in_processes(_prepare, _plan, (factory, smoothing), sent, count, lambda _: None)
        planned = {id(each): plans for each, plans in zip(sent, made, strict=True)}
    return [planned.get(id(each)) or _plan((swapper, smoothing), each) for each in tracks]


def _can_be_sent(each: PlannedTrack) -> bool:
    return each.uncorrected is None and len(each.track) <= MAX_SENT_FRAMES


def _prepare(shared: Any) -> Any:
    cv2.setNumThreads(1)
    factory, smoothing = shared
    return factory.make(), smoothing


def _plan(prepared: Any, each: PlannedTrack, tick: Callable[[], None] = lambda: None) -> Plans:
    swapper, smoothing = prepared
    tick()  # which ends this process where nobody waits for it any more
    return plan_track(each.track, each.uncorrected, swapper_of(swapper, each.role), smoothing, each.course)
