"""Application of corrections to an analysis: one analysis goes in, another comes out.

A correction names a face by places; it is of whatever track shows a face there, also in an analysis that
another detector made. What is so already needs no correction; what can't be applied is said.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces.box_correction import CorrectionError, place_box
from recaster.faces.face_course import find_track, rows_on_course
from recaster.faces.people import choose_clear_frames, group_people
from recaster.faces.track_pieces import join_tracks, replace_track, select_rows, split_runs
from recaster.faces.tracklets import cut_portrait, outline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Analysis, FaceTrack, Floats
    from recaster.media.clip import Clip
    from recaster.settings.corrections import Correction
    from recaster.settings.detection import AnalysisSettings

MAX_JOINED_GAP_S: Final = 1.0
"""Time between two tracks that are joined: the face is painted in straight lines between them."""
POINTS_REACH_S: Final = 0.2
"""Time to either side over which moved points fade to where they were found: as slow as a nod."""
MIN_SHARE_ON_COURSE: Final = 0.5
"""Share of a track's frames that lie on a course for the track to be the one that is meant."""


def apply_correction(
    clip: Clip, analysis: Analysis, settings: AnalysisSettings, number: int, correction: Correction
) -> Analysis:
    """Applies one correction, all but moved points; ``number`` is its place in the list, from 0.

    What can't be applied becomes a warning of the result; what is of other frames than the analysis does not.

    Raises:
        ClipError: the clip can't be read.
    """
    if not _is_of_frames(analysis, correction):
        return analysis
    try:
        if correction.kind == "box":
            tracks = place_box(clip, analysis, settings, correction)
        elif correction.kind in _CHANGES:
            tracks = _CHANGES[correction.kind](clip, analysis, correction)
        else:
            return analysis
    except CorrectionError as error:
        return warn(analysis, number, correction, str(error))
    return replace(analysis, tracks=tuple(sorted(tracks, key=lambda track: track.track)))


def warn(analysis: Analysis, number: int, correction: Correction, why: str) -> Analysis:
    """Adds the warning that a correction was not applied."""
    sentence = f"correction {number} was not applied ({correction.describe()}): {why}"
    return replace(analysis, warnings=(*analysis.warnings, sentence))


def _is_of_frames(analysis: Analysis, correction: Correction) -> bool:
    frames = range(analysis.first_frame, analysis.first_frame + analysis.frame_count)
    if correction.kind in ("drop", "assign"):  # of as much of them as was looked at
        return correction.frames.start < frames.stop and correction.frames.stop > frames.start
    return all(place.frame in frames for place in (correction.face[0], *correction.other))


def _require_track(analysis: Analysis, correction: Correction) -> FaceTrack:
    track = find_track(analysis, correction.face[0])
    if track is None:
        raise CorrectionError("there is no face")
    return track


def _split(clip: Clip, analysis: Analysis, correction: Correction) -> list[FaceTrack]:
    track = _require_track(analysis, correction)
    row = correction.face[0].frame - int(track.frames[0])
    if row == 0:
        return list(analysis.tracks)
    pieces = [
        select_rows(track, np.arange(len(track)) < row),
        select_rows(track, np.arange(len(track)) >= row),
    ]
    # Both halves have the mean of two people, so their identities are measured anew.
    return replace_track(analysis, track, [_identify(clip, piece) for piece in pieces])


def _join(_clip: Clip, analysis: Analysis, correction: Correction) -> list[FaceTrack]:
    track = _require_track(analysis, correction)
    other = find_track(analysis, correction.other[0])
    if other is None:
        raise CorrectionError(f"there is no face in frame {correction.other[0].frame} to go on as")
    if track is other:
        return list(analysis.tracks)
    first, second = sorted((track, other), key=lambda each: int(each.frames[0]))
    if fault := find_join_fault(analysis, first, second):
        raise CorrectionError(fault)
    number = max(first, second, key=len).track
    joined = join_tracks(number, (first, second))
    return [*(each for each in analysis.tracks if each is not track and each is not other), joined]


def find_join_fault(analysis: Analysis, first: FaceTrack, second: FaceTrack) -> str:
    """Says why two tracks, the earlier one first, can't be one; empty where they can."""
    if first.frames[-1] >= second.frames[0]:
        return "both faces are in the same frames"
    if any(first.frames[-1] < cut <= second.frames[0] for cut in analysis.cuts):
        return "a cut lies between them: a track is one shot's; assign both to one person"
    if second.times[0] - first.times[-1] > MAX_JOINED_GAP_S:
        return f"more than {MAX_JOINED_GAP_S:g} s lie between them: place boxes there, or assign a person"
    return ""


def _drop(_clip: Clip, analysis: Analysis, correction: Correction) -> list[FaceTrack]:
    tracks = list(analysis.tracks)
    for track in analysis.tracks:
        dropped = rows_on_course(track, correction.face)
        if dropped.any():
            kept = [select_rows(track, piece) for piece in split_runs(~dropped)]
            tracks = replace_track(replace(analysis, tracks=tuple(tracks)), track, kept)
    if len(tracks) == len(analysis.tracks) and all(map(_is_same_object, tracks, analysis.tracks)):
        raise CorrectionError("there is no face")
    return tracks


