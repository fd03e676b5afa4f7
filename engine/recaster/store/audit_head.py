"""Number and hash of the audit log's newest record, in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from recaster.store.database import Database


class AuditHead:
    """Number and hash of the newest record, kept apart from the log itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractContextManager[object]:
        """All that the block keeps, or none of it."""
        return self._database.transaction()

    def make_room(self) -> bool:
        """Give up the room that is set aside for a full disk; False where there is none."""
        return self._database.give_reserve()

    def get(self) -> tuple[int, str] | None:
        """Number and hash; None where no record was added yet."""
        row = self._database.row("select number, hash from audit_head")
        return None if row is None else (row["number"], row["hash"])

    def put(self, number: int, digest: str) -> None:
        """Note the newest record."""
        with self._database.transaction() as opened:
            opened.execute("insert or replace into audit_head values (1, ?, ?)", (number, digest))
