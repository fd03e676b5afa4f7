"""Trouble in an analysis: places at which an artist had better look, found without the clip.

Limits are above what was measured in 40 tracks of real clips (people who talk, walk and dance);
docs/control.md says how many planted faults are found.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.faces.geometry import median_over
from recaster.faces.people import group_people
from recaster.faces.pose import head_pose, rotations
from recaster.faces.topology import MESH_POINTS
from recaster.faces.track_pieces import split_runs
from recaster.faces.types import Box

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recaster.faces.types import Analysis, Bools, FaceTrack, Floats

REFERENCE_S: Final = 1 / 25
"""Time between frames that limits are meant for; over longer ones faces move as much more as squares say."""
MIN_BOX_JUMP: Final = 0.5
"""Change of a face's motion from frame to frame, in root mean squares of its points' distances from their
middle: about half a face's width is 1. Of 40 tracks without trouble 38 stay below."""
MIN_SIZE_JUMP: Final = 0.12  # of the logarithm of its size; 38 of 40 stay below .08
MIN_ANGLE_JUMP_DEG: Final = 16.0  # of its turning from frame to frame; 37 of 40 stay below 15
MIN_JUMP_RATIO: Final = 8.0
"""Factor by which a jump is above the median of the half second around it: a shaken camera shakes on."""
MEDIAN_FRAMES: Final = 25
MIN_CONFIDENCE: Final = 0.8
MIN_UNSURE_FRAMES: Final = 2
MIN_LOST_FRAMES: Final = 3
"""Frames of a shot without a person who was in it."""
MAX_JOINED_S: Final = 0.5
"""Time between two jumps of one trouble."""
MIN_TAKEN_OVERLAP: Final = 0.3
"""Overlap (intersection over union) of the boxes of two people of whom one goes on where the other ended."""
MIN_BORDER_DISTANCE: Final = 0.05
MAX_LOST_YAW_DEG: Final = 50.0
"""A face that ends nearer to the picture's border, in its own widths, or turned farther, left by itself."""


class TroubleReason(StrEnum):
    """Kinds of trouble; programs get these words."""

    NO_FACE = "no-face"
    IDENTITY_JUMP = "identity-jump"
    BOX_JUMP = "box-jump"
    SIZE_JUMP = "size-jump"
    ANGLE_JUMP = "angle-jump"
    LOW_CONFIDENCE = "low-confidence"
    LOW_COVERAGE = "low-coverage"
    MASK_JUMP = "mask-jump"
    TINT_JUMP = "tint-jump"


_SENTENCES: Final = {
    TroubleReason.NO_FACE: "no face, though the person is there before or after",
    TroubleReason.IDENTITY_JUMP: "goes on as another person",
    TroubleReason.BOX_JUMP: "the face jumps",
    TroubleReason.SIZE_JUMP: "the face's size jumps",
    TroubleReason.ANGLE_JUMP: "the head's angle jumps",
    TroubleReason.LOW_CONFIDENCE: "it is hardly a face",
    TroubleReason.LOW_COVERAGE: "too little of the face was swapped",
    TroubleReason.MASK_JUMP: "what is swapped of the face changes suddenly",
    TroubleReason.TINT_JUMP: "the swapped face's tint changes suddenly",
}


@dataclass(frozen=True)
class Trouble:
    """One place to look at: a reason, and a track's frames, the first and the last."""

    reason: TroubleReason
    track: int
    first_frame: int
    last_frame: int

    @property
    def sentence(self) -> str:
        """In an artist's words."""
        frames = f"{self.first_frame}-{self.last_frame}"
        frames = str(self.first_frame) if self.first_frame == self.last_frame else frames
        return f"frames {frames}, track {self.track}: {_SENTENCES[self.reason]}"

    def to_json(self) -> dict[str, Any]:
        """Turns it into JSON's types."""
        return asdict(self) | {"reason": str(self.reason)}


def find_trouble(analysis: Analysis, size: tuple[int, int]) -> tuple[Trouble, ...]:
    """Finds trouble in an analysis of a clip of (width, height), by first frame."""
    found = [trouble for track in analysis.tracks for trouble in _find_in_track(track)]
    who = {number: person for person, numbers in enumerate(group_people(analysis)) for number in numbers}
    for shot in _list_shots(analysis):
        inside = [track for track in analysis.tracks if shot[0] <= track.frames[0] <= shot[1]]
        inside.sort(key=lambda track: int(track.frames[0]))
        taken = list(_find_taken_places(inside, who))
        for before, after in taken:
            ends = (int(before.frames[-1]) + 1, int(after.frames[0]))
            found.append(Trouble(TroubleReason.IDENTITY_JUMP, after.track, *ends))
        found += _find_lost_people(_group_tracks(inside, who, taken), shot, size)
    return tuple(sorted(found, key=lambda each: (each.first_frame, each.track, each.reason)))


def _list_shots(analysis: Analysis) -> list[tuple[int, int]]:
    end = analysis.first_frame + analysis.frame_count
    return [(a, b - 1) for a, b in pairwise([analysis.first_frame, *analysis.cuts, end])]


