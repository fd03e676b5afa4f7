"""Cleaning of a faceset: blurred, doubled and foreign faces are taken out; nothing is deleted.

Every face is judged anew each time, so cleaning twice is cleaning once, and ``restore`` undoes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.errors import FacesetError, UsageError
from recaster.facesets.duplicates import find_duplicates
from recaster.progress import Report, silent
from recaster.settings.detection import SAME_PERSON
from recaster.settings.extract import CleanSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recaster.faces.types import Floats
    from recaster.facesets.face_records import FaceRecord
    from recaster.facesets.faceset import Faceset

WRONG_PERSON: Final = "wrong person"
BLURRED: Final = "blurred"
DUPLICATE: Final = "duplicate"
REASONS: Final = (WRONG_PERSON, BLURRED, DUPLICATE)

MAX_DROPPED_SHARE: Final = 0.5
"""Share of wrong or blurred faces above which the set or the person is not what was meant."""
_SD_PER_MAD: Final = 1.4826
"""Standard deviation over the median absolute deviation, of normal values."""
_MAX_COMPARED: Final = 1000
"""Embeddings that are compared with each other, at most."""


@dataclass(frozen=True)
class CleanResult:
    """Result of cleaning.

    Attributes:
        total: faces in the set, dropped ones too.
        reasons: why each dropped face is dropped, by its number: a reason of ``REASONS``, a colon, and
            what was measured.
    """

    total: int
    reasons: Mapping[int, str] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """Number of faces that stay."""
        return self.total - len(self.reasons)

    def of(self, reason: str) -> list[int]:
        """Numbers of the faces dropped for ``reason``."""
        return [number for number, text in self.reasons.items() if reason_of(text) == reason]


def reason_of(dropped: str) -> str:
    """Reason in a record's ``dropped``, without what was measured."""
    return dropped.partition(":")[0]


def clean(
    faceset: Faceset, settings: CleanSettings | None = None, report: Report = silent, *, dry_run: bool = False
) -> CleanResult:
    """Judges all faces of a set and marks those to be left out.

    Wrong people are sought first, blurred faces among the rest, doubles among what then remains.

    Args:
        faceset: its records change unless ``dry_run``.
        dry_run: only say what would be dropped.

    Raises:
        UsageError: a negative setting.
        FacesetError: the set is empty, or more than half of it would be dropped as wrong or blurred and
            ``force`` is off; nothing is changed then.
    """
    settings = settings or CleanSettings()
    if min(settings.blur, settings.duplicates, settings.distance) < 0:
        raise UsageError("blur, duplicates and distance are 0 (keep all) or more")
    records = faceset.all_records
    if not records:
        raise FacesetError(f"{faceset.folder}: the faceset is empty; there is nothing to clean")
    reasons = find_wrong_people(records, settings)
    reasons |= find_blurred([record for record in records if record.id not in reasons], settings.blur)
    _refuse_too_many(faceset, reasons, settings)
    rest = [record for record in records if record.id not in reasons]
    if settings.duplicates > 0:
        twins = find_duplicates(faceset, rest, settings.duplicates / 100, report)
        reasons |= {number: f"{DUPLICATE}: of face {kept}" for number, kept in twins.items()}
    if not dry_run:
        faceset.mark({record.id: reasons.get(record.id) for record in records})
    return CleanResult(len(records), dict(sorted(reasons.items())))


def restore(faceset: Faceset) -> int:
    """Keeps every face again; returns how many were dropped before."""
    dropped = [record.id for record in faceset.all_records if record.dropped is not None]
    faceset.mark(dict.fromkeys(dropped))
    return len(dropped)


def find_wrong_people(records: Sequence[FaceRecord], settings: CleanSettings) -> dict[int, str]:
    """Finds faces too far from the wanted person: the reason by number."""
    if settings.distance <= 0:
        return {}
    embeddings = np.stack([record.embedding for record in records])
    centre = person_centre(embeddings) if settings.person is None else settings.person
    distances = np.linalg.norm(embeddings - centre, axis=1)
    return {
        record.id: f"{WRONG_PERSON}: distance {distance:.2f}, the same up to {settings.distance:.2f}"
        for record, distance in zip(records, distances, strict=True)
        if distance > settings.distance
    }


def person_centre(embeddings: Floats) -> Floats:
    """Computes the centre of the person that most embeddings show.

    It starts from the embedding with the most others within the same-person distance and takes the mean
    of those, so that a minority of strangers does not move it. (N, 128) become (128,); N is at least 1.
    """
    step = -(-len(embeddings) // _MAX_COMPARED)
    compared = embeddings[::step]
    squares = np.sum(compared**2, axis=1)
    apart = squares[:, None] + squares[None] - 2 * compared @ compared.T
    near = apart < SAME_PERSON**2
    # Among equals the one that is closest to those near it.
    count = near.sum(axis=1)
    tightness = count - np.where(near, apart, 0).sum(axis=1) / (count * SAME_PERSON**2 + 1e-9)
    centre = compared[int(np.argmax(tightness))]
    members = np.linalg.norm(embeddings - centre, axis=1) < SAME_PERSON
    result: Floats = embeddings[members].mean(axis=0)
    return result


def find_blurred(records: Sequence[FaceRecord], deviations: float) -> dict[int, str]:
    """Finds faces far less sharp than the others: the reason by number."""
    if deviations <= 0 or not records:
        return {}
    values = np.log([max(record.sharpness, 1e-6) for record in records])
    median = float(np.median(values))
    spread = _SD_PER_MAD * float(np.median(np.abs(values - median)))
    # In a set of even sharpness three deviations are next to nothing: half of the median is blurred at least.
    limit = median - max(deviations * spread, np.log(2))
    return {
        record.id: f"{BLURRED}: sharpness {record.sharpness:.3g}, needs {np.exp(limit):.3g}"
        for record, value in zip(records, values, strict=True)
        if value < limit
    }


def _refuse_too_many(faceset: Faceset, reasons: Mapping[int, str], settings: CleanSettings) -> None:
    total = len(faceset.all_records)
    if settings.force or len(reasons) <= MAX_DROPPED_SHARE * total:
        return
    result = CleanResult(total, reasons)
    raise FacesetError(
        f"{faceset.folder}: would drop {len(reasons)} of {total} faces ({len(result.of(WRONG_PERSON))} wrong "
        f"people, {len(result.of(BLURRED))} blurred), so nothing was changed; say who is meant with --person "
        "IMAGE, loosen --distance or --blur, or add --force"
    )
