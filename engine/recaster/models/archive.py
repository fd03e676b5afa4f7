"""Models as one zip: what a swap needs and the latest checkpoint, so that training can go on elsewhere."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Final

from recaster.errors import ModelError, UsageError
from recaster.files import atomic_directory, atomic_file, parse_json
from recaster.models.model_folder import ModelFolder
from recaster.progress import Report, Update, silent, step
from recaster.texts import escape_document
from recaster.zips import ZipLimits, check_disk_room, open_zip, plain_entry

if TYPE_CHECKING:
    from pathlib import Path

PIECE_BYTES: Final = 1 << 20
LIMITS: Final = ZipLimits(entries=16, entry_bytes=8 << 30, total_bytes=16 << 30, error=ModelError)
_ENTRY: Final = re.compile(
    r"model\.json|(weights|likeness)\.safetensors|checkpoints/(step-\d{8}\.(json|safetensors))?"
)


def export_model(folder: ModelFolder, out: Path, report: Report = silent) -> None:
    """Writes a model as one zip; the same model always gives the same bytes.

    Raises:
        UsageError: ``out`` is not named like a zip.
        ModelError: there is no model.
        OutputError: the zip can't be written.
    """
    if out.suffix.lower() != ".zip":
        raise UsageError(f"{out}: an exported model is named .zip")
    folder.read()
    files = [path for path in (folder.card, folder.likeness, folder.weights) if path.is_file()]
    latest = folder.latest_checkpoint()
    files += [] if latest is None else [latest, latest.with_suffix(".safetensors")]
    with atomic_file(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for done, path in enumerate(files, 1):
            entry = plain_entry(path.relative_to(folder.path).as_posix())
            entry.file_size = path.stat().st_size  # decides whether its header is a large file's
            with path.open("rb") as file, archive.open(entry, "w") as packed:
                while piece := file.read(PIECE_BYTES):
                    packed.write(piece)
                    step()
            report(Update("exporting", done, len(files), "files"))


def import_model(
    given: Path, folder: ModelFolder, report: Report = silent, limits: ZipLimits = LIMITS
) -> None:
    """Makes a model folder of a zip that ``export_model`` wrote.

    Only the names that a model has are unpacked. What the numbers are is checked when they are used.

    Raises:
        ModelError: the zip is damaged, unsafe or holds anything but a model, or the folder is there; nothing
            is left behind then.
        OutputError: the folder can't be written.
        DiskFullError: there is no room for it now.
    """
    if folder.path.exists():
        raise ModelError(f"{folder.path}: exists already; choose another name for the model")
    with open_zip(given, limits) as archive, atomic_directory(folder.path) as aside:
        entries = archive.infolist()
        for entry in entries:
            if not _ENTRY.fullmatch(entry.filename):
                raise ModelError(f"{given}: holds {entry.filename!r}, which no model has")
        for done, entry in enumerate(entries, 1):
            if not entry.is_dir():
                _unpack(given, archive, entry, aside / entry.filename, limits)
            report(Update("importing", done, len(entries), "files"))
        for path in aside.rglob("*.json"):
            _check_texts(given, path)
        ModelFolder(aside).read()


def _check_texts(given: Path, path: Path) -> None:
    """Refuses names that hold what isn't for reading: others will see them (ModelError)."""
    try:
        value = parse_json(path.read_bytes())
        plain = escape_document(value) == value
    except ValueError as error:
        raise ModelError(f"{given}: {path.name} in this zip is damaged ({error}); make it again") from None
    if not plain:
        raise ModelError(f"{given}: {path.name} in this zip holds names with characters that none has")


def _unpack(
    given: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, out: Path, limits: ZipLimits
) -> None:
    import zlib

    out.parent.mkdir(parents=True, exist_ok=True)
    left = entry.file_size
    try:
        with archive.open(entry) as packed, out.open("wb") as file:
            while piece := packed.read(PIECE_BYTES):
                left -= len(piece)
                check_disk_room(given, out.parent, len(piece), limits)
                step()
                file.write(piece)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ModelError(
            f"{given}: {entry.filename} in this zip is damaged ({error}); make it again"
        ) from None
    if left:
        raise ModelError(f"{given}: {entry.filename} in this zip is not as long as it says; make it again")
