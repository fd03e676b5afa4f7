"""One pass of all judges over original, swap and (where it is known) true swap, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recaster.errors import ClipError
from recaster.evaluation.ground_truth_judge import GroundTruthJudge
from recaster.evaluation.landmark_judge import LandmarkJudge, face_box
from recaster.evaluation.look_judge import LookJudge
from recaster.evaluation.pixel_judge import PixelJudge
from recaster.evaluation.types import FaceObservations, Scores
from recaster.media.reader import read_frames
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from recaster.evaluation.ground_truth import Truth
    from recaster.evaluation.sface import SFace
    from recaster.faces.types import FaceTrack, Floats
    from recaster.media.types import Image


@dataclass(frozen=True, eq=False)
class Observations:
    """Observations and pixel scores of all judges over T frames.

    Attributes:
        original, swapped: observations of the two clips.
        mirrored: of the original, with points found in the mirrored picture: a judge's own error.
        pictures: scores of the swap's pixels.
        look: scores of its tint, light and detail.
        true: observations of the true swap; None without one.
        true_pictures, true_look: the same scores of the true swap.
        against: scores of the swap's pixels against the true swap.
        notice: the sentence that the landmark judge's licence asks for.
    """

    original: FaceObservations
    swapped: FaceObservations
    mirrored: FaceObservations
    pictures: Scores
    look: Scores
    true: FaceObservations | None
    true_pictures: Scores | None
    true_look: Scores | None
    against: Scores | None
    notice: str


def observe(
    original: Path,
    swapped: Path,
    truth: Truth | None,
    tracks: Sequence[FaceTrack],
    frames: range,
    sface: SFace,
    *,
    identity_every: int = 5,
    report: Report = silent,
) -> Observations:
    """Lets every judge see every frame once, in constant memory but for their notes.

    The box in which a judge looks comes from the original, the same for all clips, so that no clip
    has the better box.

    Args:
        original: the clip that was swapped.
        swapped: its swap, ``len(frames)`` frames.
        truth: the true swap, or None.
        tracks: the performer's tracks in the original.
        frames: indices in the original.
        sface: the judge of identity.
        identity_every: frames with a face from one embedding to the next.
        report: told after every frame.

    Raises:
        ClipError: a clip ends early or is damaged.
    """
    meshes = points_by_frame(tracks)
    judges = _Judges(truth, sface, len(frames), identity_every)
    for at, (index, images) in enumerate(_together([original, swapped], truth, frames)):
        judges.add(at, index, images, meshes.get(index))
        report(Update("judging", at + 1, len(frames)))
    return judges.observations()


def points_by_frame(tracks: Sequence[FaceTrack]) -> dict[int, Floats]:
    """Maps frame index to the mesh (478, 3); where tracks overlap, to the first one's."""
    found: dict[int, Floats] = {}
    for track in tracks:
        for index, points in zip(track.frames.tolist(), track.landmarks, strict=True):
            found.setdefault(index, points)
    return found


class _Judges:
    """All judges of one evaluation, and their notes.

    Args:
        truth: the true swap, or None.
        sface: the judge of identity.
        count: frames in all.
        identity_every: frames with a face from one embedding to the next.
    """

    def __init__(self, truth: Truth | None, sface: SFace, count: int, identity_every: int) -> None:
        self._truth = truth
        self._identity_every = identity_every
        self._landmarks = LandmarkJudge()
        self._notes = [_FaceNotes(self._landmarks, sface, count) for _ in range(2 if truth is None else 3)]
        self._mirrored = _FaceNotes(self._landmarks, sface, count)
        self._pictures = [(PixelJudge(), LookJudge()) for _ in self._notes[1:]]
        self._against = GroundTruthJudge(sface)
        self._faces = 0

    def add(self, at: int, index: int, images: list[Image], mesh: Floats | None) -> None:
        """Judges frame ``at`` of the range: the pictures of original, swap and true swap."""
        if mesh is not None:
            box = face_box(mesh)
            identity = self._faces % self._identity_every == 0
            for note, image in zip(self._notes, images, strict=True):
                note.take(at, image, self._landmarks.points(image, box), identity=identity)
            self._mirrored.take(at, images[0], self._landmarks.mirrored(images[0], box), identity=False)
            self._faces += 1
        for judges, image in zip(self._pictures, images[1:], strict=True):
            for judge in judges:
                judge.add(images[0], image, mesh)
        if self._truth is not None:
            mask = self._truth.mask(index)
            self._against.add(images[1], images[2], images[0], mask, self._notes[2].points[at])

    def observations(self) -> Observations:
        """Sums up all frames."""
        (pictures, look), *true = [[judge.scores() for judge in judges] for judges in self._pictures]
        true_pictures, true_look = true[0] if true else (None, None)
        return Observations(
            original=self._notes[0].observations(),
            swapped=self._notes[1].observations(),
            mirrored=self._mirrored.observations(),
            pictures=pictures,
            look=look,
            true=self._notes[2].observations() if true else None,
            true_pictures=true_pictures,
            true_look=true_look,
            against=self._against.scores() if true else None,
            notice=self._landmarks.notice,
        )


class _FaceNotes:
    """Observations of one clip's face, filled frame by frame."""

    def __init__(self, judge: LandmarkJudge, sface: SFace, count: int) -> None:
        self._judge = judge
        self._sface = sface
        self.points = np.full((count, 68, 2), np.nan)
        self._pupils = np.full((count, 2, 2), np.nan)
        self._embeddings = np.full((count, 128), np.nan)

    def take(self, at: int, image: Image, points: Floats, *, identity: bool) -> None:
        self.points[at] = points
        self._pupils[at] = self._judge.pupils(image, points)
        if identity:
            self._embeddings[at] = self._sface.embed(image, points)

    def observations(self) -> FaceObservations:
        return FaceObservations(self.points, self._pupils, self._embeddings)


def _together(clips: list[Path], truth: Truth | None, frames: range) -> Iterator[tuple[int, list[Image]]]:
    """Reads the clips' frames that belong together, with their index in the original."""
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
