"""Who is swapped where: the plans of all chosen tracks, looked up by frame."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from recaster.faces.alignment import shown, transform, warp
from recaster.media.types import Rect
from recaster.swapping.face_overlap import outline_nearer_faces
from recaster.swapping.swapper import PlannedFace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from recaster.appearance.occluders import FaceAppearance
    from recaster.faces.types import FaceTrack, Floats
    from recaster.media.types import Frame, Image
    from recaster.settings.detection import Smoothing
    from recaster.swapping.swapper import Swapper, TrackPlan


@dataclass(frozen=True, eq=False)
class SwapPlan:
    """Every face that will be swapped.

    Attributes:
        plans: one for each chosen track. A track is one person in one shot, so that what is smoothed
            within a plan never reaches over a cut.
        places: frame index to the (plan, row) pairs of that frame's faces.
        tracks: the numbers of those tracks.
        looks: how the performer usually looks, by the number of the plan, where that is known.
        nearer: outlines of the faces in front of a plan's face, by plan and frame.
    """

    plans: tuple[TrackPlan, ...]
    places: Mapping[int, Sequence[tuple[int, int]]]
    tracks: tuple[int, ...]
    looks: Mapping[int, FaceAppearance] = field(default_factory=dict)
    nearer: Mapping[tuple[int, int], Sequence[NDArray[np.float32]]] = field(default_factory=dict)

    @classmethod
    def planned(
        cls,
        tracks: Sequence[FaceTrack],
        swapper: Swapper,
        smoothing: Smoothing,
        everybody: Sequence[FaceTrack] = (),
    ) -> SwapPlan:
        """Let the swapper plan every track, and see who of everybody in the clip is in front of whom."""
        plans = tuple(swapper.plan(track, smoothing) for track in tracks)
        places: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, plan in enumerate(plans):
            for row, frame in enumerate(plan.frames.tolist()):
                if plan.share(row) > 0:
                    places[frame].append((number, row))
        nearer = outline_nearer_faces(tracks, everybody, smoothing)
        return cls(plans, dict(places), tuple(track.track for track in tracks), nearer=nearer)

    def painted(self, frames: range) -> int:
        """How many of ``frames`` show a face to swap."""
        return sum(frame in self.places for frame in frames)

    def share(self, number: int, frame: int) -> float:
        """Share of a plan's face that is shown in a frame that has it, above 0 to 1."""
        return next(self.plans[number].share(row) for plan, row in self.places[frame] if plan == number)

    def faces(self, frame: Frame, size: int) -> dict[int, PlannedFace]:
        """The faces of a frame, cut out of it, by the number of their plan."""
        return {
            number: self.face(number, row, frame, size) for number, row in self.places.get(frame.index, ())
        }

    def face(self, number: int, row: int, frame: Frame, size: int) -> PlannedFace:
        """The face of a plan's row, cut out of its frame."""
        plan = self.plans[number]
        matrix = plan.matrices[row]
        return PlannedFace(
            image=np.ascontiguousarray(cut_out(frame, matrix, size)),
            matrix=matrix,
            landmarks=transform(plan.landmarks[row], matrix),
            extra={name: values[row] for name, values in plan.extra.items()},
        )


def cut_out(frame: Frame, matrix: Floats, size: int) -> Image:
    """A crop of a frame, as ``warp`` cuts it, for which no more of the frame is looked at than it shows."""
    place = Rect(*shown(matrix, size, frame.size))
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ (place.left, place.top)
    return np.asarray(warp(frame.part(place), moved, size))
