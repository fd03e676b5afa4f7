"""Listing of a clip's shots, tracks and people, as plain values for artists and programs."""

from __future__ import annotations

import bisect
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.faces.face_course import measure_places
from recaster.faces.people import group_people
from recaster.faces.pose import head_poses
from recaster.faces.smoothing import smooth
from recaster.faces.topology import POINTS
from recaster.settings.detection import Smoothing
from recaster.swapping.guided import profile_opacity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recaster.api.v1 import clip_pb2
    from recaster.faces.types import Analysis, FaceTrack

MIN_SHOWN_OPACITY: Final = 0.5
"""Opacity of a swapped face from which on a frame counts as one that would be swapped."""


_SAME_FIELDS: Final = (
    "track", "person", "shot", "first_frame", "last_frame", "first_seen_s", "last_seen_s", "size_px",
    "confidence", "filled_frames", "swappable",
)  # fmt: skip
"""Fields of a track that its message has under the same names."""


@dataclass(frozen=True)
class TrackListing:
    """One track, as it is listed.

    Attributes:
        person: number of the person, 0 for the one who fills most of the clip.
        name: the person's name, where somebody gave one.
        size_px: median of the face's mean side.
        roll_degrees: least and greatest, and
        yaw_degrees: likewise; None where landmarks have no depth.
        confidence: the landmarker's, mean of the frames in which it looked.
        filled_frames: those in which the face was not seen, and its place is made up.
        swappable: share of its frames in which a guided swap would show, as far as the pose says.
    """

    track: int
    person: int
    name: str
    shot: int
    first_frame: int
    last_frame: int
    first_seen_s: float
    last_seen_s: float
    size_px: float
    roll_degrees: tuple[float, float] | None
    yaw_degrees: tuple[float, float] | None
    confidence: float
    filled_frames: int
    swappable: float

    @property
    def line(self) -> str:
        """The track in a line of words."""
        who = f"person {self.person}" + (f" ({self.name})" if self.name else "")
        roll = "" if self.roll_degrees is None else "  roll {:+.0f} to {:+.0f}".format(*self.roll_degrees)
        filled = f"  {self.filled_frames} frames made up" if self.filled_frames else ""
        return (
            f"track {self.track:<3} {who}  frames {self.first_frame}-{self.last_frame}"
            f" ({self.first_seen_s:.1f}-{self.last_seen_s:.1f} s)  {self.size_px:.0f} px{roll}"
            f"  confidence {self.confidence:.2f}  swappable {self.swappable:.0%}{filled}"
        )


@dataclass(frozen=True)
class ClipListing:
    """Shots, as first and last frame, tracks and people (numbers of tracks) of an analysis."""

    shots: tuple[tuple[int, int], ...]
    tracks: tuple[TrackListing, ...]
    people: tuple[tuple[int, ...], ...]
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, analysis: Analysis) -> ClipListing:
        """Lists an analysis."""
        end = analysis.first_frame + analysis.frame_count
        begins = [analysis.first_frame, *analysis.cuts]
        shots = tuple((begin, stop - 1) for begin, stop in zip(begins, [*analysis.cuts, end], strict=True))
        people = group_people(analysis)
        who = {number: person for person, numbers in enumerate(people) for number in numbers}
        names = {who[track.track]: track.person for track in analysis.tracks if track.person}
        tracks = tuple(_list_track(track, who, names, begins) for track in analysis.tracks)
        return cls(shots, tracks, people, analysis.warnings)

    @classmethod
    def of_answer(cls, answer: clip_pb2.ListTracksResponse) -> ClipListing:
        """Lists what an engine has found."""
        tracks = tuple(
            TrackListing(
                name=each.person_name,
                roll_degrees=_read_extent(each.roll_degrees),
                yaw_degrees=_read_extent(each.yaw_degrees),
                **{name: getattr(each, name) for name in _SAME_FIELDS},
            )
            for each in answer.tracks
        )
        people: dict[int, list[int]] = {}
        for track in tracks:
            people.setdefault(track.person, []).append(track.track)
        ends = [*answer.shots[1:], answer.first_frame + answer.frame_count]
        shots = tuple((begin, end - 1) for begin, end in zip(answer.shots, ends, strict=True))
        groups = tuple(tuple(people[person]) for person in sorted(people))
        return cls(shots, tracks, groups, tuple(answer.warnings))

    def to_json(self) -> dict[str, Any]:
        """Turns it into JSON's types."""
        return {
            "shots": [{"first_frame": first, "last_frame": last} for first, last in self.shots],
            "people": [{"person": n, "tracks": list(tracks)} for n, tracks in enumerate(self.people)],
            "tracks": [asdict(track) for track in self.tracks],
            "warnings": list(self.warnings),
        }

    def lines(self) -> list[str]:
        """Writes it in lines of words, shot by shot."""
        lines = []
        for number, (first, last) in enumerate(self.shots):
            tracks = [track for track in self.tracks if track.shot == number]
            lines.append(f"shot {number}: frames {first}-{last}" + ("" if tracks else ", no face"))
            lines += [f"  {track.line}" for track in sorted(tracks, key=lambda track: track.first_frame)]
        return lines


def _list_track(
    track: FaceTrack, who: Mapping[int, int], names: Mapping[int, str], begins: list[int]
) -> TrackListing:
    landmarks = smooth(track.landmarks, track.times, Smoothing())
    poses = head_poses(landmarks) if landmarks.shape[1] == POINTS else None
    shown = profile_opacity(landmarks, track.times) >= MIN_SHOWN_OPACITY
    person = who[track.track]
    seen = track.scores[~track.filled]
    return TrackListing(
        track=track.track,
        person=person,
        name=names.get(person, ""),
        shot=bisect.bisect_right(begins, int(track.frames[0])) - 1,
        first_frame=int(track.frames[0]),
        last_frame=int(track.frames[-1]),
        first_seen_s=round(float(track.times[0]), 3),
        last_seen_s=round(float(track.times[-1]), 3),
        size_px=round(float(np.median(measure_places(track)[:, 2])), 1),
        roll_degrees=None if poses is None else _find_extent(poses[:, 2]),
        yaw_degrees=None if poses is None else _find_extent(poses[:, 0]),
        confidence=round(float(seen.mean()), 3) if len(seen) else 0.0,
        filled_frames=int(track.filled.sum()),
        swappable=round(float(shown.mean()), 3),
    )


def _read_extent(values: Sequence[float]) -> tuple[float, float] | None:
    return (values[0], values[1]) if len(values) == 2 else None


def _find_extent(values: Any) -> tuple[float, float]:
    return round(float(values.min()), 1), round(float(values.max()), 1)
