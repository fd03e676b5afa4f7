"""Export and import of facesets as zips: rights, files and audit records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.files import sha256
from recaster.operations.face_rights import noted_identities, record, refuse_revoked, remove_if_revoked
from recaster.progress import Report, silent

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset
    from recaster.settings.extract import ExtractSettings


def export_faceset(folder: Path, out: Path, report: Report = silent) -> Faceset:
    """Packs a faceset as one zip; returns the faceset.

    Raises:
        ConsentError: its face was revoked.
        FacesetError, OutputError: it can't be packed.
    """
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.faceset_archive import export_zip

    faceset = Faceset.open(folder)
    refuse_revoked(folder)
    people = noted_identities(folder)
    record("export.start", faces=[faceset.digest()])
    export_zip(faceset, out, report)
    record("export.deliver", faces=[faceset.digest()], identities=people, made=[sha256(out)])
    return faceset


def import_faceset(given: Path, out: Path, settings: ExtractSettings, report: Report = silent) -> Faceset:
    """Makes a faceset of an exported zip, or of a zip or folder of face images.

    Raises:
        ConsentError: the face in it was revoked.
        FacesetError, InputError, OutputError: as ``facesets.faceset_archive.import_faces``.
    """
    from recaster.facesets.faceset_archive import import_faces

    record("ingest.start", blobs=[sha256(given)] if given.is_file() else [])
    faceset = import_faces(given, out, settings, report)
    remove_if_revoked(out)
    record("ingest.deliver", faces=[faceset.digest()])
    return faceset
