"""One pass of all judges over original, swap and (where it is known) true swap, side by side."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recaster.evaluation.ground_truth import GroundTruthJudge, Truth
from recaster.evaluation.judge_pieces import (
    AGAINST,
    CORES_PER_PROCESS,
    MEMORY_PER_PROCESS_BYTES,
    MIN_FRAMES_PER_PROCESS,
    MIRRORED,
    PIECE_FRAMES,
    Judges,
    JudgeWork,
    join_notes,
    load_notes,
    split_frames,
)
from recaster.evaluation.landmark_judge import NOTICE, LandmarkJudge
from recaster.evaluation.look_judge import LookJudge
from recaster.evaluation.pixel_judge import PixelJudge
from recaster.evaluation.types import FaceObservations, Scores
from recaster.files import make_private_folder, remove_folder, write_error
from recaster.processes.executor import current_executor
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recaster.evaluation.judge_pieces import Notes
    from recaster.evaluation.sface import SFace
    from recaster.faces.types import FaceTrack, Floats
    from recaster.media.clip import Clip

_NOTES_PREFIX: Final = "recaster-notes-"


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
    clips: Sequence[Clip],
    truth: Truth | None,
    tracks: Sequence[FaceTrack],
    frames: range,
    sface: SFace,
    identity_every: int,
    report: Report = silent,
) -> Observations:
    """Lets every judge see every frame once, here or by an executor where that pays, with equal results.

    Args:
        clips: original, its swap (``len(frames)`` frames) and, where there is a truth, that.
        tracks, frames: the performer's, and indices, in the original.
        identity_every: frames with a face from one embedding to the next.

    Raises:
        ClipError: a clip ends early or is damaged.
        OutputError: there is no room for notes, or a process died.
        UsageError: a judge is not installed.
    """
    meshes = points_by_frame(tracks)
    done = 0

    def tick(count: int = 1) -> None:
        nonlocal done
        done += count
        report(Update("judging", done, len(frames)))

    executor = current_executor()
    pieces = split_frames(meshes, frames, PIECE_FRAMES)
    useful = min(len(pieces), len(frames) // MIN_FRAMES_PER_PROCESS)
    count = executor.limit(useful, CORES_PER_PROCESS, MEMORY_PER_PROCESS_BYTES)
    work = JudgeWork(tuple(clips), truth, frames, identity_every)
    if count == 1 and executor.is_local:
        (piece,) = split_frames(meshes, frames, len(frames))
        parts = [work.judge(piece, Judges(LandmarkJudge(), sface), tick)]
    else:
        with _notes_folder() as folder:
            executor.run(work.as_work(folder), pieces, count, tick)
            parts = [load_notes(folder, piece) for piece in pieces]
    return _sum_up(join_notes(parts), len(clips), has_truth=truth is not None)


def _sum_up(notes: Mapping[str, Notes], clips: int, *, has_truth: bool) -> Observations:
    original, *swapped = (_take_faces(notes[str(number)]) for number in range(clips))
    scores = [
        PixelJudge(notes[str(number)]).scores() + LookJudge(notes[str(number)]).scores()
        for number in range(1, clips)
    ]
    return Observations(
        original,
        _take_faces(notes[MIRRORED]),
        list(zip(swapped, scores, strict=True)),
        GroundTruthJudge.scores_of(notes[AGAINST]) if has_truth else None,
        NOTICE,
    )


def _take_faces(notes: Notes) -> FaceObservations:
    return FaceObservations(notes["points"], notes["pupils"], notes["embeddings"])


@contextlib.contextmanager
def _notes_folder() -> Iterator[Path]:
    """Makes a folder for notes, for this user's eyes alone, that lasts as long as the block (OutputError)."""
    try:
        top = Path(tempfile.mkdtemp(prefix=_NOTES_PREFIX))
    except OSError as error:
        raise write_error(Path(tempfile.gettempdir()), error) from error
    try:
        notes = top / "notes"  # an executor may keep what isn't whole beside it
        make_private_folder(notes)
        yield notes
    finally:
        remove_folder(top, quietly=True)


def points_by_frame(tracks: Sequence[FaceTrack]) -> dict[int, Floats]:
    """Maps frame index to the mesh (478, 3); where tracks overlap, to the first one's."""
    meshes: dict[int, Floats] = {}
    for track in tracks:
        for index, points in zip(track.frames.tolist(), track.landmarks, strict=True):
            meshes.setdefault(index, points)
    return meshes
