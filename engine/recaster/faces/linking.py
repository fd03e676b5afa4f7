"""Linking of pieces to tracks: what is one face is joined, gaps are filled, what is no face is dropped."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces.embedding import distance
from recaster.faces.tracklets import MAX_PORTRAITS, Tracklet, mean_embedding, outline
from recaster.faces.types import Box, FaceTrack
from recaster.processes.shared_arrays import make_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats

_MAX_MOVED: Final = 0.5
"""Face widths that a face may have moved over a gap, plus as much for every tenth of a second."""
_MAX_GROWTH: Final = 1.4  # factor by which its width may have changed
_MAX_DISTANCE: Final = 0.55
"""Distance of identities below which a face goes on after a gap. Measured on ten clips: up to .51 for one
person (hands before the face, profiles), from .55 between two people, .60 in a dissolve."""
_IN_PLACE: Final = 0.3
"""A face that overlaps by this much (intersection over union) where another is missed is in front of it."""
_MIN_FRAMES: Final = 3  # frames of a track; a shorter one that doesn't fill its shot is a detector's mistake


def join_tracklets(tracklets: Sequence[Tracklet], gap: float, *, identify: bool) -> list[list[Tracklet]]:
    """Groups the pieces of one face in one shot, each group in the order of time.

    Two pieces belong together when one begins at most ``gap`` seconds after the other ends, where the
    other would have come to, of like size, and (if asked for) with the same identity, unless somebody else's
    face is there meanwhile: held before it, or passing.
    """
    groups: list[list[Tracklet]] = []
    by_shot: dict[int, list[list[Tracklet]]] = defaultdict(list)
    for piece in sorted((t for t in tracklets if t.frames), key=lambda t: t.frames[0]):
        fitting = [g for g in by_shot[piece.shot] if _continues(g[-1], piece, gap, identify=identify)]
        fitting = [g for g in fitting if not _is_taken(g[-1], piece, tracklets)]
        if fitting:
            # Of several the one that ended last.
            max(fitting, key=lambda g: g[-1].frames[-1]).append(piece)
        else:
            groups.append([piece])
            by_shot[piece.shot].append(groups[-1])
    return groups


def _continues(first: Tracklet, second: Tracklet, gap: float, *, identify: bool) -> bool:
    """Tells if a piece goes on in another one of its shot."""
    wait = second.times[0] - first.times[-1]
    if first.frames[-1] >= second.frames[0] or wait > gap:
        return False
    before = outline(first.points[-1])
    after = outline(second.points[0])
    moved = math.dist(before.centre, after.centre) / max(before.width, 1.0)
    growth = after.width / max(before.width, 1.0)
    if moved > _MAX_MOVED * (1 + 10 * wait) or not 1 / _MAX_GROWTH <= growth <= _MAX_GROWTH:
        return False
    if not identify:
        return True
    return distance(mean_embedding(first.portraits, 3), mean_embedding(second.portraits, 3)) < _MAX_DISTANCE


def _is_taken(first: Tracklet, second: Tracklet, everybody: Sequence[Tracklet]) -> bool:
    """True if another face is in the place of one that is missed from one piece to the next."""
    ends = first.frames[-1], second.frames[0]
    before, after = (np.array(outline(points).sides) for points in (first.points[-1], second.points[0]))
    # In straight lines from where it was to where it is again, frame by frame.
    for frame in range(ends[0] + 1, ends[1]):
        here = Box(*(before + (after - before) * (frame - ends[0]) / (ends[1] - ends[0])))
        others = (piece.box_at(frame) for piece in everybody if piece is not first and piece is not second)
        if any(other is not None and other.iou(here) > _IN_PLACE for other in others):
            return True
    return False


def make_track(number: int, group: Sequence[Tracklet], *, identify: bool) -> FaceTrack:
    """Makes a track of its pieces, in the order of time, the gaps between them filled in straight lines."""
    known = np.concatenate([piece.frames for piece in group]).astype(np.int64)
    frames = np.arange(known[0], known[-1] + 1)
    measured = np.isin(frames, known)
    scores, behind = np.zeros((2, len(frames)))
    scores[measured] = np.concatenate([piece.scores for piece in group])
    behind[measured] = np.concatenate([piece.behind for piece in group])  # elsewhere it isn't known
    # The times of frames without a measurement: inside so short a gap they run evenly.
    times = np.interp(frames, known, np.concatenate([piece.times for piece in group]))
    landmarks = _place_points(group, frames)
    _fill_gaps(landmarks, np.flatnonzero(measured))
    portraits = [picture for piece in group for picture in piece.portraits]
    return FaceTrack(
        track=number,
        frames=frames,
        times=times,
        boxes=np.array([outline(points).sides for points in landmarks]),
        landmarks=landmarks,
        scores=scores,
        filled=~measured,
        embedding=mean_embedding(portraits, MAX_PORTRAITS) if identify else np.zeros(0),
        behind=behind,
    )


def _place_points(group: Sequence[Tracklet], frames: NDArray[np.int64]) -> Floats:
    """Places the points of a track's pieces in its frames, (T, N, 3); those of other frames are left open."""
    placed = make_array((len(frames), *group[0].points[0].shape))
    for piece in group:
        for row, points in enumerate(piece.points, piece.frames[0] - int(frames[0])):
            placed[row] = points
    return placed


def _fill_gaps(points: Floats, known: NDArray[np.int64]) -> None:
    """Fills the rows of points (T, N, 3) between known ones in straight lines."""
    for before, after in itertools.pairwise(known.tolist()):
        for row in range(before + 1, after):
            share = (row - before) / (after - before)
            points[row] = points[before] + (points[after] - points[before]) * share


def is_face(group: Sequence[Tracklet], shot: range) -> bool:
    """True if a group of pieces in the frames of a shot can be trusted to be a face."""
    return sum(len(piece.frames) for piece in group) >= min(_MIN_FRAMES, len(shot))
