"""Everything that a store names: what must lie beside it in its data folder."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from recaster.api.v1 import job_pb2
from recaster.errors import InputError, OutputError
from recaster.store.catalog import MESSAGES, record_id
from recaster.store.job_store import UNENDED
from recaster.store.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Inventory:
    """Content of one store at one moment.

    Attributes:
        schema: its version.
        blobs: bytes of the blobs that somebody needs, by digest; None where they aren't known.
        catalog: records, by kind.
        jobs: messages of jobs, by id; None for those that have ended.
        audit_head: number and hash of the audit log's newest record; None where there is none.
    """

    schema: int
    blobs: dict[str, int | None]
    catalog: dict[str, list[Any]]
    jobs: dict[str, job_pb2.Job | None]
    audit_head: tuple[int, str] | None

    @classmethod
    def by(cls, path: Path) -> Self:
        """By a store, of this release or an earlier one, which is only read.

        Raises:
            InputError: there is none, or it is damaged.
            OutputError: a newer Recaster wrote it.
        """
        if not path.is_file():
            raise InputError(f"{path}: there is no store; make it again with: recaster store rebuild")
        try:
            with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as opened:
                opened.execute("begin")  # as it is at one moment: an engine may be writing
                return cls._read(path, opened)
        except sqlite3.Error as error:
            raise InputError(f"{path}: is damaged ({error}); put it back from a backup") from error

    @classmethod
    def _read(cls, path: Path, opened: sqlite3.Connection) -> Self:
        schema = opened.execute("pragma user_version").fetchone()[0]
        if schema > SCHEMA_VERSION:
            raise OutputError(f"{path}: was written by a newer Recaster (schema {schema}); use that one")
        tables = {name for (name,) in opened.execute("select name from sqlite_master")}
        blobs = dict.fromkeys((digest for (digest,) in opened.execute("select digest from blob_use")), None)
        sizes = opened.execute("select digest, size from blob_size") if "blob_size" in tables else ()
        catalog: dict[str, list[Any]] = {kind: [] for kind in MESSAGES}
        for kind, body in opened.execute("select kind, body from thing"):
            catalog[kind].append(MESSAGES[kind].FromString(body))
        jobs = {
            job_id: job_pb2.Job.FromString(body) if state in UNENDED else None
            for job_id, state, body in opened.execute("select job_id, state, body from job")
        }
        head = opened.execute("select number, hash from audit_head") if "audit_head" in tables else ()
        known = {digest: size for digest, size in sizes if digest in blobs}
        return cls(schema, blobs | known, catalog, jobs, next(iter(head), None))

    def ids(self, kind: str) -> set[str]:
        """Ids of the records of a kind."""
        return {record_id(record) for record in self.catalog[kind]}

    def documents(self) -> set[str]:
        """Digests of the documents that say by what right a face is used."""
        return {identity.attestation.document_digest for identity in self.catalog["identity"]} - {""}


def check_integrity(path: Path) -> list[str]:
    """Faults that SQLite finds in a store."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as opened:
            said = [str(row[0]) for row in opened.execute("pragma integrity_check")]
            strays = opened.execute("pragma foreign_key_check").fetchall()
    except sqlite3.Error as error:
        return [str(error)]
    lost = [f"{len(strays)} rows belong to nothing"] if strays else []
    return [*(line for line in said if line != "ok"), *lost]
