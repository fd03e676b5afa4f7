"""Cutting of a clip's faces by an executor: by parts of the clip, with a file of crops for each.

A part depends on nothing but the clip and its faces, so it doesn't matter which process cuts which.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2
import numpy as np

from recaster.errors import ClipError, OutputError
from recaster.faces.analysis_file import DAMAGE, read_arrays, write_arrays
from recaster.facesets.crop_plan import BATCH_SIZE
from recaster.facesets.crops import cut_crop, identify
from recaster.facesets.faceset import encode_crop
from recaster.files import remove_folder, write_error
from recaster.locks import try_lock
from recaster.processes.executor import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from recaster.faces.types import Floats
    from recaster.facesets.crop_plan import Batch
    from recaster.facesets.face_records import FacesetSettings
    from recaster.media.clip import Clip

PART_BATCHES: Final = 20
"""Batches of one face in a part. Where a batch begins in the part before, its frames are decoded twice."""
MIN_FACES_PER_PROCESS: Final = 500
"""A process takes as long to start as to cut two hundred."""
CORES_PER_PROCESS: Final = 1
MEMORY_PER_PROCESS_BYTES: Final = 1 << 30
FORMAT: Final = 1
_PREFIX: Final = ".faceset.crops."
_LOCK: Final = "in_use.lock"


@dataclass(frozen=True, eq=False)
class Part:
    """Batches that are cut together, in the order of their last frames.

    ``frames`` are those it is told of how far it is: up to its last, and none of the part before.
    """

    frames: range
    batches: tuple[Batch, ...]

    @property
    def first(self) -> int:
        """The first frame that shows a face of it, which may be one of the part before."""
        return min(batch.faces[0].frame for batch in self.batches)


@dataclass(frozen=True, eq=False)
class BatchCrops:
    """Crops of one batch, and all that is measured in its pictures.

    Attributes:
        embedding: (128,), the measured identity.
        sharpness: of each face, as in its record.
        files: of each face, a JPEG file's bytes.
    """

    embedding: Floats
    sharpness: Sequence[float]
    files: Sequence[bytes]


def split_batches(batches: Sequence[Batch], every: int) -> list[Part]:
    """Splits batches into parts, each of those that end in one stretch of frames.

    Stretches don't depend on what is missing, so a cluster knows again what it cut.

    Args:
        batches: in the order of their last frames.
        every: one in so many frames is looked at.
    """
    length = PART_BATCHES * BATCH_SIZE * every
    parts: list[Part] = []
    for _, group in itertools.groupby(batches, lambda batch: batch.faces[-1].frame // length):
        parts.append(make_part(tuple(group), parts[-1].frames.stop if parts else 0))
    return parts


def make_part(batches: Sequence[Batch], begin: int = 0) -> Part:
    """Makes a part of batches; ``begin`` is the end of the part before."""
    part = Part(range(0), tuple(batches))
    last = batches[-1].faces[-1].frame
    return dataclasses.replace(part, frames=range(max(begin, part.first), last + 1))


def cut_part(
    clip: Clip, settings: FacesetSettings, part: Part, tick: Callable[[], None]
) -> Iterator[BatchCrops]:
    """Cuts faces as their frames go by; yields each batch's crops, in order, when its last frame has passed.

    Args:
        tick: called after each of the part's frames.

    Raises:
        ClipError: the clip can't be read, or ends before the part does.
    """
    due: dict[int, list[tuple[Batch, int]]] = defaultdict(list)
    for batch in part.batches:
        for place, face in enumerate(batch.faces):
            due[face.frame].append((batch, place))
    identities: dict[Batch, Floats] = {}
    cuts: dict[Batch, list[tuple[float, bytes]]] = defaultdict(list)
    end = part.first
    for frame in clip.read(part.first, part.frames.stop):
        for batch, place in due.get(frame.index, ()):
            face = batch.faces[place]
            if place == batch.measured:
                identities[batch] = identify(frame.image, face.points)
            crop, sharp = cut_crop(frame.image, face, settings)
            cuts[batch].append((sharp, encode_crop(crop)))
            if place == len(batch.faces) - 1:
                sharpness, files = zip(*cuts.pop(batch), strict=True)
                yield BatchCrops(identities.pop(batch), sharpness, files)
        end = frame.index + 1
        if frame.index in part.frames:
            tick()
    if end < part.frames.stop:
        raise ClipError(f"{clip.path}: was changed while the clip was in use; run the same command again")


class CropWork(NamedTuple):
    """All that a process needs to cut parts of a clip; ``folder`` is where it leaves the crops."""

    clip: Clip
    settings: FacesetSettings
    folder: Path

    def path(self, part: Part) -> Path:
        """Path of a part's crops."""
        return self.folder / f"{part.frames.start:08}.npz"

    def as_work(self) -> Work:
        """Describes the work on parts for an executor."""
        options = dataclasses.asdict(self.clip.options)
        cropping = [self.settings.size, self.settings.coverage]
        return Work(
            _prepare,
            CropWork.cut,
            self,
            self.folder,
            json.dumps(["crops", FORMAT, self.clip.digest, options, cropping], sort_keys=True),
            _describe_part,
            cores=CORES_PER_PROCESS,
            memory_bytes=MEMORY_PER_PROCESS_BYTES,
            clips=(self.clip,),
        )

    def cut(self, part: Part, tick: Callable[[], None]) -> None:
        """Cuts a part into its file."""
        cuts = list(cut_part(self.clip, self.settings, part, tick))
        files = [file for each in cuts for file in each.files]
        arrays = {
            "embeddings": np.stack([each.embedding for each in cuts]),
            "sharpness": np.concatenate([each.sharpness for each in cuts]),
            "sizes": np.array([len(file) for file in files]),
            "files": np.frombuffer(b"".join(files), np.uint8),
        }
        write_arrays(self.path(part), arrays)

    def take(self, part: Part) -> Iterator[BatchCrops]:
        """Yields what was cut of each batch of a part, then removes its file (OutputError: damaged)."""
        path = self.path(part)
        try:
            arrays = read_arrays(path)
            sharpness = iter(arrays["sharpness"].tolist())
            ends = itertools.accumulate(arrays["sizes"].tolist(), initial=0)
            data = arrays["files"].tobytes()
            files = (data[start:stop] for start, stop in itertools.pairwise(ends))
            for batch, embedding in zip(part.batches, arrays["embeddings"], strict=True):
                count = len(batch.faces)
                yield BatchCrops(
                    embedding, list(itertools.islice(sharpness, count)), list(itertools.islice(files, count))
                )
            path.unlink()
        except DAMAGE as error:
            raise OutputError(f"{path}: cannot be read ({error}); run the same command again") from error


