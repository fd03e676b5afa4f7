"""Clips, identities, facesets and models: what jobs work on, each kept as the message that clients get."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from recaster.api.v1 import clip_pb2, faceset_pb2, identity_pb2, model_pb2
from recaster.errors import NotFoundError
from recaster.store.job_store import page

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from recaster.store.database import Database

MESSAGES: Final[dict[str, type[Any]]] = {
    "clip": clip_pb2.Clip,
    "identity": identity_pb2.Identity,
    "faceset": faceset_pb2.Faceset,
    "model": model_pb2.Model,
}
"""Messages of records by their kind, as the database, job specs and the audit log name it."""

Record = TypeVar("Record", clip_pb2.Clip, identity_pb2.Identity, faceset_pb2.Faceset, model_pb2.Model)


def record_id(record: Any) -> str:
    """The id of a clip, identity, faceset or model: the field that is named after the message."""
    return str(getattr(record, f"{type(record).__name__.lower()}_id"))


class Repository(Generic[Record]):
    """The records of one kind."""

    def __init__(self, database: Database, message: type[Record]) -> None:
        self._database = database
        self._message: type[Record] = message
        self.kind = message.__name__.lower()

    def add(self, record: Record, origin: str | None = None) -> Record:
        """Keeps a new record, whose id is set where it has none; returns it, or what was made of its origin.

        ``origin`` says what it was made from, so that it isn't made twice; None where that may be.
        """
        with self._database.transaction() as opened:
            known = None if origin is None else self.find_by_origin(origin)
            if known is not None:
                return known
            if not record_id(record):
                setattr(record, f"{self.kind}_id", secrets.token_hex(6))
            record.create_time.GetCurrentTime()
            opened.execute(
                "insert or replace into thing (kind, thing_id, origin, body) values (?, ?, ?, ?)",
                (self.kind, record_id(record), origin, record.SerializeToString()),
            )
        return record

    def find(self, name: str) -> Record | None:
        """A record by its id, or None."""
        return self._one("thing_id = ?", name)

    def find_by_origin(self, origin: str) -> Record | None:
        """The record that was made of an origin, or None."""
        return self._one("origin = ?", origin)

    def get(self, name: str) -> Record:
        """A record by its id (NotFoundError where there is none)."""
        record = self.find(name)
        if record is None:
            raise NotFoundError(f"there is no {self.kind} {name}")
        return record

    def put(self, record: Record) -> None:
        """Keeps what changed about a record."""
        self._update("body = ?", record.SerializeToString(), record_id(record))

    def set_origin(self, name: str, origin: str) -> None:
        """Notes that a record, packed, has this digest: whoever sends it back means this one."""
        self._update("origin = ?", origin, name)

    def clear_origin(self, name: str) -> None:
        """Forgets what a record was made from, now that it is something else."""
        self._update("origin = ?", None, name)

    def list_page(self, size: int, token: str) -> tuple[list[Record], str]:
        """A page of records, the newest first, and the token of the next (UsageError)."""
        rows, following = page(self._database, "thing", "kind = ?", (self.kind,), size, token)
        return [self._message.FromString(row["body"]) for row in rows], following

    def list_all(self) -> list[Record]:
        """Every record of the kind."""
        rows = self._database.rows("select body from thing where kind = ?", (self.kind,))
        return [self._message.FromString(row["body"]) for row in rows]

    def delete(self, name: str) -> None:
        """Forgets a record (NotFoundError)."""
        self.get(name)
        with self._database.transaction() as opened:
            opened.execute("delete from thing where kind = ? and thing_id = ?", (self.kind, name))
            opened.execute("delete from trace where owner = ?", (f"{self.kind} {name}",))

    def traces(self, name: str) -> Any | None:
        """The content by which the face in a record is known again (``provenance.face_traces``), or None."""
        row = self._database.row("select body from trace where owner = ?", (f"{self.kind} {name}",))
        return None if row is None else json.loads(row["body"])

    def keep_traces(self, name: str, value: Any) -> None:
        """Keeps that instead of what was kept before."""
        with self._database.transaction() as opened:
            opened.execute(
                "insert or replace into trace values (?, ?)", (f"{self.kind} {name}", json.dumps(value))
            )

    def _one(self, where: str, value: str) -> Record | None:
        query = f"select body from thing where kind = ? and {where}"  # noqa: S608 - one of two columns
        row = self._database.row(query, (self.kind, value))
        return None if row is None else self._message.FromString(row["body"])

    def _update(self, change: str, value: str | bytes | None, name: str) -> None:
        query = f"update or ignore thing set {change} where kind = ? and thing_id = ?"  # noqa: S608 - as above
        with self._database.transaction() as opened:
            opened.execute(query, (value, self.kind, name))


class Catalog:
    """All records of one engine."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clips = Repository(database, clip_pb2.Clip)
        self.identities = Repository(database, identity_pb2.Identity)
        self.facesets = Repository(database, faceset_pb2.Faceset)
        self.models = Repository(database, model_pb2.Model)
        repositories: tuple[Repository[Any], ...] = (self.clips, self.identities, self.facesets, self.models)
        self._by_kind = {repository.kind: repository for repository in repositories}

    def of(self, kind: str) -> Repository[Any]:
        """The records of a kind that a request or a job names."""
        return self._by_kind[kind]

    def transaction(self) -> AbstractContextManager[object]:
        """All that the block keeps, or none of it."""
        return self.database.transaction()
