"""Extraction of faces from clips and pictures into a faceset: rights, faces and audit records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.operations.face_rights import (
    NO_CLAIM,
    FaceClaim,
    Grant,
    folder_digests,
    noted_identities,
    record,
    remove_if_revoked,
)
from recaster.progress import Report, silent
from recaster.provenance.register import open_register

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from recaster.facesets.faceset import Faceset
    from recaster.facesets.inputs import Input
    from recaster.settings.extract import ExtractSettings


@dataclass(frozen=True)
class Request:
    """One extraction from clips, pictures, and folders of pictures into a faceset, new or not."""

    inputs: tuple[Path, ...]
    faceset: Path
    settings: ExtractSettings
    claim: FaceClaim = NO_CLAIM


def run(
    request: Request,
    report: Report = silent,
    on_warning: Callable[[Path, str], None] = lambda _path, _warning: None,
    grant: Grant | None = None,
) -> Faceset:
    """Takes faces into a faceset; the same request again goes on where an interruption ended it.

    ``on_warning`` is told, before the work begins, of clips that something is wrong with, and then of
    corrections of a clip that could not be applied.

    Raises:
        ConsentError, NotFoundError: the face may not be put on, or was revoked.
        UsageError, InputError, FaceNotFoundError, OutputError: as ``facesets.extraction.extract``.
    """
    from recaster.facesets.extraction import extract
    from recaster.facesets.inputs import find_inputs
    from recaster.media.clip import Clip
    from recaster.media.probe import probe
    from recaster.media.scan_parts import scan_by_executor

    files = find_inputs(request.inputs)
    for file in files:
        if file.kind == "clip":
            scan_by_executor(Clip(file.path, request.settings.reading))
            for warning in probe(file.path, request.settings.reading).warnings:
                on_warning(file.path, warning)
    is_new = not request.faceset.exists()
    if grant is None:
        _authorize(request, files)
    faceset = extract(request.inputs, request.faceset, request.settings, report, on_warning)
    if grant is None:
        _deliver(request, faceset, is_new=is_new)
    return faceset


def _authorize(request: Request, files: Sequence[Input]) -> None:
    """Checks the right to the face, before any work is done for somebody else, and records the begin."""
    from recaster.media.clip import digest_media

    with open_register() as register:
        request.claim.check_extraction(register, request.faceset)
    clips = [digest_media(file.path) for file in files if file.kind == "clip"]
    faces = folder_digests(request.faceset)
    record("extract.start", faces=faces, clips=clips, pictures=len(files) - len(clips))


def _deliver(request: Request, faceset: Faceset, *, is_new: bool) -> None:
    """Removes new faces that were revoked here, notes whose they are, and records the result."""
    if is_new:
        remove_if_revoked(request.faceset)
    if request.claim:
        with open_register() as register:
            request.claim.authorize(register, request.faceset)
    record("extract.deliver", faces=[faceset.digest()], identities=noted_identities(request.faceset))
