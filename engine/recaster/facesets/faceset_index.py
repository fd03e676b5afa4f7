"""SQLite index of a faceset: schema, rows to records and back, errors in plain words.

A connection lives for one operation only, so a faceset can be read from several threads and
processes. The rollback journal is used rather than WAL: between operations the index is one file,
and what a killed process left half done is undone by the next one that opens it.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from recaster.errors import DiskFullError, FacesetError, OutputError
from recaster.faces.types import Box, Floats, Pose
from recaster.facesets.face_records import FORMAT, VERSION, FaceRecord, FacesetSettings, SourceRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

APPLICATION_ID = 0x52434653  # "RCFS", so that `file` and others can tell it from other databases
BUSY_TIMEOUT_S = 30.0

SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sources (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    finished TEXT NOT NULL, counts TEXT NOT NULL
);
CREATE TABLE faces (
    id INTEGER PRIMARY KEY, file TEXT NOT NULL UNIQUE, crop_sha256 TEXT NOT NULL,
    source INTEGER NOT NULL REFERENCES sources(id), frame INTEGER NOT NULL, time REAL NOT NULL,
    track INTEGER NOT NULL, "left" REAL NOT NULL, top REAL NOT NULL, "right" REAL NOT NULL,
    bottom REAL NOT NULL, score REAL NOT NULL, sharpness REAL NOT NULL, yaw REAL NOT NULL,
    pitch REAL NOT NULL, roll REAL NOT NULL, landmarks BLOB NOT NULL, embedding BLOB NOT NULL,
    matrix BLOB NOT NULL, dropped TEXT
);
CREATE INDEX faces_by_frame ON faces (source, frame);
"""

FACE_COLUMNS = (
    "id", "file", "crop_sha256", "source", "frame", "time", "track", "left", "top", "right", "bottom",
    "score", "sharpness", "yaw", "pitch", "roll", "landmarks", "embedding", "matrix", "dropped",
)  # fmt: skip
ARRAYS = {"landmarks": ("<f4", (478, 3)), "embedding": ("<f4", (128,)), "matrix": ("<f8", (2, 3))}
"""Types and shapes in which arrays are kept."""
_QUOTED = ", ".join(f'"{name}"' for name in FACE_COLUMNS)
INSERT_FACE = f"INSERT INTO faces ({_QUOTED}) VALUES ({', '.join('?' * len(FACE_COLUMNS))})"  # noqa: S608
SELECT_FACES = f"SELECT {_QUOTED} FROM faces ORDER BY id"  # noqa: S608


@contextlib.contextmanager
def connection(path: Path, *, write: bool = False) -> Iterator[sqlite3.Connection]:
    """Opens the index for one operation; with ``write`` all of it is one transaction.

    Raises:
        FacesetError: the file is not a database, is damaged, or another process keeps it busy.
        OutputError: the disk is full or the file cannot be written.
    """
    try:
        with contextlib.closing(_connect(path)) as opened:
            if not write:
                yield opened
                return
            opened.execute("BEGIN IMMEDIATE")
            try:
                yield opened
            except BaseException:
                opened.rollback()
                raise
            opened.commit()
    except sqlite3.Error as error:
        raise _translate_error(path, error) from error


def build(path: Path, settings: FacesetSettings) -> None:
    """Makes an empty index at ``path``, which must not hold one yet."""
    with connection(path) as opened:
        opened.executescript(SCHEMA)
        opened.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        opened.execute(f"PRAGMA user_version = {VERSION}")
        values = {"format": FORMAT, "version": VERSION, "faceset": asdict(settings)}
        opened.executemany(
            "INSERT INTO settings VALUES (?, ?)",
            [(name, json.dumps(value, sort_keys=True)) for name, value in values.items()],
        )


def read(
    opened: sqlite3.Connection, path: Path
) -> tuple[FacesetSettings, tuple[SourceRecord, ...], tuple[FaceRecord, ...], dict[int, str]]:
    """Reads settings, sources and faces by number, and the SHA-256 of each face's crop file.

    Raises:
        FacesetError: this is another program's database, a newer Recaster wrote it, or a value in it is
            damaged.
    """
    try:
        return _read_settings(opened, path), _read_sources(opened), *_read_faces(opened)
    except (KeyError, TypeError, ValueError) as error:
        problem = f"{path}: the index holds damaged values ({error!r}); extract the faces again"
        raise FacesetError(problem) from error


