"""Judging of a clip's frames by pieces, so that several processes, or a cluster's nodes, can share them.

A piece depends on nothing but the clips, the faces in it, and how many faces came before it; so it doesn't
matter which process judges which, and how many there are.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2
import numpy as np

from recaster.errors import ClipError, OutputError
from recaster.evaluation.ground_truth import GroundTruthJudge, Truth
from recaster.evaluation.landmark_judge import LandmarkJudge, face_box
from recaster.evaluation.look_judge import LookJudge
from recaster.evaluation.pixel_judge import PixelJudge
from recaster.evaluation.sface import SFace
from recaster.evaluation.types import FaceObservations
from recaster.faces.analysis_file import DAMAGE, read_arrays, write_arrays
from recaster.media.reader import read_frames
from recaster.processes.executor import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.clip import Clip
    from recaster.media.types import Image

    Notes = dict[str, NDArray[Any]]

PIECE_FRAMES: Final = 200
MIN_FRAMES_PER_PROCESS: Final = 100
"""A process takes as long to start, and to load its judges, as to judge fifty."""
CORES_PER_PROCESS: Final = 1
MEMORY_PER_PROCESS_BYTES: Final = 1 << 30
FORMAT: Final = 1
MIRRORED: Final = "mirrored"
AGAINST: Final = "against"


@dataclass(frozen=True, eq=False)
class Piece:
    """Frames that are judged together.

    Attributes:
        places: of its frames among those that are judged.
        meshes: index in the original to mesh (478, 3), of its frames and the one before them.
        faces_before: how many frames with a face come before it.
    """

    places: range
    meshes: Mapping[int, Floats]
    faces_before: int


def split_frames(meshes: Mapping[int, Floats], frames: range, length: int) -> list[Piece]:
    """Splits frames (indices in the original) into pieces of one length; the last one may be shorter."""
    pieces = []
    faces = 0
    for start in range(0, len(frames), length):
        places = range(start, min(start + length, len(frames)))
        known = {at: frames[at] for at in range(max(0, start - 1), places.stop) if frames[at] in meshes}
        pieces.append(Piece(places, {index: meshes[index] for index in known.values()}, faces))
        faces += sum(at >= start for at in known)
    return pieces


class Judges(NamedTuple):
    """Networks that look at faces, loaded."""

    landmarks: LandmarkJudge
    sface: SFace


class JudgeWork(NamedTuple):
    """All that a process needs to judge pieces.

    Attributes:
        clips: original, its swap (``len(frames)`` frames) and, where there is a truth, that.
        frames: indices in the original.
        identity_every: frames with a face from one embedding to the next.
    """

    clips: tuple[Clip, ...]
    truth: Truth | None
    frames: range
    identity_every: int

    def as_work(self, folder: Path) -> Work:
        """Describes the work on pieces for an executor, which leaves their notes in a folder."""
        clips = [[clip.digest, dataclasses.asdict(clip.options)] for clip in self.clips]
        truth = None if self.truth is None else self.truth.digest()
        about = [clips, truth, [self.frames.start, self.frames.stop], self.identity_every]
        return Work(
            _prepare,
            _judge,
            (self, folder),
            folder,
            json.dumps(["judge", FORMAT, about], sort_keys=True),
            _describe_piece,
            cores=CORES_PER_PROCESS,
            memory_bytes=MEMORY_PER_PROCESS_BYTES,
            clips=self.clips,
        )

    def judge(self, piece: Piece, judges: Judges, tick: Callable[[], None]) -> Notes:
        """Lets every judge see every frame of a piece once; returns their notes, an array for each kind.

        The box in which a judge looks comes from the original, so that no clip has the better box.

        Args:
            tick: called after each frame.

        Raises:
            ClipError: a clip ends early or is damaged.
        """
        seen = [FaceObservations.unseen(len(piece.places)) for _ in (*self.clips, MIRRORED)]
        pairs = [(PixelJudge(), LookJudge()) for _ in self.clips[1:]]
        against = GroundTruthJudge(judges.sface)
        faces = piece.faces_before
        for place, images in self._read_together(piece.places):
            index = self.frames[place]
            mesh = piece.meshes.get(index)
            if place < piece.places.start:
                for (pixels, _), image in zip(pairs, images[1:], strict=True):
                    pixels.remember(images[0], image, mesh)
                continue
            at = place - piece.places.start
            if mesh is not None:
                is_identified = faces % self.identity_every == 0
                _look_at_faces(seen, at, images, mesh, judges, is_identified=is_identified)
                faces += 1
            for pair, image in zip(pairs, images[1:], strict=True):
                for judge in pair:
                    judge.add(images[0], image, mesh)
            if self.truth is not None:
                mask = self.truth.mask(index)
                against.add(images[1], images[2], images[0], mask, seen[2].points[at], place)
            tick()
        return _gather_notes(seen, pairs, against)

    def _read_together(self, places: range) -> Iterator[tuple[int, list[Image]]]:
        """Reads the clips' frames that belong together, from the one before a piece on, with their places."""
        from_one_before = range(max(0, places.start - 1), places.stop)
        theirs = range(self.frames[from_one_before.start], self.frames[from_one_before.stop - 1] + 1)
        parts = [theirs, from_one_before, theirs]
        readers = [
            read_frames(clip.path, part.start, part.stop, options=clip.options)
            for clip, part in zip(self.clips, parts, strict=False)
        ]
        try:
            for place, images in zip(from_one_before, zip(*readers, strict=True), strict=True):
                yield place, [frame.image for frame in images]
        except ValueError as error:
            named = " and ".join(clip.path.name for clip in self.clips)
            raise ClipError(
                f"{named} hold different numbers of readable frames; make the swap again"
            ) from error