def _prepare(work: Any) -> Any:
    cv2.setNumThreads(1)
    return work


def _describe_part(part: Part) -> str:
    """Describes the faces of a part, by a digest."""
    total = hashlib.sha256()
    for batch in part.batches:
        total.update(f"{batch.measured} of {len(batch.faces)};".encode())
        for face in batch.faces:
            total.update(f"{face.frame};".encode() + face.points.tobytes())
    return total.hexdigest()


@contextlib.contextmanager
def crops_folder(faceset: Path) -> Iterator[Path]:
    """Makes a folder inside a faceset's, for this user's eyes alone, that is there while the block lasts."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=faceset))
        crops = folder / "crops"  # an executor may keep what isn't whole beside it
        crops.mkdir(mode=0o700)
    except OSError as error:
        raise write_error(faceset, error) from error
    try:
        with try_lock(folder / _LOCK):
            yield crops
    finally:
        remove_folder(folder, quietly=True)


def sweep_crops(faceset: Path) -> None:
    """Removes folders of ``crops_folder`` that a killed process left behind in a faceset's."""
    for folder in faceset.glob(f"{_PREFIX}*"):
        with try_lock(folder / _LOCK) as alone:
            pass  # what is open can't be removed everywhere
        if alone:
            remove_folder(folder, quietly=True)