def _read_settings(opened: sqlite3.Connection, path: Path) -> FacesetSettings:
    tables = {row[0] for row in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"settings", "sources", "faces"} <= tables:
        raise FacesetError(f"{path}: this is not a faceset's index; extract the faces again")
    values = {name: json.loads(value) for name, value in opened.execute("SELECT name, value FROM settings")}
    if values.get("format") != FORMAT:
        raise FacesetError(f"{path}: this is not a faceset's index; extract the faces again")
    if values["version"] > VERSION:
        raise FacesetError(
            f"{path}: written by a newer Recaster (format {values['version']}, "
            f"this one reads up to {VERSION}); update Recaster"
        )
    return FacesetSettings(**values["faceset"])


def _read_sources(opened: sqlite3.Connection) -> tuple[SourceRecord, ...]:
    rows = opened.execute("SELECT id, name, digest, kind, finished, counts FROM sources ORDER BY id")
    return tuple(
        SourceRecord(row[0], row[1], row[2], row[3], tuple(json.loads(row[4])), json.loads(row[5]))
        for row in rows
    )


def source_row(source: SourceRecord) -> tuple[Any, ...]:
    """Values of a source's row, in the schema's order."""
    counts = json.dumps(dict(source.counts), sort_keys=True)
    return (source.id, source.name, source.digest, source.kind, json.dumps(source.finished), counts)


def _read_faces(opened: sqlite3.Connection) -> tuple[tuple[FaceRecord, ...], dict[int, str]]:
    names = dict(opened.execute("SELECT id, name FROM sources"))
    faces = []
    digests = {}
    for row in opened.execute(SELECT_FACES):
        values = dict(zip(FACE_COLUMNS, row, strict=True))
        faces.append(face_of_values(values, names[values["source"]]))
        digests[values["id"]] = values["crop_sha256"]
    return tuple(faces), digests


def face_values(face: FaceRecord) -> dict[str, Any]:
    """Turns a face into plain values, arrays into bytes, by ``FACE_COLUMNS`` (all but its crop's SHA-256)."""
    values = {name: getattr(face, name) for name in FACE_COLUMNS if hasattr(face, name)}
    arrays = {name: pack(values[name], kind) for name, (kind, _) in ARRAYS.items()}
    return values | vars(face.box) | vars(face.pose) | arrays | {"source": face.source_id}


def face_of_values(values: Mapping[str, Any], source: str) -> FaceRecord:
    """Makes a face of what ``face_values`` gave; ``source`` is the name of its source.

    Raises:
        KeyError, TypeError, ValueError: something in it is missing or of the wrong kind.
    """
    arrays = {
        name: np.frombuffer(values[name], kind).reshape(shape).astype(np.float64)
        for name, (kind, shape) in ARRAYS.items()
    }
    return FaceRecord(
        id=int(values["id"]),
        file=str(values["file"]),
        source=source,
        source_id=int(values["source"]),
        frame=int(values["frame"]),
        time=float(values["time"]),
        track=int(values["track"]),
        box=Box(*(float(values[side]) for side in ("left", "top", "right", "bottom"))),
        score=float(values["score"]),
        sharpness=float(values["sharpness"]),
        pose=Pose(*(float(values[angle]) for angle in ("yaw", "pitch", "roll"))),
        dropped=None if values["dropped"] is None else str(values["dropped"]),
        **arrays,
    )


def pack(values: Floats, kind: str) -> bytes:
    """Packs an array's numbers as bytes of the given numpy type."""
    return np.ascontiguousarray(values, dtype=kind).tobytes()


def _connect(path: Path) -> sqlite3.Connection:
    opened = sqlite3.connect(
        path.absolute().as_uri() + "?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
    )
    try:
        opened.execute("PRAGMA journal_mode = DELETE")
        opened.execute("PRAGMA synchronous = FULL")
        opened.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        opened.close()
        raise
    return opened


def _translate_error(path: Path, error: sqlite3.Error) -> FacesetError | OutputError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL"):
        return DiskFullError(f"{path}: the disk is full; free some space and run the same command again")
    if name.startswith(("SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN")):
        return OutputError(f"{path}: cannot be read or written ({error}); check its permissions")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return FacesetError(f"{path}: another process is writing to it; wait until it has ended")
    return FacesetError(f"{path}: the index is damaged or not one ({error}); extract the faces again")
