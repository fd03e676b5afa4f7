"""Clips, identities, facesets and models: what jobs work on, each kept as the message that clients get."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Final

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


def new_id() -> str:
    """A name for a new thing."""
    return secrets.token_hex(6)


class Catalog:
    """The things of one engine, by kind: "clip", "identity", "faceset" or "model"."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def database(self) -> Database:
        """Where they are kept."""
        return self._database

    def transaction(self) -> AbstractContextManager[object]:
        """All that the block keeps, or none of it."""
        return self._database.transaction()

    def add(self, kind: str, body: Any, origin: str | None = None) -> Any:
        """Keep a new thing; returns it, or what was made of the same origin before.

        Args:
            kind: what it is.
            body: its message; the id is set where it has none.
            origin: what it was made from, so that it isn't made twice; None where that may be.
        """
        name = f"{kind}_id"
        with self._database.transaction() as opened:
            if origin is not None:
                known = self.by_origin(kind, origin)
                if known is not None:
                    return known
            if not getattr(body, name):
                setattr(body, name, new_id())
            body.create_time.GetCurrentTime()
            opened.execute(
                "insert or replace into thing (kind, thing_id, origin, body) values (?, ?, ?, ?)",
                (kind, getattr(body, name), origin, body.SerializeToString()),
            )
        return body

    def by_origin(self, kind: str, origin: str) -> Any | None:
        """What was made of an origin, or None."""
        row = self._database.row("select body from thing where kind = ? and origin = ?", (kind, origin))
        return None if row is None else MESSAGES[kind].FromString(row["body"])

    def find(self, kind: str, thing_id: str) -> Any | None:
        """One thing, or None."""
        row = self._database.row("select body from thing where kind = ? and thing_id = ?", (kind, thing_id))
        return None if row is None else MESSAGES[kind].FromString(row["body"])

    def get(self, kind: str, thing_id: str) -> Any:
        """One thing (NotFoundError where there is none)."""
        found = self.find(kind, thing_id)
        if found is None:
            raise NotFoundError(f"there is no {kind} {thing_id}")
        return found

    def put(self, kind: str, body: Any) -> None:
        """Keep what changed about a thing."""
        with self._database.transaction() as opened:
            opened.execute(
                "update thing set body = ? where kind = ? and thing_id = ?",
                (body.SerializeToString(), kind, getattr(body, f"{kind}_id")),
            )

    def set_origin(self, kind: str, thing_id: str, origin: str) -> None:
        """Note that a thing, packed, has this digest: whoever sends it back means this thing."""
        with self._database.transaction() as opened:
            opened.execute(
                "update or ignore thing set origin = ? where kind = ? and thing_id = ?",
                (origin, kind, thing_id),
            )

    def clear_origin(self, kind: str, thing_id: str) -> None:
        """Forget what a thing was made from, now that it is something else."""
        with self._database.transaction() as opened:
            opened.execute("update thing set origin = null where kind = ? and thing_id = ?", (kind, thing_id))

    def listed(self, kind: str, size: int, token: str) -> tuple[list[Any], str]:
        """A page of things, the newest first, and the token of the next (UsageError)."""
        rows, following = page(self._database, "thing", "kind = ?", (kind,), size, token)
        return [MESSAGES[kind].FromString(row["body"]) for row in rows], following

    def every(self, kind: str) -> list[Any]:
        """All things of a kind."""
        rows = self._database.rows("select body from thing where kind = ?", (kind,))
        return [MESSAGES[kind].FromString(row["body"]) for row in rows]

    def delete(self, kind: str, thing_id: str) -> None:
        """Forget a thing (NotFoundError)."""
        self.get(kind, thing_id)
        with self._database.transaction() as opened:
            opened.execute("delete from thing where kind = ? and thing_id = ?", (kind, thing_id))
            opened.execute("delete from trace where owner = ?", (f"{kind} {thing_id}",))

    def traces(self, kind: str, thing_id: str) -> Any | None:
        """By which content the face in a thing is known again (``provenance.face_traces``), or None."""
        row = self._database.row("select body from trace where owner = ?", (f"{kind} {thing_id}",))
        return None if row is None else json.loads(row["body"])

    def keep_traces(self, kind: str, thing_id: str, value: Any) -> None:
        """Keep that instead of what was kept before."""
        with self._database.transaction() as opened:
            opened.execute(
                "insert or replace into trace values (?, ?)", (f"{kind} {thing_id}", json.dumps(value))
            )
