"""Plan of the faces of an analysed clip that go into a faceset, made before a picture is cut."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces.alignment import invert, transform
from recaster.faces.geometry import eye_distance
from recaster.faces.types import Box
from recaster.facesets.crops import FoundFace, share_outside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Analysis, FaceTrack, Floats
    from recaster.facesets.face_records import FaceRecord
    from recaster.media.types import ClipInfo

BATCH_SIZE: Final = 20
"""Faces of a track in a row that share one measured identity: 90 CPU ms, as much as cutting eight."""
MIN_PRESENCE: Final = 0.5
"""Landmarker presence below which there is no face, or a hidden one."""
MAX_OUTSIDE: Final = 0.2
"""Share of a face's mesh outside its frame above which it is cut off."""
SAME_FACE_DISTANCE: Final = 0.5
"""Distance of the centres, in eye distances, below which two faces of one frame are one."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Faces of one track that are added together; ``measured`` is the place of the one that is identified."""

    faces: tuple[FoundFace, ...]
    measured: int


@dataclass(frozen=True, eq=False)
class CropPlan:
    """Faces to cut.

    Attributes:
        batches: in the order of their last frames.
        counts: what becomes of the frames and faces: "frames", "no face", "other people", a reason a
            chosen face is left out, and "kept" (those that are in the faceset already, too).
    """

    batches: tuple[Batch, ...]
    counts: Mapping[str, int]


def plan_crops(
    analysis: Analysis,
    chosen: Sequence[FaceTrack],
    info: ClipInfo,
    frames: range,
    min_area: float,
    present: Sequence[FaceRecord] = (),
) -> CropPlan:
    """Decides which faces of a clip to cut.

    Batches are the same whether or not some of them are in the faceset already, so that going on after
    a stop gives what one run gives.

    Args:
        analysis: everything found in the clip.
        chosen: the tracks of the wanted person.
        frames: indices of the frames to look at.
        min_area: smallest area of a face's box as a share of the frame's.
        present: the faces of this clip that the faceset has already.
    """
    counts: Counter[str] = Counter(frames=len(frames))
    sampled = {track.track: track.frames[_sample_rows(track, frames)].tolist() for track in analysis.tracks}
    counts["no face"] = len(frames) - len(set().union(*sampled.values()))
    chosen_numbers = {track.track for track in chosen}
    others = [seen for number, seen in sampled.items() if number not in chosen_numbers]
    counts["other people"] = sum(map(len, others))
    known = centres_by_frame(present)
    batches: list[Batch] = []
    for track in chosen:
        rows = _select_rows(track, info, frames, min_area, counts)
        counts["kept"] += len(rows)
        for start in range(0, len(rows), BATCH_SIZE):
            group = [_found_face(track, row) for row in rows[start : start + BATCH_SIZE]]
            new = tuple(face for face in group if not is_known(face, known))
            if new:
                batches.append(Batch(new, len(new) // 2))
    batches.sort(key=lambda batch: (batch.faces[-1].frame, batch.faces[-1].track))
    return CropPlan(tuple(batches), {reason: count for reason, count in counts.items() if count})


def _sample_rows(track: FaceTrack, frames: range) -> NDArray[np.int64]:
    """Rows of a track in the wanted frames."""
    inside = (track.frames >= frames.start) & (track.frames < frames.stop)
    return np.flatnonzero(inside & ((track.frames - frames.start) % frames.step == 0))


def _select_rows(
    track: FaceTrack, info: ClipInfo, frames: range, min_area: float, counts: Counter[str]
) -> list[int]:
    """Selects the rows of a track worth cutting; the others are counted by reason."""
    rows = _sample_rows(track, frames)
    boxes = track.boxes[rows]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    reasons = {
        "not measured": track.filled[rows],
        "uncertain": track.scores[rows] < MIN_PRESENCE,
        "too small": area < min_area * info.width * info.height,
        "cut off by the frame": share_outside(track.landmarks[rows], info.width, info.height) > MAX_OUTSIDE,
    }
    left = np.ones(len(rows), bool)
    for reason, applies in reasons.items():
        counts[reason] += int(np.count_nonzero(left & applies))
        left &= ~applies
    return [int(row) for row in rows[left]]


def _found_face(track: FaceTrack, row: int) -> FoundFace:
    return FoundFace(
        frame=int(track.frames[row]),
        time=float(track.times[row]),
        track=track.track,
        box=Box(*track.boxes[row].tolist()),
        points=track.landmarks[row],
        score=float(track.scores[row]),
    )


def centres_by_frame(present: Sequence[FaceRecord]) -> dict[int, list[Floats]]:
    """Centres in frame pixels of the faces that are there already, by frame.

    Track numbers depend on the analysis's settings; where a face is does not.
    """
    centres: dict[int, list[Floats]] = defaultdict(list)
    for record in present:
        points = transform(record.landmarks, invert(record.matrix))
        centres[record.frame].append(points[:, :2].mean(axis=0))
    return centres


def is_known(face: FoundFace, known: Mapping[int, Sequence[Floats]]) -> bool:
    """True if a face is one of those whose ``centres_by_frame`` are given."""
    centres = known.get(face.frame)
    if not centres:
        return False
    apart = np.linalg.norm(np.stack(centres) - face.points[:, :2].mean(axis=0), axis=1)
    return bool(np.min(apart) < SAME_FACE_DISTANCE * float(eye_distance(face.points)))
