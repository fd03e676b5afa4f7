"""Corrections made of what an artist says of the tracks that are listed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.errors import UsageError
from recaster.faces.corrections import find_join_fault
from recaster.faces.face_course import make_course, place_at
from recaster.faces.people import group_people
from recaster.settings.cast import names_picture
from recaster.settings.corrections import MAX_NAME_LENGTH, Correction, FacePlace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.faces.types import Analysis, FaceTrack

_NUMBER: Final = re.compile(r"\d+")


def make_split(analysis: Analysis, number: int, frame: int) -> Correction:
    """Parts a track before a frame (UsageError where it doesn't reach over it)."""
    track = require_track(analysis, number)
    if not track.frames[0] < frame <= track.frames[-1]:
        raise UsageError(f"{_describe_track(track)} can't be parted before frame {frame}")
    return Correction("split", (place_at(track, frame),))


def make_join(analysis: Analysis, number: int, other: int) -> Correction:
    """Makes one track of two of one shot that follow each other (UsageError where they don't)."""
    if number == other:
        raise UsageError(f"name two tracks, and not track {number} twice")
    tracks = (require_track(analysis, number), require_track(analysis, other))
    first, second = sorted(tracks, key=lambda track: int(track.frames[0]))
    if fault := find_join_fault(analysis, first, second):
        raise UsageError(f"{_describe_track(first)} and {_describe_track(second)} can't be joined: {fault}")
    return Correction(
        "join",
        (place_at(first, int(first.frames[-1])),),
        other=(place_at(second, int(second.frames[0])),),
    )


def make_drop(analysis: Analysis, number: int, frames: range | None) -> Correction:
    """Leaves a track out, or some frames of it (UsageError where it has none of them)."""
    track = require_track(analysis, number)
    frames = range(int(track.frames[0]), int(track.frames[-1]) + 1) if frames is None else frames
    if not np.isin(track.frames, frames).any():
        raise UsageError(f"{_describe_track(track)} has none of the frames {frames.start}-{frames.stop - 1}")
    return Correction("drop", make_course(track, frames))


def make_assign(analysis: Analysis, number: int, person: str) -> Correction:
    """Says who a track shows: a person by its number in the list, or by a name, new or not (UsageError)."""
    track = require_track(analysis, number)
    course = make_course(track, range(int(track.frames[0]), int(track.frames[-1]) + 1))
    if not 0 < len(person) <= MAX_NAME_LENGTH or not person.isprintable():
        raise UsageError(f"a person's name has 1 to {MAX_NAME_LENGTH} printable characters")
    if names_picture(person):  # as which a cast would take it
        raise UsageError(f"a person can't be called {person!r}: names hold no / and don't end like pictures")
    if not _NUMBER.fullmatch(person):
        return Correction("assign", course, person=person)
    people = group_people(analysis)
    if int(person) >= len(people):
        raise UsageError(f"there is no person {person}: people are numbered from 0 to {len(people) - 1}")
    others = [analysis.track(each) for each in people[int(person)] if each != number]
    if not others:
        raise UsageError(f"track {number} is the only one of person {person}; give a name to tell them apart")
    # A track with a name decides under which the person goes on.
    like = max(others, key=lambda each: (bool(each.person), len(each)))
    middle = int(like.frames[len(like) // 2])
    name = like.person or _choose_name(analysis)
    return Correction("assign", course, other=(place_at(like, middle),), person=name)


def _choose_name(analysis: Analysis) -> str:
    """A name that no person has."""
    names = {track.person for track in analysis.tracks}
    return next(name for n in range(len(names) + 1) if (name := f"P{n}") not in names)


def make_box(analysis: Analysis, frame: int, box: tuple[float, ...], angle: float) -> Correction:
    """Says where a face is in a frame (UsageError where there is no such frame).

    Args:
        box: left, top, width and height, in pixels, of brow to chin.
        angle: roll of the face in degrees, clockwise.
    """
    _require_frame(analysis, frame)
    left, top, width, height = box
    if width <= 0 or height <= 0:
        raise UsageError("a box has a width and a height above 0")
    size = float(np.sqrt(width * height))
    place = FacePlace(frame, left + width / 2, top + height / 2, size)
    return Correction("box", (place,), box=tuple(map(float, box)), angle=angle)


def make_points(
    analysis: Analysis, frame: int, points: Sequence[tuple[float, ...]], number: int | None = None
) -> Correction:
    """Moves points of a face's mesh: of a track's, or of the face that they are nearest to.

    Args:
        points: of each its index in the mesh, x and y in pixels, and z where it is moved.

    Raises:
        UsageError: there is no such face or point.
    """
    _require_frame(analysis, frame)
    tracks = [track for track in analysis.tracks if track.frames[0] <= frame <= track.frames[-1]]
    if number is not None:
        tracks = [track for track in tracks if track.track == number]
    if not tracks:
        raise UsageError(f"no track to move points of reaches frame {frame}")
    indices = [int(point[0]) for point in points]
    if not indices or max(indices) >= tracks[0].landmarks.shape[1]:
        raise UsageError(f"points are numbered from 0 to {tracks[0].landmarks.shape[1] - 1}")
    wanted = np.array([point[1:3] for point in points])

    def distance(track: FaceTrack) -> float:
        mesh = track.landmarks[frame - int(track.frames[0])]
        return float(np.linalg.norm(mesh[indices, :2] - wanted, axis=1).mean())

    return Correction("points", (place_at(min(tracks, key=distance), frame),), points=tuple(points))


def require_track(analysis: Analysis, number: int) -> FaceTrack:
    """The track of a number (UsageError where there is none)."""
    if all(track.track != number for track in analysis.tracks):
        numbers = ", ".join(str(track.track) for track in analysis.tracks[:40]) or "none"
        raise UsageError(f"there is no track {number}; there are: {numbers}")
    return analysis.track(number)


def _require_frame(analysis: Analysis, frame: int) -> None:
    last = analysis.first_frame + analysis.frame_count - 1
    if not analysis.first_frame <= frame <= last:
        raise UsageError(f"there is no frame {frame}: frames are {analysis.first_frame} to {last}")


def _describe_track(track: FaceTrack) -> str:
    return f"track {track.track} (frames {track.frames[0]}-{track.frames[-1]})"
