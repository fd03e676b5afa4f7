"""Choice of the tracks in a clip that are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.errors import FaceNotFoundError, UsageError
from recaster.faces.embedding import SAME_IN_CLIP, distance
from recaster.faces.people import group_people
from recaster.faces.pose import head_poses
from recaster.faces.topology import MESH_POINTS
from recaster.settings.detection import MIN_FACE_PX, SAME_PERSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.faces.types import Analysis, FaceTrack, Floats

UNSURE_PERSON: Final = 0.8
"""Distance up to which a small, turned or short face may be a person's: other people's lie about .85."""
MIN_TELLING_PX: Final = 48
MAX_TELLING_YAW: Final = 40.0
MIN_TELLING_FRAMES: Final = 5


def size_needed(min_face: int) -> str:
    """Part of a message: the size of the smallest face that is looked for."""
    return f"a face has to be at least {min_face} pixels wide"


def choose_tracks(
    analysis: Analysis,
    *,
    person: Floats | None = None,
    track: int | None = None,
    number: int | None = None,
    name: str = "",
    everyone: bool = False,
    min_face: int = MIN_FACE_PX,
) -> tuple[FaceTrack, ...]:
    """Chooses the tracks to work on, at least one, in the order of the analysis.

    Without any wish: those of the person who fills most of the clip (face area summed over the frames).

    Args:
        person: (128,) embedding: all tracks of that person.
        track: a track's number: all tracks of the person that it shows.
        number: a person's, as ``group_people`` orders people.
        name: a person's, as a correction gave it.
        min_face: width in pixels of the smallest face that was looked for.

    Raises:
        UsageError: more than one wish at once, or a person is wished for but the analysis has no identities.
        FaceNotFoundError: there is no face at all, or not the one asked for.
    """
    if sum((person is not None, track is not None, number is not None, bool(name), everyone)) > 1:
        raise UsageError("choose either a person, or a track, or everyone")
    tracks = analysis.tracks
    if not tracks:
        raise FaceNotFoundError(
            f"no face was found in {analysis.frame_count} frames; {size_needed(min_face)}"
        )
    if everyone:
        return tracks
    if person is not None:
        return _choose_person(analysis, person)
    return tuple(analysis.track(n) for n in _find_group(analysis, track, number, name))


def _find_group(analysis: Analysis, track: int | None, number: int | None, name: str) -> tuple[int, ...]:
    """Finds the tracks of a person, by one of them, the person's number or name; else the main person's."""
    people = group_people(analysis)
    tracks = analysis.tracks
    if number is not None:
        if number >= len(people):
            raise FaceNotFoundError(f"there is no person {number}; {_count_people(people)} found")
        return people[number]
    if name:
        track = next((each.track for each in tracks if each.person == name), None)
        if track is None:
            raise FaceNotFoundError(_describe_names(name, tracks))
    wanted = next((group for group in people if track is None or track in group), None)
    if wanted is None:
        raise FaceNotFoundError(f"there is no track {track}; found: {_describe_tracks(tracks)}")
    return wanted


def choose_tracks_at_risk(
    analysis: Analysis, *, person: Floats | None = None, track: int | None = None, min_face: int = MIN_FACE_PX
) -> tuple[FaceTrack, ...]:
    """Chooses all tracks that may show a person: also reflections, screens, and whoever can't be told apart.

    Everybody's where nobody is named. Arguments and errors are those of ``choose_tracks``.
    """
    if person is None and track is None:
        return choose_tracks(analysis, everyone=True, min_face=min_face)
    sure = choose_tracks(analysis, person=person, track=track, min_face=min_face)
    names = {each.person for each in sure}
    known = [each.embedding for each in sure if each.embedding.size] + ([] if person is None else [person])

    def may_be(other: FaceTrack) -> bool:
        if other.person and other.person not in names:
            return False
        limit = SAME_PERSON if _is_telling(other) else UNSURE_PERSON
        return not other.embedding.size or min(distance(other.embedding, each) for each in known) < limit

    numbers = {each.track for each in sure}
    return tuple(each for each in analysis.tracks if each.track in numbers or may_be(each))


def _is_telling(track: FaceTrack) -> bool:
    """True where a track shows its face large and frontal enough, for long enough, to tell who it is."""
    widths = track.boxes[:, 2] - track.boxes[:, 0]
    is_clear = (widths >= MIN_TELLING_PX) & ~track.filled
    if track.landmarks.shape[1] >= MESH_POINTS:
        is_clear &= np.abs(head_poses(track.landmarks)[:, 0]) < MAX_TELLING_YAW
    return bool(is_clear.sum() >= MIN_TELLING_FRAMES)


def _choose_person(analysis: Analysis, person: Floats) -> tuple[FaceTrack, ...]:
    """Tracks of whoever comes nearest to an embedding, and of others who are as good as equal."""
    tracks = analysis.tracks
    if not all(track.embedding.size for track in tracks):
        raise UsageError("the clip was analysed without identities, so a person cannot be looked for")
    people = group_people(analysis)
    apart = [
        distance(np.mean([analysis.track(n).embedding for n in group], axis=0), person) for group in people
    ]
    nearest = min(apart)
    if nearest >= SAME_PERSON:
        raise FaceNotFoundError(
            f"the wanted person is not in the clip (the nearest face is {nearest:.2f} away, from "
            f"{SAME_PERSON} on it is somebody else); found: {_describe_tracks(tracks)}"
        )
    # As near as one person's tracks are to each other, or as the nearest is, if that is farther.
    limit = max(SAME_IN_CLIP, nearest)
    chosen = {n for group, d in zip(people, apart, strict=True) if d <= limit for n in group}
    return tuple(track for track in tracks if track.track in chosen)


def _count_people(people: Sequence[object]) -> str:
    return "person 0 is" if len(people) == 1 else f"people 0 to {len(people) - 1} are"


def _describe_names(name: str, tracks: tuple[FaceTrack, ...]) -> str:
    named = list(dict.fromkeys(track.person for track in tracks if track.person))
    known = f"named are {', '.join(named)}" if named else "nobody is named (see: recaster tracks CLIP assign)"
    return f"there is no person called {name!r}, nor such a picture; {known}"


def _describe_tracks(tracks: tuple[FaceTrack, ...]) -> str:
    """Describes tracks in words, for a message."""
    shown = [f"track {track.track} (frames {track.frames[0]}-{track.frames[-1]})" for track in tracks[:8]]
    return ", ".join(shown) + (f" and {len(tracks) - 8} more" if len(tracks) > 8 else "")
