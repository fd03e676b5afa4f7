"""Plain values of faces in frames. Units are pixels of the frame unless said otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from recaster.media.types import Image

# Arrays of any shape.
Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Uint8s = NDArray[np.uint8]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Box:
    """Axis-aligned rectangle; right and bottom are exclusive, fractions are kept."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def sides(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom."""
        return self.left, self.top, self.right, self.bottom

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Area in square pixels; 0 for an empty box."""
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        """Centre (x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def contains(self, point: tuple[float, float]) -> bool:
        """True if a point (x, y) is within."""
        return self.left <= point[0] <= self.right and self.top <= point[1] <= self.bottom

    def intersection(self, other: Box) -> float:
        """Area that both share, in square pixels."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(width, 0.0) * max(height, 0.0)

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        shared = self.intersection(other)
        return shared / (self.area + other.area - shared) if shared else 0.0


@dataclass(frozen=True)
class Detection:
    """Detection of a face."""

    box: Box
    score: float  # how sure the detector is, on a scale of its own
    side: int = 0  # by how many quarters of a turn, clockwise, it is rolled, about


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Points of one face."""

    # (N, 3), x and y in pixels, z in the same unit (towards the camera is negative), 0 where a landmarker has
    # no depth. N = 478 for the mesh (468 + 2 x 5 iris points), 68 for dlib's predictor.
    points: Floats
    presence: float  # 0 to 1, how sure the landmarker is that there is a face


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """One person through one shot: the same face in consecutive frames, as arrays of length T."""

    track: int  # the track's number in the analysis, from 0
    frames: NDArray[np.int64]  # frame indices in the clip, ascending by 1
    times: Floats  # seconds after the clip's first frame
    boxes: Floats  # (T, 4), left, top, right, bottom
    landmarks: Floats  # (T, N, 3), as in ``Landmarks``; raw, not smoothed
    scores: Floats  # the landmarker's presence
    filled: Bools  # True where nothing was measured, and points are interpolated between detections
    # (128,), the mean identity embedding (dlib's ResNet), or empty where identities were not asked for.
    embedding: Floats = field(default_factory=lambda: np.zeros(0))
    # How much says that it is behind the faces that touch it: of two, the one with clearly less is in front
    # (``neighbours.is_behind``). 0 where it isn't known, or empty.
    behind: Floats = field(default_factory=lambda: np.zeros(0))
    person: str = ""  # the name of whoever it shows, where somebody said so

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything found in a clip before anything is painted."""

    # By number: by first frame, then by size, largest first. Where it was corrected, numbers may be missing,
    # and new tracks come last.
    tracks: tuple[FaceTrack, ...]
    cuts: tuple[int, ...]  # indices of the frames that begin a new shot (never 0)
    frame_count: int
    first_frame: int = 0  # index of the first of ``frame_count`` frames that were looked at
    warnings: tuple[str, ...] = ()  # sentences on corrections that could not be applied
    uncorrected: Analysis | None = None  # as it was found, where it was corrected

    def track(self, number: int) -> FaceTrack:
        """The track of a number, which must be there."""
        return next(track for track in self.tracks if track.track == number)


@dataclass(frozen=True)
class Pose:
    """Head pose in degrees: yaw > 0 looks to the picture's right, pitch > 0 up, roll > 0 clockwise."""

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, eq=False)
class SwappedFace:
    """Result of a swapper for one aligned face."""

    image: Image  # (size, size, 3) uint8 RGB, the source's face in the target's pose and expression
    mask: Floats32  # (size, size) float32, 0 (keep the target) to 1 (show the source)
    matrix: Floats  # (2, 3) float64, frame pixels to crop pixels
    # The target's own inside of the mouth, in its own light; None where nothing of it shows.
    mouth: Inlay | None = None


@dataclass(frozen=True, eq=False)
class Inlay:
    """Picture that shows within a face."""

    image: Image  # (size, size, 3) uint8 RGB
    share: Floats32  # (size, size) float32, 0 to 1, how much of it shows

    def show_in(self, face: Floats32) -> None:
        """Shows it in a face (size, size, 3), in place."""
        left, top, width, height = cv2.boundingRect((self.share > 0).astype(np.uint8))
        part = np.s_[top : top + height, left : left + width]
        face[part] += self.share[part][..., None] * (self.image[part] - face[part])
