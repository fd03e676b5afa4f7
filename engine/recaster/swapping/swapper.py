"""Interface of a model to the render pass: a plan of every track, then faces in batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from recaster.swapping.mask_clips import NO_MASKS, HandMasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import FaceTrack, Floats, SwappedFace
    from recaster.media.types import Image
    from recaster.settings.detection import Smoothing
    from recaster.settings.look_course import LookCourse


@dataclass(frozen=True, eq=False)
class TrackPlan:
    """Crops of one track's face in every frame, decided before anything is painted.

    Attributes:
        frames: (T,) int64, frame indices in the clip, ascending.
        matrices: (T, 2, 3) float64, frame pixels to crop pixels, smoothed over the whole track.
        landmarks: (T, N, 3) float64, the target's smoothed landmarks in frame pixels.
        extra: arrays whose first axis is T, of use to the swapper alone.
        is_aligned: whether the crops show faces as ``align_matrix`` does.
        opacities: (T,), how far each face is shown, 0 (the target stays) to 1; None for all of each.
    """

    frames: NDArray[np.int64]
    matrices: Floats
    landmarks: Floats
    extra: Mapping[str, Floats] = field(default_factory=dict)
    is_aligned: bool = True
    opacities: Floats | None = None

    def opacity_at(self, row: int) -> float:
        """Opacity of a row's face, 0 to 1."""
        return 1.0 if self.opacities is None else float(self.opacities[row])

    def find_rows(self, frames: range) -> slice:
        """Finds the rows of some frames."""
        return slice(*np.searchsorted(self.frames, [frames.start, frames.stop]).tolist())

    def part(self, frames: range) -> TrackPlan:
        """The rows of some frames."""
        rows = self.find_rows(frames)
        return TrackPlan(
            self.frames[rows],
            self.matrices[rows],
            self.landmarks[rows],
            {name: values[rows] for name, values in self.extra.items()},
            self.is_aligned,
            None if self.opacities is None else self.opacities[rows],
        )


NO_ROWS: Final = TrackPlan(np.zeros(0, np.int64), np.zeros((0, 2, 3)), np.zeros((0, 0, 3)))
"""Plan of a track that isn't shown."""


@dataclass(frozen=True, eq=False)
class PlannedFace:
    """One face, cut out as its track's plan says.

    Attributes:
        image: (size, size, 3) uint8 RGB, the target's face.
        matrix: (2, 3) float64, frame pixels to crop pixels.
        landmarks: (N, 3) float64, the target's smoothed landmarks in crop pixels.
        extra: this frame's rows of the plan's ``extra``.
        by_hand: masks that artists brought for it.
    """

    image: Image
    matrix: Floats
    landmarks: Floats
    extra: Mapping[str, Floats] = field(default_factory=dict)
    by_hand: HandMasks = NO_MASKS


class Swapper(Protocol):
    """A trained model, or a likeness, that puts the source's face on a target's."""

    @property
    def size(self) -> int:
        """Side of the square crops that it takes and returns, in pixels."""

    @property
    def digest(self) -> str:
        """Hex digits that change whenever its results would.

        A half-finished clip is gone on with by a swapper of the same digest only.
        """

    @property
    def can_reshape(self) -> bool:
        """True if it paints a face's shape and expressions as a look wants them."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on the source that an editor should know."""

    def plan(self, track: FaceTrack, smoothing: Smoothing, course: LookCourse) -> TrackPlan:
        """Decides on the crops of a whole track; frames may be left out, never added.

        Those are left out in which the face is turned too far away.
        """

    def swap(self, faces: Sequence[PlannedFace]) -> list[SwappedFace]:
        """Swaps a batch: one result for each face, in the same order, with the same size and matrix.

        A result must not depend on what else is in the batch.
        """
