"""Usual looks of performers, learned by pieces of the clip: in this process, or by an executor.

People of one shot are in the same frames, so they are one piece. A piece depends on nothing but the clip and
its faces; what was learned of it is a file, which is named after both.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2
import numpy as np

from recaster.appearance.appearance_arrays import appearance_from_arrays, appearance_to_arrays
from recaster.appearance.face_appearance import FINE_PX, compute_reference_appearance, resize_crop
from recaster.appearance.occluders import Occluders
from recaster.faces.analysis_file import DAMAGE, discard_damaged, read_arrays, write_arrays
from recaster.processes.executor import Work
from recaster.processes.pieces import make_piece
from recaster.swapping.swap_plan import crop_face

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from recaster.appearance.face_appearance import FaceAppearance
    from recaster.faces.types import Floats
    from recaster.media.clip import Clip
    from recaster.media.types import Image
    from recaster.swapping.swapper import TrackPlan

    Learned = Mapping["LookFrames", FaceAppearance]

PERSISTENT_FRAMES: Final = 16
"""As many of a performer's frames, about, are looked into for what is in front all the time."""
MIN_FRAMES: Final = 5
"""Of a performer who is seen in fewer frames nothing is usual."""
PIECE_FRAMES: Final = 500
"""Shots that begin in one stretch of so many frames are one piece, whatever else is in the clip."""
MAX_PIECE_TRACKS: Final = 8
"""Of more, as where many pass by somebody who stays, several pieces are made."""
FORMAT: Final = 1
_MEMORY_BYTES: Final = 1 << 30


@dataclass(frozen=True, eq=False)
class LookFrames:
    """Rows of a track's plan of which its performer's usual look is learned; pickled without the others.

    Attributes:
        number: of the plan.
        size: side of its crops in pixels.
        keeps_glasses: whether glasses are kept by choice.
    """

    number: int
    plan: TrackPlan
    rows: Sequence[int]
    size: int
    keeps_glasses: bool

    def __reduce__(self) -> tuple[Any, ...]:
        rows = list(self.rows)
        kept = replace(
            self.plan,
            frames=self.plan.frames[rows],
            matrices=self.plan.matrices[rows],
            landmarks=self.plan.landmarks[rows],
            extra={},
            opacities=None,
        )
        return LookFrames, (self.number, kept, range(len(rows)), self.size, self.keeps_glasses)

    @property
    def frames(self) -> list[int]:
        """Indices of the frames, ascending."""
        return [int(self.plan.frames[row]) for row in self.rows]


@dataclass(frozen=True, eq=False)
class LookPiece:
    """Faces of the clip that are looked at together."""

    faces: tuple[LookFrames, ...]

    @cached_property
    def frames(self) -> list[int]:
        """Indices of the frames, ascending, each once."""
        return sorted({frame for face in self.faces for frame in face.frames})

    @cached_property
    def digest(self) -> str:
        """SHA-256, hex, of all that the looks depend on but the clip."""
        total = hashlib.sha256()
        for face in self.faces:
            rows = list(face.rows)
            total.update(f"{face.size} {face.keeps_glasses} {len(rows)};".encode())
            for part in (face.plan.frames, face.plan.matrices, face.plan.landmarks):
                total.update(np.ascontiguousarray(part[rows]).data)
        return total.hexdigest()


def split_looks(faces: Sequence[LookFrames]) -> list[LookPiece]:
    """Splits faces into pieces: those of one shot together, and shots that begin near each other."""
    pieces: list[list[LookFrames]] = []
    begin = stop = 0
    for face in sorted(faces, key=lambda face: (face.frames[0], face.number)):
        first, last = face.frames[0], face.frames[-1]
        is_apart = first >= stop and first // PIECE_FRAMES != begin // PIECE_FRAMES
        if not pieces or is_apart or len(pieces[-1]) == MAX_PIECE_TRACKS:
            pieces.append([])
            begin = first
        pieces[-1].append(face)
        stop = max(stop, last + 1)
    return [LookPiece(tuple(piece)) for piece in pieces]


