"""Measurements of swapped faces, and their averages over a few frames, in which each frame has its own look.

A frame's look decides how its neighbours are measured, too: so it comes out as in a swap with that look.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.swapping import colour_transfer
from recaster.swapping.colour_transfer import REACH_FRAMES
from recaster.swapping.masks import remove_occluded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from recaster.faces.types import Floats, SwappedFace
    from recaster.media.types import Frame
    from recaster.settings.look import LookSettings, MaskSettings
    from recaster.settings.look_course import LookCourse
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.mask_clips import HandMasks
    from recaster.swapping.swap_plan import SwapPlan
    from recaster.swapping.swapper import PlannedFace

    Manner = tuple[MaskSettings, str]
    """Under which mask colours are measured, and for which of ``COLOURS``."""


@dataclass(frozen=True, eq=False)
class MeasuredFace:
    """A swapped face and what decides how it is laid over the frame; masks are (size, size) float32, 0 to 1.

    Attributes:
        look: of this face in this frame.
        target: the performer's face.
        whole: mask as the settings want it, if the model can paint all of the face.
        painted: mask of what the model has painted, but for what is kept.
        kept: mask of what stays the performer's by choice; None for nothing.
        foreground: mask of nearer faces and of the performer's own glasses; None for nothing.
        occlusion: probability that the face is hidden, place by place; None where nothing was found out.
        colours: measurements for ``colour_transfer.apply``, in each manner in which a frame near needs them.
        by_hand: masks that artists brought.
    """

    look: LookSettings
    target: PlannedFace
    swapped: SwappedFace
    whole: NDArray[np.float32]
    painted: NDArray[np.float32]
    kept: NDArray[np.float32] | None
    foreground: NDArray[np.float32] | None
    occlusion: Floats | None
    colours: Mapping[Manner, colour_transfer.Measured]
    by_hand: HandMasks

    def uncover(self, mask: NDArray[np.float32], opacity: float = 1.0) -> NDArray[np.float32]:
        """Removes from a mask what is found before the face, but where an artist wants the face."""
        return self.by_hand.add_kept(remove_occluded(mask, self.occlusion, self.foreground), opacity)


MeasuredFrame = tuple["Frame", "Mapping[int, MeasuredFace]"]
"""A frame and its faces, by their plans' numbers."""


def find_manners(course: LookCourse, frame: int) -> list[Manner]:
    """Finds the manners in which a face is measured, for its own frame's look and those of frames near."""
    near = range(frame - REACH_FRAMES, frame + REACH_FRAMES + 1)
    return list(dict.fromkeys((look.mask, look.colour) for look in map(course.at, near)))


def find_read_frames(plan: SwapPlan, settings: SwapSettings, wanted: range, available: range) -> range:
    """Finds the frames that are read to render those wanted.

    They begin at a multiple of the batch, so that a frame is always swapped with the same others.
    """
    # No frame farther inside reaches beyond those at the ends.
    first = min(frame - _find_reach(plan, frame) for frame in wanted[: REACH_FRAMES + 1])
    last = max(frame + _find_reach(plan, frame) for frame in wanted[-REACH_FRAMES - 1 :])
    before = first - available.start
    after = last + 1 - available.start
    start = available.start + max(before - before % settings.batch, 0)
    return range(start, min(available.start + after + -after % settings.batch, available.stop))


def _find_reach(plan: SwapPlan, frame: int) -> int:
    """Frames to either side over which colours and occluders of a frame's faces are averaged."""
    reach = 0
    for number, _ in plan.faces_by_frame.get(frame, ()):
        look = plan.look(number, frame)
        has_occluders = number in plan.appearances and look.mask.kind == "learned"
        reach = max(reach, REACH_FRAMES if has_occluders else colour_transfer.reach(look.colour))
    return reach


def average_over_time(frames: Iterable[MeasuredFrame]) -> Iterator[MeasuredFrame]:
    """Averages what was measured of each frame's faces over ``REACH_FRAMES`` to either side."""
    past: deque[Mapping[int, MeasuredFace]] = deque(maxlen=REACH_FRAMES)
    waiting: deque[MeasuredFrame] = deque()
    for item in frames:
        waiting.append(item)
        if len(waiting) > REACH_FRAMES:
            yield _average_first(past, waiting)
    while waiting:
        yield _average_first(past, waiting)


def _average_first(past: deque[Mapping[int, MeasuredFace]], waiting: deque[MeasuredFrame]) -> MeasuredFrame:
    """Takes the first frame that waits, with the averages of its window, which is centred on it."""
    window = [*past, *(faces for _, faces in waiting)]
    centre = len(past)
    frame, faces = waiting.popleft()
    averaged = {}
    for number, face in faces.items():
        seen = [others.get(number) for others in window]
        manner = (face.look.mask, face.look.colour)
        colours = [other.colours[manner] if other else None for other in seen]
        is_learned = face.look.mask.kind == "learned"
        occlusions = [other.occlusion if other and is_learned else None for other in seen]
        averaged[number] = dataclasses.replace(
            face,
            colours={manner: colour_transfer.average_measured(colours, centre)},
            occlusion=colour_transfer.average(occlusions, centre),
        )
    past.append(faces)  # as they were: an average of averages would reach farther
    return frame, averaged
