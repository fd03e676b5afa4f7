"""One pass of all judges over original, swap and (where it is known) true swap, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.errors import ClipError
from recaster.evaluation.ground_truth import GroundTruthJudge, Truth
from recaster.evaluation.landmark_judge import LandmarkJudge, face_box
from recaster.evaluation.look_judge import LookJudge
from recaster.evaluation.pixel_judge import PixelJudge
from recaster.evaluation.types import FaceObservations, Scores
from recaster.media.reader import read_frames
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from recaster.evaluation.sface import SFace
    from recaster.faces.types import FaceTrack, Floats
    from recaster.media.types import Image


@dataclass(frozen=True, eq=False)
class Observations:
    """Observations and pixel scores of all judges over T frames.

    Attributes:
        mirrored: of the original, with points found in the mirrored picture: a judge's own error.
        swaps: of the swap and, where it is known, of the true swap: the face, and the scores of its pixels,
            tint, light and detail.
        against: scores of the swap's pixels against the true swap; None without one.
        notice: the sentence that the landmark judge's licence asks for.
    """

    original: FaceObservations
    mirrored: FaceObservations
    swaps: list[tuple[FaceObservations, Scores]]
    against: Scores | None
    notice: str


def observe(
    clips: Sequence[Path],
    truth: Truth | None,
    tracks: Sequence[FaceTrack],
    frames: range,
    sface: SFace,
    identity_every: int,
    report: Report = silent,
) -> Observations:
    """Lets every judge see every frame once, in constant memory but for their notes.

    The box in which a judge looks comes from the original, so that no clip has the better box.

    Args:
        clips: original, its swap (``len(frames)`` frames) and, where there is a truth, that.
        tracks, frames: the performer's, and indices, in the original.
        identity_every: frames with a face from one embedding to the next.

    Raises:
        ClipError: a clip ends early or is damaged.
    """
    meshes = points_by_frame(tracks)
    landmarks = LandmarkJudge()
    notes = [FaceObservations.unseen(len(frames)) for _ in clips]
    mirrored = FaceObservations.unseen(len(frames))
    judges = [(PixelJudge(), LookJudge()) for _ in clips[1:]]
    against = GroundTruthJudge(sface)
    faces = 0
    for at, (index, images) in enumerate(_read_together(clips, frames)):
        mesh = meshes.get(index)
        if mesh is not None:
            box = face_box(mesh)
            for note, image in zip(notes, images, strict=True):
                points = landmarks.points(image, box)
                note.fill(at, points, landmarks.pupils(image, points))
                if faces % identity_every == 0:
                    note.embeddings[at] = sface.embed(image, points)
            points = landmarks.mirrored(images[0], box)
            mirrored.fill(at, points, landmarks.pupils(images[0], points))
            faces += 1
        for pair, image in zip(judges, images[1:], strict=True):
            for judge in pair:
                judge.add(images[0], image, mesh)
        if truth is not None:
            against.add(images[1], images[2], images[0], truth.mask(index), notes[2].points[at])
        report(Update("judging", at + 1, len(frames)))
    scores = [pixels.scores() + look.scores() for pixels, look in judges]
    swaps = list(zip(notes[1:], scores, strict=True))
    known = None if truth is None else against.scores()
    return Observations(notes[0], mirrored, swaps, known, landmarks.notice)


def points_by_frame(tracks: Sequence[FaceTrack]) -> dict[int, Floats]:
    """Maps frame index to the mesh (478, 3); where tracks overlap, to the first one's."""
    meshes: dict[int, Floats] = {}
    for track in tracks:
        for index, points in zip(track.frames.tolist(), track.landmarks, strict=True):
            meshes.setdefault(index, points)
    return meshes


def _read_together(clips: Sequence[Path], frames: range) -> Iterator[tuple[int, list[Image]]]:
    """Reads the clips' frames that belong together, with their index in the original."""
    parts = [frames, range(len(frames)), frames]
    readers = [read_frames(clip, part.start, part.stop) for clip, part in zip(clips, parts, strict=False)]
    try:
        for index, images in zip(frames, zip(*readers, strict=True), strict=True):
            yield index, [frame.image for frame in images]
    except ValueError as error:
        named = " and ".join(clip.name for clip in clips)
        raise ClipError(f"{named} hold different numbers of readable frames; make the swap again") from error
