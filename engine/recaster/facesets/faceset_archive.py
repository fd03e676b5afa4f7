"""Archive of a faceset as one zip, and face images from elsewhere made into a faceset.

The zip holds the crops as they are (``faces/000001.jpg``) and ``manifest.json`` with everything known
about them, so that it is the plain zip of face crops other tools know, and still comes back without
loss. In the manifest, arrays are base64 of little-endian float32 (the matrix: float64) in C order. The
same faceset always gives the same bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import tempfile
import zipfile
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.errors import FacesetError, UsageError
from recaster.facesets.face_records import FORMAT, VERSION, FaceRecord, FacesetSettings, SourceRecord
from recaster.facesets.faceset import INDEX, Faceset
from recaster.facesets.faceset_index import ARRAYS, face_of_values, face_values
from recaster.facesets.inputs import is_image
from recaster.files import atomic_directory, atomic_file, parse_json, safe_name, write_error
from recaster.progress import Report, Update, silent
from recaster.still_images import image_size
from recaster.texts import escape_document
from recaster.zips import ZipLimits, check_disk_room, open_zip, plain_entry, read_entry

if TYPE_CHECKING:
    from recaster.settings.extract import ExtractSettings

MANIFEST: Final = "manifest.json"
BATCH_SIZE: Final = 50
"""Faces that are imported in one transaction."""


def export_zip(faceset: Faceset, out: Path, report: Report = silent) -> None:
    """Writes a faceset, dropped faces too, as one zip.

    Raises:
        UsageError: ``out`` is not named like a zip.
        FacesetError: a crop is missing or not the one that was added.
    """
    if out.suffix.lower() != ".zip":
        raise UsageError(f"{out}: an exported faceset is named .zip")
    records = faceset.all_records
    manifest = json.dumps(_manifest_values(faceset), indent=1, sort_keys=True).encode()
    with atomic_file(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for done, record in enumerate(records, 1):
            data = faceset.crop_bytes(record)
            if hashlib.sha256(data).hexdigest() != faceset.crop_digest(record):
                raise FacesetError(
                    f"{faceset.folder / record.file}: was changed since it was extracted; extract it again"
                )
            archive.writestr(plain_entry(record.file), data, zipfile.ZIP_STORED)
            report(Update("exporting", done, len(records), "faces"))
        archive.writestr(plain_entry(MANIFEST), manifest, zipfile.ZIP_DEFLATED, compresslevel=6)


def import_faces(
    given: Path,
    out: Path,
    settings: ExtractSettings | None = None,
    report: Report = silent,
    limits: ZipLimits | None = None,
) -> Faceset:
    """Makes a faceset of a zip or folder.

    A zip that ``export_zip`` wrote comes back as it was. From any other zip or folder, the images (of any
    size, in folders too where it is a zip) are taken like stills: the largest face of each.

    Args:
        out: the new faceset's folder, absent or empty.
        settings: how faces are taken from plain images.

    Raises:
        FacesetError: the zip is damaged or unsafe, the folder is a faceset already, or ``out`` holds
            something; nothing is left behind then.
        FaceNotFoundError: not one image shows a face.
        OutputError: the faceset cannot be written.
    """
    from recaster.facesets.extraction import extract

    limits = replace(limits or ZipLimits(), error=FacesetError)
    if not given.exists():
        raise FacesetError(f"{given}: there is no such zip or folder")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FacesetError(f"{out}: already exists and is not empty; choose another name for the faceset")
    if (given / INDEX).exists():
        raise FacesetError(f"{given}: this folder is a faceset already; copy it, or export it as a zip")
    with atomic_directory(out) as aside:
        if given.is_dir():
            extract([given], aside, settings, report)
        else:
            _import_zip(given, aside, settings, report, limits)
    return Faceset.open(out)


def _import_zip(
    given: Path, out: Path, settings: ExtractSettings | None, report: Report, limits: ZipLimits
) -> None:
    from recaster.facesets.extraction import extract

    with open_zip(given, limits) as archive:
        if MANIFEST in archive.namelist():
            _restore_faceset(given, archive, out, report, limits)
            return
        with tempfile.TemporaryDirectory(prefix=".recaster-import-", dir=out.parent) as folder:
            _unpack_images(given, archive, Path(folder), limits)
            extract([Path(folder)], out, settings, report)


def _restore_faceset(
    given: Path, archive: zipfile.ZipFile, out: Path, report: Report, limits: ZipLimits
) -> None:
    """Makes the faceset again that a zip with a manifest holds."""
    settings, sources, faces = _read_manifest(given, read_entry(given, archive, MANIFEST, limits))
    faceset = Faceset.create(out, settings)
    for source in sources:
        faceset.add_source(source)
    for start in range(0, len(faces), BATCH_SIZE):
        batch = []
        for face, crop_sha256 in faces[start : start + BATCH_SIZE]:
            data = read_entry(given, archive, face.file, limits)
            if hashlib.sha256(data).hexdigest() != crop_sha256:
                raise FacesetError(f"{given}: {face.file} is not the crop that was exported; export it again")
            name = f"{given}: {face.file}"
            size = image_size(data, name, max_pixels=limits.pixels, formats=("JPEG",), error=FacesetError)
            if size != (settings.size, settings.size):
                raise FacesetError(f"{name} is not {settings.size}x{settings.size} pixels of JPEG")
            batch.append((face, data))
        check_disk_room(given, out, sum(len(data) for _, data in batch), limits)
        for added, (face, _) in zip(faceset.add(batch), batch, strict=True):
            if (added.id, added.file) != (face.id, face.file):
                raise FacesetError(f"{given}: the faces in {MANIFEST} are not numbered without gaps")
        report(Update("importing", start + len(batch), len(faces), "faces"))


def _unpack_images(given: Path, archive: zipfile.ZipFile, folder: Path, limits: ZipLimits) -> None:
    """Writes a zip's images into one folder; FacesetError where there is none, or one is too large."""
    names = [name for name in archive.namelist() if _is_face_image(name)]
    if not names:
        raise FacesetError(f"{given}: holds neither a faceset ({MANIFEST}) nor any image")
    for number, name in enumerate(sorted(names)):
        data = read_entry(given, archive, name, limits)
        if image_size(data, f"{given}: {name}", max_pixels=limits.pixels, error=FacesetError) is None:
            data = b""  # is counted as unreadable
        path = PurePosixPath(name)
        check_disk_room(given, folder, len(data), limits)
        try:
            (folder / f"{number:06}-{safe_name(path.name)[-80:]}").write_bytes(data)
        except OSError as error:
            raise write_error(folder, error) from error


