"""Evaluation of a swapped clip: rights, figures, pictures and audit records."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from recaster.files import sha256
from recaster.operations.face_rights import Grant, folder_digests, noted_identities, record, refuse_revoked
from recaster.progress import Report, silent
from recaster.settings.evaluate import EvaluateSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.evaluation.evaluation_result import EvaluationResult

ARTIFACTS: Final = {"sheet.jpg": "sheet", "worst.jpg": "worst", "evaluation.json": "evaluation"}
"""Files that an evaluation writes, and their roles among a job's artifacts."""


@dataclass(frozen=True)
class Request:
    """One evaluation.

    Attributes:
        swapped: the swap, in the size of the original.
        source: faceset of the person whose face was put on.
        out: the folder for ``ARTIFACTS``; None writes nothing.
        range: the frames of the original that the swap holds, as text; None for all.
    """

    original: Path
    swapped: Path
    source: Path
    out: Path | None = None
    range: str | None = None
    settings: EvaluateSettings = field(default_factory=EvaluateSettings)


def run(request: Request, report: Report = silent, grant: Grant | None = None) -> EvaluationResult:
    """Judges a swap, as ``evaluation.evaluate.evaluate``; ConsentError where one of the faces was revoked."""
    from recaster.evaluation.evaluate import evaluate
    from recaster.media.clip import digest_media
    from recaster.media.probe import probe
    from recaster.media.ranges import parse_range

    settings = request.settings
    if request.range is not None:
        settings = dataclasses.replace(settings, frames=parse_range(request.range, probe(request.original)))
    facesets = (request.source, settings.target, *settings.gallery)
    faces: list[str] = []
    people: list[str] = []
    if grant is None:
        refuse_revoked(*facesets)
        faces = folder_digests(*facesets)
        people = noted_identities(*facesets)
        record(
            "evaluate.start",
            faces=faces,
            clips=[digest_media(request.original), digest_media(request.swapped)],
        )
    result = evaluate(request.original, request.swapped, request.source, request.out, settings, report)
    if grant is None:
        written = [] if request.out is None else [request.out / name for name in ARTIFACTS]
        made = [sha256(path) for path in written if path.is_file()]
        record("evaluate.deliver", faces=faces, identities=people, made=made)
    return result