def learn_looks(
    clip: Clip, faces: Sequence[LookFrames], tick: Callable[[], None]
) -> Iterator[tuple[LookFrames, FaceAppearance]]:
    """Learns usual looks in one pass over the clip; yields each once its last frame has passed.

    Of whoever is seen in too few frames nothing comes.

    Args:
        tick: called after each frame that is looked at.
    """
    shown: dict[int, list[tuple[LookFrames, int]]] = defaultdict(list)
    for face in faces:
        for row, index in zip(face.rows, face.frames, strict=True):
            shown[index].append((face, row))
    crops: dict[LookFrames, list[tuple[Image, Floats]]] = defaultdict(list)
    occluders: Occluders | None = None

    def learn(face: LookFrames) -> Iterator[tuple[LookFrames, FaceAppearance]]:
        nonlocal occluders
        cut = crops.pop(face)
        if len(cut) >= MIN_FRAMES:
            occluders = occluders or Occluders()
            yield face, _learn_look(occluders, cut, keeps_glasses=face.keeps_glasses)

    for frame in clip.read_indices(sorted(shown)):
        for face, row in shown[frame.index]:
            seen = crop_face(face.plan, face.size, row, frame)
            crops[face].append(resize_crop(seen.image, seen.landmarks, FINE_PX))
            if row == face.rows[-1]:
                yield from learn(face)
        tick()
    for face in list(crops):  # the clip ended before their last frames
        yield from learn(face)


def _learn_look(
    occluders: Occluders, faces: list[tuple[Image, Floats]], *, keeps_glasses: bool
) -> FaceAppearance:
    """The usual look of a performer, from faces (FINE_PX, FINE_PX, 3) and their meshes."""
    crops, points = zip(*(resize_crop(crop, mesh) for crop, mesh in faces), strict=True)
    some = faces[:: max(1, len(faces) // PERSISTENT_FRAMES)]
    some_crops, some_points = zip(*some, strict=True)
    reference = compute_reference_appearance(np.stack(crops), np.stack(points))
    appearance = occluders.add_persistent(reference, some_crops, some_points)
    return occluders.add_worn(appearance, some_crops, some_points) if keeps_glasses else appearance


class LookWork(NamedTuple):
    """All that a process needs to learn looks; ``folder`` is where it leaves them."""

    clip: Clip
    folder: Path

    @property
    def description(self) -> str:
        """Describes all that every look depends on."""
        view = self.clip.view
        made = [self.clip.digest, asdict(self.clip.options), "" if view is None else view.fingerprint]
        return json.dumps(["looks", FORMAT, *made], sort_keys=True)

    def path(self, piece: LookPiece) -> Path:
        """Path of what was learned of a piece."""
        name = hashlib.sha256(f"{self.description} {piece.digest}".encode()).hexdigest()
        return self.folder / f"{piece.frames[0]:08}.looks.{name[:16]}.npz"

    def as_work(self) -> Work:
        """Describes the work on pieces for an executor."""
        return Work(
            _prepare,
            make_piece,
            self,
            self.folder,
            self.description,
            lambda piece: str(piece.digest),
            cores=1,
            memory_bytes=_MEMORY_BYTES,
            clips=(self.clip,),
        )

    def make(self, piece: LookPiece, tick: Callable[[], None]) -> None:
        """Learns the looks of a piece."""
        places = {face: place for place, face in enumerate(piece.faces)}
        arrays = {"count": np.array(len(places))}
        for face, look in learn_looks(self.clip, piece.faces, tick):
            named = appearance_to_arrays(look).items()
            arrays |= {f"{places[face]}.{name}": array for name, array in named}
        write_arrays(self.path(piece), arrays)

    def load(self, piece: LookPiece) -> Learned | None:
        """Loads what was learned of a piece; None where that was damaged, and is removed (OutputError)."""
        path = self.path(piece)
        try:
            arrays = read_arrays(path)
            if int(arrays["count"]) != len(piece.faces):
                raise ValueError("of other faces")
            parts: dict[int, dict[str, Any]] = defaultdict(dict)
            for name, array in arrays.items():
                place, _, own = name.partition(".")
                if own:
                    parts[int(place)][own] = array
            return {piece.faces[place]: appearance_from_arrays(part) for place, part in parts.items()}
        except DAMAGE as error:
            discard_damaged(path, error)
            return None


def _prepare(work: Any) -> Any:
    cv2.setNumThreads(1)
    return work
