"""People of a clip: tracks grouped by identity, and a picture of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces.alignment import align_matrix, warp
from recaster.faces.embedding import SAME_IN_CLIP, distance
from recaster.faces.pose import head_poses
from recaster.faces.topology import MESH_POINTS
from recaster.faces.tracklets import cut_portrait

if TYPE_CHECKING:
    from recaster.faces.types import Analysis, FaceTrack, Floats
    from recaster.media.clip import Clip
    from recaster.media.types import Image

_CANDIDATES: Final = 3
_COVERAGE: Final = 1.6


def group_people(analysis: Analysis) -> tuple[tuple[int, ...], ...]:
    """Groups tracks by identity.

    The track that fills most of the clip comes first and gathers, one after the other, all that are nearer
    than ``SAME_IN_CLIP`` to the mean of what it has gathered; then the next that is left. Tracks that are in
    a frame at the same time are never one person. Without identities every track is a person of its own.
    Tracks that somebody gave the same name are one person, whatever they look like, and nobody else is.
    Track numbers are ascending; the person who fills most of the clip comes first.
    """
    left = sorted(analysis.tracks, key=_weight, reverse=True)
    people: list[list[FaceTrack]] = []
    while left:
        person = [left.pop(0)]
        for track in list(left):
            if _is_same(person, track):
                person.append(track)
                left.remove(track)
        names = {track.person for track in person} - {""}
        person += [track for track in left if track.person in names]
        left = [track for track in left if track.person not in names]
        people.append(person)
    # Whoever began with the largest track need not fill most of the clip.
    people.sort(key=lambda person: -sum(_weight(track) for track in person))
    return tuple(tuple(sorted(track.track for track in person)) for person in people)


def _weight(track: FaceTrack) -> float:
    """Face area summed over the frames, square pixels."""
    sizes = track.boxes[:, 2:] - track.boxes[:, :2]
    return float(np.prod(sizes, axis=1).sum())


def _is_same(person: list[FaceTrack], other: FaceTrack) -> bool:
    names = {track.person for track in person} - {""}
    if other.person or names:
        return other.person in names
    if any(track.frames[0] <= other.frames[-1] and other.frames[0] <= track.frames[-1] for track in person):
        return False
    if not other.embedding.size or not person[0].embedding.size:
        return False
    # Of all its tracks, not the first alone: a few frames of a face that is half covered are farther from
    # any one of them than from their mean.
    weights = [_weight(track) for track in person]
    mean = np.average([track.embedding for track in person], axis=0, weights=weights)
    return distance(mean, other.embedding) < SAME_IN_CLIP


@dataclass(frozen=True, eq=False)
class PersonPicture:
    """A person of a clip, to be shown: tracks' numbers, and the aligned face of one frame (its index)."""

    tracks: tuple[int, ...]
    frame: int
    image: Image


def portraits(clip: Clip, analysis: Analysis, size: int = 256) -> tuple[PersonPicture, ...]:
    """Makes one good picture of each person of a clip, (size, size, 3), in the order of ``group_people``.

    Raises:
        ClipError: the clip cannot be read any more.
    """
    pictures = []
    for numbers in group_people(analysis):
        track = max((analysis.track(n) for n in numbers), key=_weight)
        index, image = cut_clear_picture(clip, track, size)
        pictures.append(PersonPicture(numbers, index, image))
    return tuple(pictures)


def cut_clear_picture(clip: Clip, track: FaceTrack, size: int) -> tuple[int, Image]:
    """Cuts out one good picture of a track's face: its frame, and (size, size, 3).

    Some large, frontal faces are looked at, and the one nearest to the track's mean embedding is taken (the
    sharpest where there are no identities): nothing covers it.

    Raises:
        ClipError: the clip cannot be read any more.
    """
    candidates = [_cut_candidate(clip, track, index, size) for index in choose_clear_frames(track)]
    _, index, image = max(candidates, key=lambda candidate: candidate[0])
    return index, image


def choose_clear_frames(track: FaceTrack) -> list[int]:
    """Indices of some frames in which the face is large and frontal, apart from each other."""
    quality = _measure_quality(track)
    parts = np.array_split(np.arange(len(track)), min(_CANDIDATES, len(track)))
    return [int(track.frames[part[np.argmax(quality[part])]]) for part in parts]


def _measure_quality(track: FaceTrack) -> Floats:
    """Measures how large, frontal and certain the face is, (T,)."""
    quality = (track.boxes[:, 2] - track.boxes[:, 0]) * track.scores * ~track.filled
    if track.landmarks.shape[1] >= MESH_POINTS:
        poses = np.radians(head_poses(track.landmarks))
        quality = quality * np.cos(poses[:, 0]) * np.cos(poses[:, 1])
    return quality


def _cut_candidate(clip: Clip, track: FaceTrack, index: int, size: int) -> tuple[float, int, Image]:
    """Cuts a frame's picture of the face: its quality, the frame, and the picture."""
    frame = next(iter(clip.read(index, index + 1)))
    points = track.landmarks[index - track.frames[0]]
    seen = cut_portrait(frame.image, points)
    good = -distance(seen.embedding, track.embedding) if track.embedding.size else seen.quality
    return good, index, warp(frame.image, align_matrix(points, size, _COVERAGE), size)
