"""Tracklets, pieces of a track: one face followed without a break."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces.alignment import align_matrix, transform, warp
from recaster.faces.embedding import embed
from recaster.faces.neighbours import Neighbour, draw_neighbours
from recaster.faces.pose import head_pose
from recaster.faces.sharpness import mean_laplacian
from recaster.faces.topology import MESH_POINTS, MIDLINE
from recaster.faces.types import Box, Floats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.faces.types import Landmarks
    from recaster.media.types import Image

MAX_PORTRAITS: Final = 8  # pictures of each face that are kept to tell who it is

PORTRAIT_PX: Final = 256
PORTRAIT_COVERAGE: Final = 1.6
# Where dlib's detectors put their box in a crop of this coverage (mean of 30 faces of five clips).
PORTRAIT_DLIB_BOX: Final = Box(*(share * PORTRAIT_PX for share in (0.258, 0.258, 0.763, 0.763)))


@dataclass(eq=False)
class Portrait:
    """Aligned picture (256, 256, 3) that tells who it is; ``quality`` is its sharpness times frontality.

    ``index`` is that of the frame for which a tracklet keeps it, ``known`` the embedding, if that was
    computed.
    """

    image: Image
    quality: float
    index: int = -1
    known: Floats | None = None

    @property
    def embedding(self) -> Floats:
        """(128,) float64, computed when first asked for (10 CPU milliseconds)."""
        if self.known is None:
            self.known = embed(self.image, PORTRAIT_DLIB_BOX)
        return self.known


@dataclass(eq=False)
class Tracklet:
    """One face in consecutive frames of one shot; the lists have equal lengths."""

    shot: int  # counted from 0
    seen: float  # seconds, when the detector last saw this face
    frames: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    points: list[Floats] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    # How much says that it is behind the faces that touch it; 0 where none does.
    behind: list[float] = field(default_factory=list)
    portraits: list[Portrait] = field(default_factory=list)

    def append(self, index: int, time: float, face: Landmarks) -> None:
        """Adds what was found in the next frame."""
        self.frames.append(index)
        self.times.append(time)
        self.points.append(face.points)
        self.scores.append(face.presence)
        self.behind.append(self.behind[-1] if self.behind else 0.0)

    def prepend(self, index: int, time: float, face: Landmarks) -> None:
        """Adds what was found in the frame before the first."""
        self.frames.insert(0, index)
        self.times.insert(0, time)
        self.points.insert(0, face.points)
        self.scores.insert(0, face.presence)
        self.behind.insert(0, self.behind[0])

    def pop(self) -> None:
        """Takes the last frame away."""
        for values in (self.frames, self.times, self.points, self.scores, self.behind):
            values.pop()

    def points_at(self, index: int) -> Floats | None:
        """Points of the face in a frame, or None where the track does not reach."""
        if not self.frames or not self.frames[0] <= index <= self.frames[-1]:
            return None
        return self.points[index - self.frames[0]]

    def box_at(self, index: int) -> Box | None:
        """Box of the face in a frame, or None where the track does not reach."""
        points = self.points_at(index)
        return None if points is None else outline(points)

    def remember(self, portrait: Portrait) -> None:
        """Keeps a picture of the last face if it is better than those kept so far."""
        portrait.index = self.frames[-1]
        self.portraits.append(portrait)
        self.portraits.sort(key=lambda portrait: -portrait.quality)
        del self.portraits[MAX_PORTRAITS:]


def outline(points: Floats) -> Box:
    """Box around a face's landmarks (without the irises): (N, 3) frame pixels."""
    face = points[:MESH_POINTS, :2]
    return Box(*(float(v) for v in (*face.min(axis=0), *face.max(axis=0))))


def cut_portrait(image: Image, points: Floats, neighbours: Sequence[Neighbour] = ()) -> Portrait:
    """Cuts out a face, and judges how well it shows who it is.

    Where neighbours are in front of it, the other half of the face is shown, mirrored.
    """
    matrix = align_matrix(points, PORTRAIT_PX, PORTRAIT_COVERAGE)
    crop = warp(image, matrix, PORTRAIT_PX)
    shown = 1.0
    if neighbours:
        own = transform(points, matrix)
        others = [Neighbour(transform(other.points, matrix), other.behind) for other in neighbours]
        hidden = draw_neighbours(own, others, crop.shape[:2]) > 0
        crop = np.where(hidden[..., None], _mirror_crop(crop, own), crop)
        shown = 1 - float(hidden.mean())
    # A face of which half is covered tells less, even sharp.
    quality = shown * mean_laplacian(crop)
    if len(points) >= MESH_POINTS:
        pose = head_pose(points)
        quality *= float(np.cos(np.radians(pose.yaw)) * np.cos(np.radians(pose.pitch)))
    return Portrait(crop, quality)


def _mirror_crop(crop: Image, points: Floats) -> Image:
    """Mirrors a crop about the middle of the face."""
    middle = points[list(MIDLINE), 0].mean() if len(points) >= MESH_POINTS else (PORTRAIT_PX - 1) / 2
    flip = np.array([[-1.0, 0, 2 * middle], [0, 1, 0]])
    return cv2.warpAffine(crop, flip, (PORTRAIT_PX, PORTRAIT_PX), borderMode=cv2.BORDER_REPLICATE)


def mean_embedding(portraits: list[Portrait], best: int = MAX_PORTRAITS) -> Floats:
    """Mean of the best portraits' embeddings, (128,), or empty where there is none."""
    chosen = sorted(portraits, key=lambda portrait: -portrait.quality)[:best]
    return np.mean([portrait.embedding for portrait in chosen], axis=0) if chosen else np.zeros(0)
