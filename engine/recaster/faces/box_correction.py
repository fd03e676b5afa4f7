"""Correction by a box: the face in it is located, and followed from there until it is known again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces.face_course import find_track
from recaster.faces.landmarkers import make_landmarker
from recaster.faces.track_pieces import join_tracks, number_after, select_rows
from recaster.faces.tracker import MATCH_OVERLAP, MAX_UNSEEN_S, SAME_OVERLAP, STEADY_OVERLAP
from recaster.faces.tracklets import cut_portrait, outline
from recaster.faces.types import Box, FaceTrack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recaster.faces.landmarkers import Landmarker
    from recaster.faces.types import Analysis, Floats, Landmarks
    from recaster.media.clip import Clip
    from recaster.media.types import Frame
    from recaster.settings.corrections import Correction
    from recaster.settings.detection import AnalysisSettings

MIN_PRESENCE: Final = 0.1
"""The landmarker's presence from which on a box that somebody placed holds a face: less than for one that the
detector placed. In 120 boxes at random places of pictures without a face it is up to .03."""
_FRAMES_AT_ONCE: Final = 8
"""Frames that are decoded together where a face is followed backwards."""


class CorrectionError(Exception):
    """A correction that can't be applied; says why."""


def place_box(
    clip: Clip, analysis: Analysis, settings: AnalysisSettings, correction: Correction
) -> list[FaceTrack]:
    """Puts the face of a correction's box into an analysis; returns all tracks.

    The face is located in the box and followed to both sides, no longer than the tracker follows what the
    detector doesn't see, until a track is met that shows the same: that one goes on from there. A face that
    meets none is a track of its own.

    Raises:
        CorrectionError: there is no face in the box.
    """
    frame = correction.face[0].frame
    left, top, width, height = correction.box
    box = Box(left, top, left + width, top + height)
    landmarker = make_landmarker(settings.landmarker)
    [picture] = clip.read_indices([frame])
    face = landmarker.locate(picture.image, box, correction.angle / 90)
    if outline(face.points).iou(box) < MATCH_OVERLAP or face.presence < MIN_PRESENCE:
        raise CorrectionError(
            "no face can be made out in the box; make it as large as the face, with its roll"
        )
    here = find_track(analysis, correction.face[0])
    path = _Path(clip, analysis, settings, landmarker, here)
    before = path.follow(picture, face, -1)
    after = path.follow(picture, face, 1)
    own = _make_track([*reversed(before.faces), (picture, face), *after.faces])
    if settings.identify and before.met is None and after.met is None:
        own = replace(own, embedding=cut_portrait(picture.image, face.points).embedding)
    return _insert(analysis, here, before.met, after.met, own)


class _Followed:
    """A face in the frames to one side; ``met`` is the track that goes on beyond them, if one does."""

    def __init__(self) -> None:
        self.faces: list[tuple[Frame, Landmarks]] = []
        self.met: FaceTrack | None = None


class _Path:
    """Follows one face through the frames of its shot."""

    def __init__(
        self,
        clip: Clip,
        analysis: Analysis,
        settings: AnalysisSettings,
        landmarker: Landmarker,
        here: FaceTrack | None,
    ) -> None:
        self._clip = clip
        self._analysis = analysis
        self._settings = settings
        self._landmarker = landmarker
        self._here = here

    def follow(self, picture: Frame, face: Landmarks, step: int) -> _Followed:
        """Follows it from a frame on, or back where ``step`` is -1."""
        followed = _Followed()
        points = face.points
        for frame in self._read(picture.index, step):
            # Who can't tell that a face is gone must not follow it.
            late = abs(float(frame.time - picture.time)) > MAX_UNSEEN_S or not self._landmarker.knows_presence
            seen = None if late else self._landmarker.follow(frame.image, points)
            if seen is None or seen.presence < self._settings.presence:
                followed.met = self._reach_here(frame.index)
                break
            followed.met = self._find_met(frame.index, seen.points)
            if followed.met is not None:
                break
            followed.faces.append((frame, seen))
            points = seen.points
        return followed

    def _reach_here(self, frame: int) -> FaceTrack | None:
        """The track that was at the box, where it reaches a frame."""
        here = self._here
        return here if here is not None and here.frames[0] <= frame <= here.frames[-1] else None

    def _find_met(self, frame: int, points: Floats) -> FaceTrack | None:
        """The track that shows the face in a frame; the one at the box only where it shows just the same."""
        for track in self._analysis.tracks:
            row = frame - int(track.frames[0])
            if not 0 <= row < len(track) or track.filled[row]:
                continue
            overlap = outline(track.landmarks[row]).iou(outline(points))
            if overlap > (STEADY_OVERLAP if track is self._here else SAME_OVERLAP):
                return track
        return None

    def _read(self, index: int, step: int) -> Iterator[Frame]:
        """Reads the frames of the shot beyond one, forwards or backwards."""
        analysis = self._analysis
        ends = [analysis.first_frame, *analysis.cuts, analysis.first_frame + analysis.frame_count]
        stop = min(end for end in ends if end > index)
        if step > 0 and index + 1 < stop:
            yield from self._clip.read_fast(index + 1, stop)
        if step > 0:
            return
        begin = max(end for end in ends if end <= index)
        while index > begin:
            start = max(index - _FRAMES_AT_ONCE, begin)
            yield from reversed(list(self._clip.read_fast(start, index)))
            index = start


def _make_track(faces: list[tuple[Frame, Landmarks]]) -> FaceTrack:
    """Makes a track of one face in consecutive frames, without a number or an identity."""
    landmarks = np.stack([face.points for _, face in faces])
    return FaceTrack(
        track=-1,
        frames=np.array([frame.index for frame, _ in faces], np.int64),
        times=np.array([float(frame.time) for frame, _ in faces]),
        boxes=np.array([outline(points).sides for points in landmarks]),
        landmarks=landmarks,
        scores=np.array([face.presence for _, face in faces]),
        filled=np.zeros(len(faces), bool),
        behind=np.zeros(len(faces)),
    )


def _insert(
    analysis: Analysis,
    here: FaceTrack | None,
    before: FaceTrack | None,
    after: FaceTrack | None,
    own: FaceTrack,
) -> list[FaceTrack]:
    """Puts a followed face between the tracks that it met; what of them it doesn't take stays a track."""
    first, last = int(own.frames[0]), int(own.frames[-1])
    pieces = [own]
    if before is not None:
        pieces.insert(0, select_rows(before, before.frames < first))
    if after is not None:
        pieces.append(select_rows(after, after.frames > last))
    known = [track for track in (before, after, here) if track is not None]
    number = max(known, key=len).track if known else number_after(analysis)
    tracks = [track for track in analysis.tracks if all(track is not other for other in known)]
    tracks.append(join_tracks(number, pieces))
    taken = {track.track for track in tracks}
    new = number_after(analysis) + 1
    for track in {track.track: track for track in known}.values():
        for rows in (
            track.frames < first if track is not before else np.zeros(len(track), bool),
            track.frames > last if track is not after else np.zeros(len(track), bool),
        ):
            if rows.any():
                rest = track.track if track.track not in taken else new
                taken.add(rest)
                tracks.append(replace(select_rows(track, rows), track=rest))
                new += rest == new
    return tracks