def _is_face_image(name: str) -> bool:
    path = PurePosixPath(name)
    return not name.endswith("/") and is_image(Path(path.name)) and "__MACOSX" not in path.parts


def _manifest_values(faceset: Faceset) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "faceset": asdict(faceset.settings),
        "digest": faceset.digest(),
        "sources": [asdict(source) for source in faceset.sources],
        "faces": [_face_entry(record, faceset.crop_digest(record)) for record in faceset.all_records],
    }


def _face_entry(record: FaceRecord, crop_sha256: str) -> dict[str, Any]:
    values = face_values(record)
    arrays = {name: base64.b64encode(values[name]).decode() for name in ARRAYS}
    return asdict(record) | arrays | {"crop_sha256": crop_sha256}


def _read_manifest(
    given: Path, data: bytes
) -> tuple[FacesetSettings, list[SourceRecord], list[tuple[FaceRecord, str]]]:
    """Reads a manifest (FacesetError where it is damaged, another program's, or of a newer format)."""
    try:
        values = escape_document(parse_json(data))  # names that a stranger gave
        if values["format"] != FORMAT:
            raise FacesetError(
                f"{given}: its {MANIFEST} is another program's; unpack the images and import those"
            )
        if values["version"] > VERSION:
            raise FacesetError(f"{given}: written by a newer Recaster; update Recaster")
        settings = _parse_settings(values["faceset"])
        sources = [_parse_source(entry) for entry in values["sources"]]
        faces = [(_parse_face(entry), str(entry["crop_sha256"])) for entry in values["faces"]]
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise FacesetError(f"{given}: its {MANIFEST} is damaged ({error!r}); export it again") from error
    names = {source.id: source.name for source in sources}
    has_doubles = len({source.digest for source in sources}) < len(sources)
    if has_doubles or any(names.get(face.source_id) != face.source for face, _ in faces):
        raise FacesetError(f"{given}: the sources in its {MANIFEST} do not fit its faces; export it again")
    return settings, sources, faces


def _parse_settings(values: dict[str, Any]) -> FacesetSettings:
    return FacesetSettings(int(values["size"]), float(values["coverage"]), str(values["identity"]))


def _parse_source(values: dict[str, Any]) -> SourceRecord:
    finished = tuple(str(text) for text in values["finished"])
    counts = {str(reason): int(count) for reason, count in values["counts"].items()}
    if values["kind"] not in ("clip", "image"):
        raise ValueError(f"a source is a {values['kind']}")
    return SourceRecord(
        int(values["id"]), str(values["name"]), str(values["digest"]), values["kind"], finished, counts
    )


def _parse_face(entry: dict[str, Any]) -> FaceRecord:
    arrays = {name: base64.b64decode(entry[name], validate=True) for name in ARRAYS}
    flat = {**entry, **entry["box"], **entry["pose"], **arrays, "source": entry["source_id"]}
    face = face_of_values(flat, str(entry["source"]))
    if not all(np.isfinite(getattr(face, name)).all() for name in ARRAYS):
        raise ValueError(f"face {face.id} has numbers that are not finite")
    return face