def _find_in_track(track: FaceTrack) -> Iterator[Trouble]:
    """Finds jumps and doubts within a track."""
    unsure = (track.scores < MIN_CONFIDENCE) & ~track.filled
    for run in split_runs(close_gaps(unsure, track.times)):
        if run.sum() >= MIN_UNSURE_FRAMES:
            yield _make_trouble(TroubleReason.LOW_CONFIDENCE, track, run)
    for run in split_runs(track.filled):
        if run.sum() >= MIN_LOST_FRAMES:
            yield _make_trouble(TroubleReason.NO_FACE, track, run)
    if len(track) < MIN_LOST_FRAMES or track.landmarks.shape[1] < MESH_POINTS:
        return
    jumps = _measure_jumps(track)
    explained = np.zeros(len(track), bool)
    for reason, limit in (
        (TroubleReason.BOX_JUMP, MIN_BOX_JUMP),
        (TroubleReason.SIZE_JUMP, MIN_SIZE_JUMP),
        (TroubleReason.ANGLE_JUMP, MIN_ANGLE_JUMP_DEG),
    ):
        values = jumps[reason]
        usual = median_over(values, MEDIAN_FRAMES)
        high = (values > limit) & (values > MIN_JUMP_RATIO * usual)
        for run in split_runs(close_gaps(high, track.times)):
            if not (run & explained).any():  # a face that is elsewhere has another size and angle, too
                yield _make_trouble(reason, track, run)
            explained |= run


def _make_trouble(reason: TroubleReason, track: FaceTrack, rows: Bools) -> Trouble:
    frames = track.frames[rows]
    return Trouble(reason, track.track, int(frames[0]), int(frames[-1]))


def _measure_jumps(track: FaceTrack) -> dict[TroubleReason, Floats]:
    """Measures how much motion, growth and turning of a face change at each frame, (T,)."""
    mesh = track.landmarks[:, :MESH_POINTS]
    middle = mesh.mean(1)
    spread = np.sqrt(((mesh - middle[:, None]) ** 2).sum(2).mean(1))
    turns = rotations(track.landmarks)
    steps = turns[1:] @ turns[:-1].transpose(0, 2, 1)
    # Vectors along the axes whose lengths are sines of angles, or close to the angles for small ones.
    axes = np.stack(
        [steps[:, 2, 1] - steps[:, 1, 2], steps[:, 0, 2] - steps[:, 2, 0], steps[:, 1, 0] - steps[:, 0, 1]], 1
    )
    motion = np.diff(middle[:, :2], axis=0) / spread[1:, None]
    rates = {
        TroubleReason.BOX_JUMP: motion,
        TroubleReason.SIZE_JUMP: np.diff(np.log(spread))[:, None],
        TroubleReason.ANGLE_JUMP: np.degrees(axes / 2),
    }
    waits = np.maximum(np.diff(track.times) / REFERENCE_S, 1)
    slack = np.maximum(waits[1:], waits[:-1]) ** 2
    changes = {
        reason: np.linalg.norm(np.diff(rate, axis=0), axis=1) / slack for reason, rate in rates.items()
    }
    return {reason: np.pad(change, 1) for reason, change in changes.items()}


def close_gaps(rows: Bools, times: Floats) -> Bools:
    """Joins rows that are less than ``MAX_JOINED_S`` apart."""
    closed = rows.copy()
    for before, after in pairwise(np.flatnonzero(rows).tolist()):
        if times[after] - times[before] <= MAX_JOINED_S:
            closed[before:after] = True
    return closed


def _find_lost_people(
    people: Sequence[Sequence[FaceTrack]], shot: tuple[int, int], size: tuple[int, int]
) -> Iterator[Trouble]:
    """Finds frames of a shot without a person who was in it, and didn't leave by the border or turn away."""
    for tracks in people:
        for before, after in pairwise(tracks):
            lost = range(int(before.frames[-1]) + 1, int(after.frames[0]))
            if len(lost) >= MIN_LOST_FRAMES:
                yield Trouble(TroubleReason.NO_FACE, before.track, lost[0], lost[-1])
        first = tracks[0]
        last = max(tracks, key=lambda track: int(track.frames[-1]))
        early = range(shot[0], int(first.frames[0]))
        late = range(int(last.frames[-1]) + 1, shot[1] + 1)
        for track, row, lost in ((first, 0, early), (last, -1, late)):
            if len(lost) >= MIN_LOST_FRAMES and not _leaves(track, row, size):
                yield Trouble(TroubleReason.NO_FACE, track.track, lost[0], lost[-1])


def _leaves(track: FaceTrack, row: int, size: tuple[int, int]) -> bool:
    """True if a face is at the picture's border, or turned away, in a row."""
    box = Box(*track.boxes[row].tolist())
    margin = min(box.left, box.top, size[0] - box.right, size[1] - box.bottom)
    if margin < MIN_BORDER_DISTANCE * box.width:
        return True
    mesh = track.landmarks[row]
    return len(mesh) >= MESH_POINTS and abs(head_pose(mesh).yaw) > MAX_LOST_YAW_DEG


def _find_taken_places(
    inside: Sequence[FaceTrack], who: Mapping[int, int]
) -> Iterator[tuple[FaceTrack, FaceTrack]]:
    """Finds tracks that end where and when another person's begins: one of them has a wrong identity."""
    for before in inside:
        for after in inside:
            wait = float(after.times[0] - before.times[-1])
            if who[before.track] != who[after.track] and 0 < wait <= MAX_JOINED_S:
                here = Box(*before.boxes[-1].tolist())
                if here.iou(Box(*after.boxes[0].tolist())) >= MIN_TAKEN_OVERLAP:
                    yield before, after


def _group_tracks(
    inside: Sequence[FaceTrack], who: Mapping[int, int], same: Sequence[tuple[FaceTrack, FaceTrack]]
) -> list[list[FaceTrack]]:
    """Groups a shot's tracks by person, by first frame; ``same`` are pairs that are one person, too."""
    owners = dict(who)
    for before, after in same:
        kept, gone = owners[before.track], owners[after.track]
        owners = {number: kept if owner == gone else owner for number, owner in owners.items()}
    groups: dict[int, list[FaceTrack]] = {}
    for track in inside:
        groups.setdefault(owners[track.track], []).append(track)
    return list(groups.values())
