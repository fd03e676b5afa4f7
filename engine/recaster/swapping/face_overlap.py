"""Overlap of faces: outlines of those, swapped or not, that are in front of faces that are swapped."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces.alignment import transform
from recaster.faces.neighbours import is_behind
from recaster.faces.region_masks import fill_smoothly
from recaster.faces.smoothing import smooth
from recaster.faces.topology import CHIN, EARS, FOREHEAD, MESH_POINTS, POINTS
from recaster.swapping.masks import outline_face

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import FaceTrack, Floats
    from recaster.settings.detection import Smoothing

    Outline = NDArray[np.float32]

EAR_REACH: Final = 0.18
"""Reach of ears beyond a face's sides, as a share of its width."""
HAIR_REACH: Final = 0.3
"""Reach of hair above a forehead, as a share of the face's height."""
HAIRLINE: Final = (54, 103, 67, FOREHEAD, 297, 332, 284)
"""Points of the mesh along it."""
LEFT_EAR: Final = (162, 127, 234, 93)
RIGHT_EAR: Final = (389, 356, 454, 323)
"""Points of the mesh beside an ear's top, middle and lobe."""
MIN_UNSWAPPED_RATIO: Final = 0.8
"""A face that is not swapped lies behind one that is only where it is smaller by this factor: of two about as
near as each other it is the one that must not be touched."""


def outline_nearer_faces(
    chosen: Sequence[FaceTrack], everybody: Sequence[FaceTrack], smoothing: Smoothing
) -> dict[tuple[int, int], list[Outline]]:
    """Outlines what is in front of chosen faces and meets them, (M, 1, 2) float32 pixels of the frame.

    One track is in front of another in all frames or in none, so that nothing flickers.

    Args:
        chosen: the tracks that are swapped.
        everybody: all tracks.
        smoothing: as their landmarks are smoothed for the swap.

    Returns:
        By number among the chosen, and frame.
    """
    numbers = {track.track: number for number, track in enumerate(chosen)}
    outlines: dict[tuple[int, int], list[Outline]] = defaultdict(list)
    for other in everybody:
        steady = None  # smoothed only where it is in front of any
        for number, track in enumerate(chosen):
            frames = _overlapping_frames(track, other)
            if not len(frames) or not _is_in_front(other, track, frames, swapped=other.track in numbers):
                continue
            if steady is None:
                steady = smooth(other.landmarks, other.times, smoothing)
            # A track has every frame from its first to its last, so a frame's row is its distance from there.
            for frame in frames.tolist():
                outlines[number, frame].append(outline_head(steady[frame - other.frames[0]]))
    return dict(outlines)


def draw_outlines(outlines: Sequence[Outline], matrix: Floats, size: int) -> NDArray[np.float32]:
    """Draws the share of each pixel of a crop that faces cover, (size, size) float32, 0 to 1.

    Args:
        outlines: of the faces, in pixels of the frame.
        matrix: (2, 3) float64, frame pixels to crop pixels.
    """
    # Corners between pixels: an outline that moves slowly must not jump from pixel to pixel.
    covered = np.zeros((size, size), np.uint8)
    for outline in outlines:
        fill_smoothly(transform(outline[:, 0].astype(np.float64), matrix), size, covered, convex=True)
    return covered.astype(np.float32) / np.float32(255)


def outline_head(points: Floats) -> Outline:
    """Outlines a face (N, 3) with ears and hair, (M, 1, 2) float32 pixels; the face alone without depth."""
    outline = outline_face(points)
    if len(points) != POINTS:
        return outline
    # In the head's own directions, so that a turned or nodding head has its ears and hair in their places.
    across = points[EARS[1]] - points[EARS[0]]
    up = points[FOREHEAD] - points[CHIN]
    around = [
        points[list(LEFT_EAR)] - EAR_REACH * across,
        points[list(RIGHT_EAR)] + EAR_REACH * across,
        points[list(HAIRLINE)] + HAIR_REACH * up,
    ]
    corners = np.concatenate([outline[:, 0], *(part[:, :2] for part in around)]).astype(np.float32)
    return np.asarray(cv2.convexHull(corners))


def _overlapping_frames(track: FaceTrack, other: FaceTrack) -> NDArray[np.int64]:
    """Finds the frames in which the boxes around two tracks' heads meet."""
    if other.track == track.track:
        return np.zeros(0, np.int64)
    first = max(track.frames[0], other.frames[0])
    last = min(track.frames[-1], other.frames[-1])
    if last < first:
        return np.zeros(0, np.int64)
    here, there = (_select_points(face, first, last)[..., :2] for face in (track, other))
    beyond = HAIR_REACH * np.ptp(there, axis=1).max(-1, keepdims=True)  # hair and ears, whichever way is up
    apart = (here.max(1) < there.min(1) - beyond) | (there.max(1) + beyond < here.min(1))
    return np.arange(first, last + 1)[~apart.any(-1)]


def _is_in_front(other: FaceTrack, track: FaceTrack, frames: NDArray[np.int64], *, swapped: bool) -> bool:
    """Tells whether the other is in front of a track that is swapped: as was seen, else as its size says."""
    seen = [
        is_behind(*signs)
        for signs in zip(
            _collect_behind_evidence(track, frames), _collect_behind_evidence(other, frames), strict=True
        )
    ]
    if seen.count(True) != seen.count(False):
        return seen.count(True) > seen.count(False)
    # Nobody was seen to be in front: the larger face is nearer.
    ratio = np.median(
        [_measure_spread(other, frame) / _measure_spread(track, frame) for frame in frames.tolist()]
    )
    if swapped:
        return bool(ratio > 1 or (ratio == 1 and other.track > track.track))
    return bool(ratio > MIN_UNSWAPPED_RATIO)


def _collect_behind_evidence(track: FaceTrack, frames: NDArray[np.int64]) -> list[float]:
    """Evidence that a track's face is behind others in some frames; 0 where nothing is known."""
    return track.behind[frames - track.frames[0]].tolist() if track.behind.size else [0.0] * len(frames)


def _measure_spread(track: FaceTrack, frame: int) -> float:
    """Spread of a face's points in all three dimensions: the same whichever way it looks."""
    return float(np.linalg.norm(_select_points(track, frame, frame)[0].std(0)))


def _select_points(track: FaceTrack, first: int, last: int) -> Floats:
    """The points of a track's face, without irises, in the frames from first to last."""
    begin = track.frames[0]
    return track.landmarks[first - begin : last + 1 - begin, :MESH_POINTS]
