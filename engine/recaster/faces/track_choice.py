"""Choice of the tracks in a clip that are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recaster.errors import FaceNotFoundError, UsageError
from recaster.faces.embedding import SAME_IN_CLIP, distance
from recaster.faces.people import group_people
from recaster.settings.detection import MIN_FACE_PX, SAME_PERSON

if TYPE_CHECKING:
    from recaster.faces.types import Analysis, FaceTrack, Floats


def size_needed(min_face: int) -> str:
    """Part of a message: the size of the smallest face that is looked for."""
    return f"a face has to be at least {min_face} pixels wide"


def choose_tracks(
    analysis: Analysis,
    *,
    person: Floats | None = None,
    track: int | None = None,
    everyone: bool = False,
    min_face: int = MIN_FACE_PX,
) -> tuple[FaceTrack, ...]:
    """Chooses the tracks to work on, at least one, in the order of the analysis.

    Without any wish: those of the person who fills most of the clip (face area summed over the frames).

    Args:
        person: (128,) embedding: all tracks of that person.
        track: a track's number: all tracks of the person that it shows.
        min_face: width in pixels of the smallest face that was looked for.

    Raises:
        UsageError: more than one wish at once, or a person is wished for but the analysis has no identities.
        FaceNotFoundError: there is no face at all, or not the one asked for.
    """
    if sum((person is not None, track is not None, everyone)) > 1:
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
    wanted = [group for group in group_people(analysis) if track is None or track in group]
    if not wanted:
        raise FaceNotFoundError(f"there is no track {track}; found: {_describe_tracks(tracks)}")
    return tuple(analysis.track(n) for n in wanted[0])


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


def _describe_tracks(tracks: tuple[FaceTrack, ...]) -> str:
    """Describes tracks in words, for a message."""
    shown = [f"track {track.track} (frames {track.frames[0]}-{track.frames[-1]})" for track in tracks[:8]]
    return ", ".join(shown) + (f" and {len(tracks) - 8} more" if len(tracks) > 8 else "")