def _is_same_object(track: FaceTrack, other: FaceTrack) -> bool:
    return track is other


def _assign(_clip: Clip, analysis: Analysis, correction: Correction) -> list[FaceTrack]:
    meant = [
        track
        for track in analysis.tracks
        if rows_on_course(track, correction.face).mean() >= MIN_SHARE_ON_COURSE
    ]
    if not meant:
        raise CorrectionError("no track shows mostly this face")
    names = {track.track: correction.person for track in meant}
    like = None
    if correction.other:
        like = find_track(analysis, correction.other[0])
        if like is None:
            raise CorrectionError(f"there is no face in frame {correction.other[0].frame} to compare with")
        person = next(group for group in group_people(analysis) if like.track in group)
        names = dict.fromkeys((*person, *names), like.person or correction.person)
    # It was taken for somebody else by its looks, and must not draw others there.
    looks = {track.track: (like or track).embedding for track in meant}
    changed = {
        number: replace(track, person=name, embedding=looks.get(number, track.embedding))
        for number, name in names.items()
        for track in [analysis.track(number)]
    }
    return [changed.get(track.track, track) for track in analysis.tracks]


_CHANGES: Final[Mapping[str, Callable[[Clip, Analysis, Correction], list[FaceTrack]]]] = {
    "split": _split,
    "join": _join,
    "drop": _drop,
    "assign": _assign,
}


def _identify(clip: Clip, track: FaceTrack) -> FaceTrack:
    """Measures anew who a track shows, from a few clear frames, where identities are known."""
    if not track.embedding.size:
        return track
    indices = choose_clear_frames(track)
    faces = [
        cut_portrait(frame.image, track.landmarks[frame.index - int(track.frames[0])]).embedding
        for frame in clip.read_indices(sorted(indices))
    ]
    return replace(track, embedding=np.mean(faces, axis=0))


def move_points(analysis: Analysis, corrections: Sequence[tuple[int, Correction]]) -> Analysis:
    """Moves points of meshes as corrections, with their places in the list, say.

    In the frame of a correction its points are where it puts them; from there they fade to where they were
    found, or to the next correction. Depths stay where none is given.
    """
    moved: dict[int, list[tuple[int, Correction]]] = {}
    for number, correction in corrections:
        if not _is_of_frames(analysis, correction):
            continue
        track = find_track(analysis, correction.face[0])
        if track is None:
            analysis = warn(analysis, number, correction, "there is no face")
        elif any(int(point[0]) >= track.landmarks.shape[1] for point in correction.points):
            why = f"the face has {track.landmarks.shape[1]} points and not these"
            analysis = warn(analysis, number, correction, why)
        else:
            moved.setdefault(track.track, []).append((correction.face[0].frame, correction))
    if not moved:
        return analysis
    tracks = [_move_mesh(track, moved.get(track.track, ())) for track in analysis.tracks]
    return replace(analysis, tracks=tuple(tracks))


def _move_mesh(track: FaceTrack, corrections: Sequence[tuple[int, Correction]]) -> FaceTrack:
    if not corrections:
        return track
    offsets: dict[int, Floats] = {}
    for frame, correction in corrections:
        row = frame - int(track.frames[0])
        mesh = track.landmarks[row] + offsets.get(row, 0.0)
        for index, *position in correction.points:
            mesh[int(index), : len(position)] = position
        offsets[row] = mesh - track.landmarks[row]
    landmarks = track.landmarks.copy()
    boxes = track.boxes.copy()
    for row, offset in _spread_offsets(track.times, offsets).items():
        landmarks[row] += offset
        boxes[row] = outline(landmarks[row]).sides
    return replace(track, landmarks=landmarks, boxes=boxes)


def _spread_offsets(times: Floats, offsets: Mapping[int, Floats]) -> dict[int, Floats]:
    """Offsets (N, 3) of all rows that are moved, of those of some rows: in straight lines over time."""
    rows = sorted(offsets)
    spread: dict[int, Floats] = {}
    for row, time in enumerate(times.tolist()):
        if row in offsets:
            spread[row] = offsets[row]
            continue
        before = max((each for each in rows if each < row), default=None)
        after = min((each for each in rows if each > row), default=None)
        shares = {each: _fade(times, row, each) for each in (before, after) if each is not None}
        if before is not None and after is not None and times[after] - times[before] <= 2 * POINTS_REACH_S:
            share = (time - times[before]) / (times[after] - times[before])
            shares = {before: 1 - share, after: share}
        offset = sum(share * offsets[each] for each, share in shares.items() if share > 0)
        if np.any(offset):
            spread[row] = np.asarray(offset)
    return spread


def _fade(times: NDArray[np.float64], row: int, key: int) -> float:
    return float(max(0.0, 1 - abs(times[row] - times[key]) / POINTS_REACH_S))
