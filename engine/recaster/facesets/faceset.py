"""Faceset: the training faces of one identity, as a folder on disk.

A faceset is a folder with aligned crops (``faces/000001.jpg``, JPEG quality 95 without chroma
subsampling) and one SQLite file, ``faceset.sqlite``, with everything known about each of them. A
crop is always written before its row, and rows are added in transactions: a killed process can
leave a crop without a row (the next one overwrites it), never a row without its crop.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import cv2

from recaster.errors import FacesetError, ImageError
from recaster.facesets import faceset_index
from recaster.facesets.face_records import FacesetSettings
from recaster.files import atomic_file, sync, write_error
from recaster.still_images import decode_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from recaster.facesets.face_records import FaceRecord, SourceRecord
    from recaster.media.types import Image

INDEX = "faceset.sqlite"
FACES = "faces"
JPEG_QUALITY = 95
MAX_CROP_PIXELS = 4096 * 4096


class Faceset:
    """Faceset folder; make one with ``open`` or ``create``.

    What it says is as of opening and of its own changes since.

    Attributes:
        sources: clips and images that faces were taken from, by number.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index = folder / INDEX
        with faceset_index.connection(self._index) as opened:
            self.settings, self.sources, records, self._crop_digests = faceset_index.read(opened, self._index)
        self._set_records(records)

    @classmethod
    def open(cls, folder: Path) -> Faceset:
        """Opens an existing faceset.

        Raises:
            FacesetError: the folder is missing, is no faceset, is of a newer format, is damaged, or
                lacks the crop of one of its faces.
        """
        if not folder.exists():
            raise FacesetError(
                f"{folder}: there is no such faceset; make one with: recaster extract CLIP -o {folder}"
            )
        if not (folder / INDEX).is_file():
            raise FacesetError(
                f"{folder}: this is not a faceset (it holds no {INDEX}); make one with: recaster extract"
            )
        faceset = cls(folder)
        faceset._require_crops()
        return faceset

    @classmethod
    def create(cls, folder: Path, settings: FacesetSettings | None = None) -> Faceset:
        """Makes a new, empty faceset in a folder that is absent or empty.

        Raises:
            FacesetError: the folder already holds something.
            OutputError: the folder cannot be written.
        """
        if folder.exists() and (not folder.is_dir() or _is_occupied(folder)):
            raise FacesetError(
                f"{folder}: already exists and is not empty; choose another name for the faceset"
            )
        try:
            (folder / FACES).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(folder, error) from error
        with atomic_file(folder / INDEX) as temporary:
            faceset_index.build(temporary, settings or FacesetSettings())
        return cls(folder)

    def __len__(self) -> int:
        return len(self._records) - self._dropped

    @property
    def size(self) -> int:
        """Pixels of a crop's side."""
        return self.settings.size

    def crop(self, record: FaceRecord) -> Image:
        """Reads the face's crop, (size, size, 3) uint8 RGB (FacesetError where it is missing or damaged)."""
        path = self.folder / record.file
        image = self.decode(record, cv2.IMREAD_COLOR_RGB)
        height, width = image.shape[:2]
        size = self.size
        if image.shape != (size, size, 3):
            raise FacesetError(
                f"{path}: this crop is {width}x{height} pixels, not {size}x{size}; extract the faces again"
            )
        return image

    def decode(self, record: FaceRecord, flags: int) -> NDArray[np.uint8]:
        """Decodes the face's crop by OpenCV, as ``crop``; ``flags`` is one of its ``IMREAD_`` values."""
        path = self.folder / record.file
        data = self.crop_bytes(record)
        try:
            image = decode_array(data, path.name, flags, max_pixels=MAX_CROP_PIXELS, formats=("JPEG",))
        except ImageError as error:
            raise FacesetError(f"{path}: this crop is damaged ({error}); extract the faces again") from error
        if image is None:
            raise FacesetError(f"{path}: this crop is damaged; extract the faces again")
        return image

    def crop_bytes(self, record: FaceRecord) -> bytes:
        """Reads the face's crop file as it is (FacesetError where it is missing or cannot be read)."""
        path = self.folder / record.file
        try:
            data = path.read_bytes()
        except OSError as error:
            problem = f"{path}: this crop cannot be read ({error.strerror}); extract the faces again"
            raise FacesetError(problem) from error
        if not data:
            raise FacesetError(f"{path}: this crop is empty; extract the faces again")
        return data

    def crop_digest(self, record: FaceRecord) -> str:
        """SHA-256 that the crop file had when it was added, as hex digits."""
        return self._crop_digests[record.id]

    def digest(self) -> str:
        """SHA-256 over the kept faces and how they were cropped, as hex digits.

        It changes when a kept face is added, dropped or replaced; it does not depend on where the
        faceset lies, on its note or on its numbers.
        """
        total = hashlib.sha256(json.dumps([self.size, self.settings.coverage]).encode())
        sources = {source.id: source.digest for source in self.sources}
        for record in self.records:
            values = faceset_index.face_values(record) | {"crop_sha256": self._crop_digests[record.id]}
            for name in faceset_index.FACE_COLUMNS:
                value = values[name]
                if name not in ("id", "file", "source"):
                    total.update(value if isinstance(value, bytes) else f"{value!r};".encode())
            total.update(sources[record.source_id].encode())
        return total.hexdigest()

    def files_digest(self) -> str:
        """SHA-256 as ``digest``, and over the crops of the kept faces as they are on disk now, as hex digits.

        Raises:
            FacesetError: a crop is missing or cannot be read.
        """
        total = hashlib.sha256(self.digest().encode())
        for record in self.records:
            # Numbers, times and clips decide which frames are neighbours.
            total.update(f"{record.id} {record.source_id} {record.frame} {record.time!r};".encode())
            total.update(hashlib.sha256(self.crop_bytes(record)).digest())
        return total.hexdigest()

    def add_source(self, source: SourceRecord) -> SourceRecord:
        """Adds a clip or image and gives it its number; one with the same digest is returned as it is."""
        for known in self.sources:
            if known.digest == source.digest:
                return known
        with faceset_index.connection(self._index, write=True) as opened:
            (last,) = opened.execute("SELECT coalesce(max(id), 0) FROM sources").fetchone()
            source = replace(source, id=source.id or last + 1)
            opened.execute("INSERT INTO sources VALUES (?, ?, ?, ?, ?, ?)", faceset_index.source_row(source))
        self.sources = (*self.sources, source)
        return source

    def update_source(self, source: SourceRecord) -> None:
        """Writes a known source's ``finished`` and ``counts``."""
        _, _, _, _, finished, counts = faceset_index.source_row(source)
        with faceset_index.connection(self._index, write=True) as opened:
            opened.execute(
                "UPDATE sources SET finished = ?, counts = ? WHERE id = ?", (finished, counts, source.id)
            )
        self.sources = tuple(source if known.id == source.id else known for known in self.sources)

    def add(self, faces: Sequence[tuple[FaceRecord, Image | bytes]]) -> tuple[FaceRecord, ...]:
        """Adds faces, all or none, and gives each one its number and file name.

        Args:
            faces: records (``id`` and ``file`` are ignored) with their crops, (size, size, 3) uint8
                RGB, or the bytes of a JPEG file of that size, which are kept as they are.

        Raises:
            FacesetError: a crop has another size than the faceset's.
            OutputError: the folder cannot be written or the disk is full.
        """
        added: list[FaceRecord] = []
        digests: dict[int, str] = {}
        with faceset_index.connection(self._index, write=True) as opened:
            (last,) = opened.execute("SELECT coalesce(max(id), 0) FROM faces").fetchone()
            for number, (face, crop) in enumerate(faces, last + 1):
                values = faceset_index.face_values(replace(face, id=number, file=f"{FACES}/{number:06}.jpg"))
                record = faceset_index.face_of_values(values, face.source)  # rounded to what will be read
                data = crop if isinstance(crop, bytes) else self._encode_crop(crop)
                self._write_crop(record, data)
                digests[number] = hashlib.sha256(data).hexdigest()
                row = faceset_index.face_values(record) | {"crop_sha256": digests[number]}
                opened.execute(faceset_index.INSERT_FACE, [row[name] for name in faceset_index.FACE_COLUMNS])
                added.append(record)
            sync(self.folder / FACES)
        self._crop_digests |= digests
        self._records += added
        self._dropped += sum(record.dropped is not None for record in added)
        self._forget_tuples()
        return tuple(added)

    def mark(self, dropped: Mapping[int, str | None]) -> None:
        """Sets why faces are dropped, by number; None keeps one. All or none; crops stay on disk."""
        rows = [(reason, number) for number, reason in dropped.items()]
        with faceset_index.connection(self._index, write=True) as opened:
            opened.executemany("UPDATE faces SET dropped = ? WHERE id = ?", rows)
        marked = [replace(face, dropped=dropped.get(face.id, face.dropped)) for face in self.all_records]
        self._set_records(marked)

    def sweep(self) -> None:
        """Removes crops without a row, which a killed process left behind."""
        # For writing, so that nobody else is adding just now.
        with faceset_index.connection(self._index, write=True) as opened:
            known = {file for (file,) in opened.execute("SELECT file FROM faces")}
            for path in (self.folder / FACES).iterdir():
                if f"{FACES}/{path.name}" not in known and path.suffix == ".jpg":
                    path.unlink(missing_ok=True)

    @cached_property
    def all_records(self) -> tuple[FaceRecord, ...]:
        """All faces, those that cleaning dropped too, by number."""
        return tuple(self._records)

    @cached_property
    def records(self) -> tuple[FaceRecord, ...]:
        """Kept faces, by number."""
        return tuple(record for record in self._records if record.dropped is None)

    def _set_records(self, records: Sequence[FaceRecord]) -> None:
        self._records = list(records)
        self._dropped = sum(record.dropped is not None for record in records)
        self._forget_tuples()

    def _forget_tuples(self) -> None:
        """Lets them be made when they are asked for: of an extraction that adds and adds, once."""
        for name in ("all_records", "records"):
            self.__dict__.pop(name, None)

    def _write_crop(self, record: FaceRecord, data: bytes) -> None:
        """Writes a crop that no row points to yet: half of one does no harm, so no rename is needed."""
        path = self.folder / record.file
        try:
            path.write_bytes(data)
            sync(path)
        except OSError as error:
            raise write_error(path, error) from error

    def _require_crops(self) -> None:
        folder = self.folder / FACES
        present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        missing = [
            record.file for record in self.all_records if record.file.rpartition("/")[2] not in present
        ]
        if missing:
            others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise FacesetError(
                f"{self.folder / missing[0]}: this crop{others} of the faceset is missing; "
                "put it back or extract the faces again"
            )

    def _encode_crop(self, crop: Image) -> bytes:
        if crop.shape != (self.size, self.size, 3):
            height, width = crop.shape[:2]
            size = f"{self.size}x{self.size}"
            raise FacesetError(f"{self.folder}: holds crops of {size} pixels, not {width}x{height}")
        return encode_crop(crop)


def encode_crop(crop: Image) -> bytes:
    """Encodes a crop, (size, size, 3) uint8 RGB, as a faceset keeps it."""
    parameters = [
        cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]  # fmt: skip
    _, data = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), parameters)
    return bytes(data)


def _is_occupied(folder: Path) -> bool:
    """True if a folder holds more than what a ``create`` that was killed leaves behind."""
    return not all(
        path.name.startswith(".faceset.") or (path.name == FACES and not any(path.iterdir()))
        for path in folder.iterdir()
    )