def _look_at_faces(
    seen: Sequence[FaceObservations],
    at: int,
    images: Sequence[Image],
    mesh: Floats,
    judges: Judges,
    *,
    is_identified: bool,
) -> None:
    """Finds points, pupils and identity of a face in every clip, and in the mirrored original."""
    landmarks, sface = judges
    box = face_box(mesh)
    *notes, mirrored = seen
    for note, image in zip(notes, images, strict=True):
        points = landmarks.points(image, box)
        note.fill(at, points, landmarks.pupils(image, points))
        if is_identified:
            note.embeddings[at] = sface.embed(image, points)
    points = landmarks.mirrored(images[0], box)
    mirrored.fill(at, points, landmarks.pupils(images[0], points))


def _gather_notes(
    seen: Sequence[FaceObservations],
    pairs: Sequence[tuple[PixelJudge, LookJudge]],
    against: GroundTruthJudge,
) -> Notes:
    names = [*map(str, range(len(seen) - 1)), MIRRORED]
    by_name = {name: vars(each) for name, each in zip(names, seen, strict=True)}
    for number, (pixels, look) in enumerate(pairs, 1):
        by_name[str(number)] = by_name[str(number)] | pixels.notes() | look.notes()
    by_name[AGAINST] = against.notes()
    return {f"{name}.{part}": array for name, notes in by_name.items() for part, array in notes.items()}


def join_notes(parts: Sequence[Notes]) -> dict[str, Notes]:
    """Joins the notes of all pieces, in order.

    Returns those of each clip, by its number, of ``MIRRORED``, and of the truth (``AGAINST``).
    """
    joined: dict[str, Notes] = defaultdict(dict)
    for key in parts[0]:
        name, _, part = key.partition(".")
        joined[name][part] = np.concatenate([notes[key] for notes in parts])
    return joined


def load_notes(folder: Path, piece: Piece) -> Notes:
    """Reads the notes of a piece that was judged (OutputError: damaged)."""
    path = _notes_path(folder, piece)
    try:
        return read_arrays(path)
    except DAMAGE as error:
        raise OutputError(f"{path}: cannot be read ({error}); run the same command again") from error


def _notes_path(folder: Path, piece: Piece) -> Path:
    return folder / f"{piece.places.start:08}.npz"


def _prepare(given: Any) -> Any:
    cv2.setNumThreads(1)
    return *given, Judges(LandmarkJudge(), SFace())


def _judge(prepared: Any, piece: Piece, tick: Callable[[], None]) -> None:
    work, folder, judges = prepared
    write_arrays(_notes_path(folder, piece), work.judge(piece, judges, tick))


def _describe_piece(piece: Piece) -> str:
    """Describes the frames and faces of a piece, by a digest."""
    total = hashlib.sha256(f"{piece.places} after {piece.faces_before};".encode())
    for index, mesh in piece.meshes.items():
        total.update(f"{index};".encode() + mesh.tobytes())
    return total.hexdigest()
