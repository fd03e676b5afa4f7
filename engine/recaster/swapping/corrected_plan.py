"""Plans of corrected tracks that differ from those of the tracks as found only near corrections.

A plan depends on all of its track: on the performer's neutral shape, and on what is smoothed over time. Left
alone, one moved point would change every frame of a shot a little, and all of it would be rendered anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces.track_pieces import find_changed_frames
from recaster.settings.look_course import PLAIN_COURSE, LookCourse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.faces.types import Analysis, FaceTrack, Floats
    from recaster.settings.detection import Smoothing
    from recaster.swapping.swapper import Swapper, TrackPlan

WHOLE_FRAMES: Final = 8
"""Distance from a corrected frame up to which the corrected track's own plan holds."""
REACH_FRAMES: Final = 32
"""Distance from which on the plan of the track as found holds: half of a rendered part, so that no more than
the neighbours of a corrected one are rendered anew. Of the slowest smoothing (of references' weights) less
than a thousandth is left there."""
MAX_CHANGED_SHARE: Final = 0.2
"""Share of a track's frames, or of the track's as found, that may be corrected; else it is another track: its
shape and usual look aren't those of the one that was found."""


def plan_track(
    track: FaceTrack,
    analysis: Analysis | None,
    swapper: Swapper,
    smoothing: Smoothing,
    course: LookCourse = PLAIN_COURSE,
) -> tuple[TrackPlan, TrackPlan | None]:
    """Plans a track; also returns the plan as found whose rows it has far from corrections, if it has one.

    Args:
        analysis: as found; None where nothing was corrected.
    """
    plan = swapper.plan(track, smoothing, course)
    found = next((each for each in analysis.tracks if each.track == track.track), None) if analysis else None
    if found is None or found is track:
        return plan, None
    changed = find_changed_frames(track, found)
    if len(changed) > MAX_CHANGED_SHARE * min(len(track), len(found)):
        return plan, None
    earlier = swapper.plan(found, smoothing, course)
    return _blend_plans(plan, earlier, changed), earlier


def _blend_plans(plan: TrackPlan, earlier: TrackPlan, changed: NDArray[np.int64]) -> TrackPlan:
    """The rows of a plan near changed frames, of an earlier one elsewhere, and between both in between."""
    both, rows, earlier_rows = np.intersect1d(
        plan.frames, earlier.frames, assume_unique=True, return_indices=True
    )
    places = np.searchsorted(changed, both)
    apart = np.full(len(both), np.inf)
    for place in (places - 1, places):
        inside = (place >= 0) & (place < len(changed))
        apart[inside] = np.minimum(apart[inside], np.abs(both[inside] - changed[place[inside]]))
    share = np.clip((REACH_FRAMES - apart) / (REACH_FRAMES - WHOLE_FRAMES), 0, 1)

    def blend(new: Floats, old: Floats) -> Floats:
        weights = share.reshape(-1, *[1] * (new.ndim - 1))
        blended = new.copy()
        # Where all of it is the earlier one's, it is so to the bit.
        mixed = old[earlier_rows] + weights * (new[rows] - old[earlier_rows])
        blended[rows] = np.where(weights == 1, new[rows], np.where(weights == 0, old[earlier_rows], mixed))
        return blended

    opacities = plan.opacities
    if opacities is not None and earlier.opacities is not None:
        opacities = blend(opacities, earlier.opacities)
    return replace(
        plan,
        matrices=blend(plan.matrices, earlier.matrices),
        landmarks=blend(plan.landmarks, earlier.landmarks),
        extra={name: blend(values, earlier.extra[name]) for name, values in plan.extra.items()},
        opacities=opacities,
    )
