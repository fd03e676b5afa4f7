"""The judges look through two clips (three with the truth), side by side, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recaster.errors import ClipError
from recaster.evaluation.landmarks import Judge, face_box
from recaster.evaluation.look_judge import LookJudge
from recaster.evaluation.picture_judge import PictureJudge
from recaster.evaluation.truth_judge import TruthJudge
from recaster.evaluation.types import Scores, Seen
from recaster.media.reader import read_frames
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from recaster.evaluation.sface import SFace
    from recaster.evaluation.truth import Truth
    from recaster.faces.types import FaceTrack, Floats
    from recaster.media.types import Image


@dataclass(frozen=True, eq=False)
class Watched:
    """What all judges saw, T frames of it.

    Attributes:
        original, swapped: what they saw in the two clips.
        mirrored: what was seen in the original with points found in the mirrored picture: how far a
            judge is from itself.
        pictures: scores of the swap's pixels.
        look: scores of its tint, light and detail.
        true: what they saw in the true swap; None without one.
        true_pictures, true_look: the same scores of the true swap.
        against: scores of the swap's pixels against the true swap.
        notice: what the landmark judge's licence asks to be said.
    """

    original: Seen
    swapped: Seen
    mirrored: Seen
    pictures: Scores
    look: Scores
    true: Seen | None
    true_pictures: Scores | None
    true_look: Scores | None
    against: Scores | None
    notice: str


def watch(
    original: Path,
    swapped: Path,
    truth: Truth | None,
    tracks: Sequence[FaceTrack],
    frames: range,
    sface: SFace,
    *,
    identity_every: int = 5,
    report: Report = silent,
) -> Watched:
    """Let every judge see every frame once, in constant memory but for what they note down.

    The box in which a judge looks comes from the original, the same for all clips, so that no clip
    has the better box.

    Args:
        original: the clip that was swapped.
        swapped: its swap, ``len(frames)`` frames.
        truth: the true swap, or None.
        tracks: the performer's tracks in the original.
        frames: indices in the original.
        sface: the judge of identity.
        identity_every: frames with a face between two looks at whose it is.
        report: told after every frame.

    Raises:
        ClipError: a clip ends early or is damaged.
    """
    where = points_by_frame(tracks)
    points = Judge()
    pixels, true_pixels, against = PictureJudge(), PictureJudge(), TruthJudge(sface)
    look, true_look = LookJudge(), LookJudge()
    notes = [_Notes(points, sface, len(frames)) for _ in range(2 if truth is None else 3)]
    again = _Notes(points, sface, len(frames))
    faces = 0
    for at, (index, images) in enumerate(_together([original, swapped], truth, frames)):
        mesh = where.get(index)
        if mesh is not None:
            box = face_box(mesh)
            for note, image in zip(notes, images, strict=True):
                note.take(at, image, points.points(image, box), identity=faces % identity_every == 0)
            again.take(at, images[0], points.mirrored(images[0], box), identity=False)
            faces += 1
        pixels.add(images[0], images[1], mesh)
        look.add(images[0], images[1], mesh)
        if truth is not None:
            true_pixels.add(images[0], images[2], mesh)
            true_look.add(images[0], images[2], mesh)
            against.add(images[1], images[2], images[0], truth.mask(index), notes[2].points[at])
        report(Update("judging", at + 1, len(frames)))
    return Watched(
        original=notes[0].seen(),
        swapped=notes[1].seen(),
        mirrored=again.seen(),
        pictures=pixels.scores(),
        look=look.scores(),
        true=None if truth is None else notes[2].seen(),
        true_pictures=None if truth is None else true_pixels.scores(),
        true_look=None if truth is None else true_look.scores(),
        against=None if truth is None else against.scores(),
        notice=points.notice,
    )


def points_by_frame(tracks: Sequence[FaceTrack]) -> dict[int, Floats]:
    """The mesh's points (478, 3) by frame index; where tracks overlap, the first one's."""
    found: dict[int, Floats] = {}
    for track in tracks:
        for index, points in zip(track.frames.tolist(), track.landmarks, strict=True):
            found.setdefault(index, points)
    return found


class _Notes:
    """What is noted down of one clip."""

    def __init__(self, judge: Judge, sface: SFace, count: int) -> None:
        self._judge, self._sface = judge, sface
        self.points = np.full((count, 68, 2), np.nan)
        self._pupils = np.full((count, 2, 2), np.nan)
        self._embeddings = np.full((count, 128), np.nan)

    def take(self, at: int, image: Image, points: Floats, *, identity: bool) -> None:
        self.points[at] = points
        self._pupils[at] = self._judge.pupils(image, points)
        if identity:
            self._embeddings[at] = self._sface.embed(image, points)

    def seen(self) -> Seen:
        return Seen(self.points, self._pupils, self._embeddings)


def _together(clips: list[Path], truth: Truth | None, frames: range) -> Iterator[tuple[int, list[Image]]]:
    """Frames of all clips that belong together, with their index in the original."""
    ranges = [(clips[0], frames), (clips[1], range(len(frames)))]
    if truth is not None:
        ranges.append((truth.clip, frames))
    readers = [read_frames(path, some.start, some.stop) for path, some in ranges]
    try:
        for index, images in zip(frames, zip(*readers, strict=True), strict=True):
            yield index, [frame.image for frame in images]
    except ValueError as error:
        named = " and ".join(path.name for path, _ in ranges)
        raise ClipError(f"{named} hold different numbers of readable frames; make the swap again") from error
