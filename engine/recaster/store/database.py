"""The engine's SQLite database: opening, transactions, the reserve for a full disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from typing import TYPE_CHECKING, Final

from recaster.errors import DiskFullError, OutputError
from recaster.files import write_bytes
from recaster.store.schema import MIGRATIONS, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

RESERVE: Final = 8 << 20
"""Bytes that are set aside."""


class Database:
    """One connection, used by one thread; every write is durable before it returns.

    Some room is set aside in a file beside it. Where the disk is full the file goes, so that what comes
    next can be written: that a job waits for room, say, or that one is deleted to make some.
    """

    def __init__(self, path: Path) -> None:
        """Open it, or make it.

        Raises:
            OutputError: it can't be opened, is damaged, or was written by a newer Recaster.
        """
        self._path = path
        self._reserve = path.with_name("reserve")
        try:
            self._connection = sqlite3.connect(path, timeout=10, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = on"):
                self._connection.execute(f"pragma {pragma}")
            self._migrate()
        except sqlite3.Error as error:
            raise OutputError(f"{path}: cannot be opened ({error}); restore it, or move it away") from error

    def _migrate(self) -> None:
        """Brings an older store to SCHEMA_VERSION, each step in a transaction of its own."""
        if self._version() > SCHEMA_VERSION:
            raise OutputError(f"{self._path}: was written by a newer Recaster; use that one")
        for version in range(self._version(), SCHEMA_VERSION):
            with self.transaction() as opened:
                if self._version() == version:  # else another process has just done this step
                    for statement in MIGRATIONS[version].split(";"):
                        opened.execute(statement)
                    opened.execute(f"pragma user_version = {version + 1}")

    def _version(self) -> int:
        return int(self._connection.execute("pragma user_version").fetchone()[0])

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that the block writes, or none of it; blocks may lie in one another."""
        if self._connection.in_transaction:
            yield self._connection
            return
        try:
            self._connection.execute("begin immediate")
            with self._connection:  # commits, or rolls back
                yield self._connection
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorname", "") != "SQLITE_FULL":
                raise OutputError(f"the engine's store can't be written ({error})") from error
            self._reserve.unlink(missing_ok=True)
            raise DiskFullError("the engine's disk is full; free some space there") from error

    def keep_reserve(self) -> bool:
        """Set the room aside, unless it is; False where there is none."""
        if self._reserve.is_file():
            return True
        if shutil.disk_usage(self._path.parent).free < 2 * RESERVE:
            return False
        try:
            write_bytes(self._reserve, os.urandom(RESERVE))  # zeros may take no room
        except OutputError:
            return False
        return True

    def rows(self, query: str, values: tuple[object, ...] | Mapping[str, object] = ()) -> list[sqlite3.Row]:
        """The rows of a query."""
        return self._connection.execute(query, values).fetchall()

    def row(self, query: str, values: tuple[object, ...] = ()) -> sqlite3.Row | None:
        """The first row of a query."""
        found: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
        return found

    def close(self) -> None:
        """Close it."""
        self._connection.close()
