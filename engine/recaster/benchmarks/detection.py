"""Benchmark of face detectors on pictures whose faces were counted by hand."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import InputError
from recaster.faces.detectors import make_detector
from recaster.files import parse_json
from recaster.media.sheet import load_image
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Mapping

COUNTS: Final = "face_counts.json"
COMMENT_KEY: Final = "_about"


@dataclass(frozen=True)
class DetectorResult:
    """Counts of one detector over all pictures.

    Faces are counted, not matched: of a picture with n faces and m boxes, min(n, m) are hits and the
    boxes beyond n are too many.

    Attributes:
        cpu_ms: mean CPU time a picture, ms, all cores.
        wrong: (name, faces, boxes) of the pictures where the two differ.
    """

    detector: str
    pictures: int
    faces: int
    hits: int
    extra: int
    cpu_ms: float
    wrong: tuple[tuple[str, int, int], ...]

    @property
    def recall(self) -> float:
        """Share of the faces that were found."""
        return self.hits / self.faces if self.faces else float("nan")

    def as_json(self) -> dict[str, Any]:
        """Converts to plain JSON values."""
        return dataclasses.asdict(self) | {"recall": round(self.recall, 4)}


def read_counts(folder: Path, counts: Path | None = None) -> dict[str, int]:
    """Reads the number of faces by file name, for files that are in ``folder`` (InputError)."""
    path = counts or folder / COUNTS
    try:
        counted = parse_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: the faces' counts cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{path}: this is no JSON: {error}") from error
    if not isinstance(counted, dict):
        raise InputError(f'{path}: write the counts as {{"picture.jpg": 3}}')
    counted.pop(COMMENT_KEY, None)
    wrong = [name for name, count in counted.items() if type(count) is not int or count < 0]
    if wrong:
        raise InputError(f"{path}: {wrong[0]}: a count is a whole number, 0 or more")
    outside = [name for name in counted if PurePath(name).is_absolute() or ".." in PurePath(name).parts]
    if outside:
        raise InputError(f"{path}: {outside[0]!r} isn't the name of a picture in {folder}")
    there = {name: count for name, count in counted.items() if (folder / name).is_file()}
    if not there:
        raise InputError(f"{path}: none of the pictures that it counts is in {folder}")
    return there


def measure_detector(
    folder: Path, counts: Mapping[str, int], detector: str, min_face: int = 40, report: Report = silent
) -> DetectorResult:
    """Lets one detector look at every counted picture (ImageError, UsageError)."""
    finder = make_detector(detector, min_face)
    spent = 0.0
    boxes = {}
    for at, name in enumerate(counts):
        image = load_image(folder / name)
        if at == 0:
            finder.detect(image)  # its first look loads what it needs
        began = time.process_time()
        boxes[name] = len(finder.detect(image))
        spent += time.process_time() - began
        report(Update(f"looking with {detector}", at + 1, len(counts), "pictures"))
    return DetectorResult(
        detector=detector,
        pictures=len(counts),
        faces=sum(counts.values()),
        hits=sum(min(counts[name], boxes[name]) for name in counts),
        extra=sum(max(0, boxes[name] - counts[name]) for name in counts),
        cpu_ms=round(1000 * spent / len(counts), 2),
        wrong=tuple((name, counts[name], boxes[name]) for name in counts if boxes[name] != counts[name]),
    )
