"""The engine's SQLite database: opening, transactions, the reserve for a full disk."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final

from recaster.errors import DiskFullError, LockedError, OutputError
from recaster.files import atomic_file, write_bytes
from recaster.locks import LOCK_TIMEOUT_S
from recaster.store.schema import MIGRATIONS, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from pathlib import Path

RESERVE: Final = 8 << 20
"""Bytes that are set aside."""
MAX_JOURNAL_BYTES: Final = 16 << 20
COMPACTED_PAGES: Final = 2000
"""Pages that are given back at a time: more would keep writers waiting."""
INCREMENTAL: Final = 2
"""What SQLite calls a store that can give room back without being written anew."""
KEEP_COPY_S: Final = 30 * 86400.0
"""Seconds that the store of an earlier release is kept after a migration: it holds what was deleted since."""
PASSING: Final = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_PROTOCOL")
"""Errors that are over soon: a lock, or no descriptor left."""
BUSY: Final = "the engine's store is busy; try again"


class Database:
    """One file, with a connection for each thread; every write is durable before it returns.

    Readers wait for nobody. Writers of this process take turns; for one of another process they wait as long
    as ``locks.LOCK_TIMEOUT_S`` says.

    Some room is set aside in a file beside it. Where the disk is full the file goes, so that what comes
    next can be written: that a job waits for room, say, or that one is deleted to make some.
    """

    def __init__(self, path: Path, max_hold_s: float = math.inf) -> None:
        """Open it, or make it.

        Args:
            max_hold_s: how long, in seconds, a transaction waits for another lock, the audit log's say: all
                who write wait for it meanwhile.

        Raises:
            OutputError: it can't be opened, is damaged, or was written by a newer Recaster.
        """
        self._path = path
        self._max_hold_s = max_hold_s
        self._reserve = path.with_name("reserve")
        self._unscrubbed = path.with_name("unscrubbed")  # there while free room may hold what was deleted
        self._of_thread = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._writing = threading.RLock()
        try:
            self._refuse_newer()
            self._compact_as_it_shrinks()
            self._migrate()
        except sqlite3.Error as error:
            raise OutputError(f"{path}: cannot be opened ({error}); restore it, or move it away") from error

    @property
    def _connection(self) -> sqlite3.Connection:
        """This thread's."""
        known: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if known is not None:
            return known
        opened = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            opened.row_factory = sqlite3.Row
            pragmas = ("journal_mode = wal", "synchronous = full", "foreign_keys = on")
            for pragma in (*pragmas, f"journal_size_limit = {MAX_JOURNAL_BYTES}"):
                opened.execute(f"pragma {pragma}")
        except BaseException:
            opened.close()
            raise
        self._connections.append(opened)
        self._of_thread.connection = opened
        return opened

    def _compact_as_it_shrinks(self) -> None:
        """Let the file give room back: a store that was made before it could is written anew, once."""
        connection = self._connection
        if connection.execute("pragma auto_vacuum").fetchone()[0] != INCREMENTAL:
            connection.execute("pragma auto_vacuum = incremental")
            with contextlib.suppress(sqlite3.OperationalError):  # no room for a copy, or used just now
                connection.execute("vacuum")

    def _refuse_newer(self) -> None:
        if self._version() > SCHEMA_VERSION:
            raise OutputError(
                f"{self._path}: was written by a newer Recaster (schema {self._version()}; this one knows "
                f"{SCHEMA_VERSION}); use that one, or put back the copy that it made before "
                f"({self._path.name}.v{SCHEMA_VERSION})"
            )

    def _migrate(self) -> None:
        """Brings an older store to SCHEMA_VERSION, each step in a transaction of its own; a copy is kept."""
        if 0 < self._version() < SCHEMA_VERSION:
            self._copy_before(self._version())
        for version in range(self._version(), SCHEMA_VERSION):
            with self.transaction() as opened:
                if self._version() == version:  # else another process has just done this step
                    for statement in MIGRATIONS[version].split(";"):
                        opened.execute(statement)
                    opened.execute(f"pragma user_version = {version + 1}")
        self._tables = {row["name"] for row in self.rows("select name from sqlite_master")}

    def _copy_before(self, version: int) -> None:
        """Keep the store as it is, for whoever wants the release back that wrote it."""
        with self.transaction():
            if self._version() == version:  # else another process has just brought it on
                copy_store(self._path, self._path.with_name(f"{self._path.name}.v{version}"))

    def drop_old_copies(self, age_s: float = KEEP_COPY_S) -> None:
        """Remove copies of the store from before a migration that have an age."""
        for path in self._path.parent.glob(f"{self._path.name}.v*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime <= time.time() - age_s:
                    path.unlink()

    def _version(self) -> int:
        return int(self._connection.execute("pragma user_version").fetchone()[0])

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep this process's other threads from writing while the block lasts (LockedError)."""
        if not self._writing.acquire(timeout=LOCK_TIMEOUT_S.get()):
            raise LockedError(BUSY)
        try:
            yield
        finally:
            self._writing.release()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that the block writes, or none of it; blocks may lie in one another.

        Raises:
            LockedError, DiskFullError, OutputError: another process goes on writing, or it can't be written.
        """
        with self._explained_errors():
            connection = self._connection
        if connection.in_transaction:
            yield connection
            return
        with self.alone(), self._explained_errors():
            connection.execute(f"pragma busy_timeout = {round(1000 * LOCK_TIMEOUT_S.get())}")
            connection.execute("begin immediate")
            after: list[Callable[[], None]] = []
            self._of_thread.after = after
            with connection, self._short_lock_wait():  # commits, or rolls back
                yield connection
        for do in after:
            do()

    @contextlib.contextmanager
    def _short_lock_wait(self) -> Iterator[None]:
        before = LOCK_TIMEOUT_S.set(min(LOCK_TIMEOUT_S.get(), self._max_hold_s))
        try:
            yield
        finally:
            LOCK_TIMEOUT_S.reset(before)

    def on_commit(self, do: Callable[[], None]) -> None:
        """Do something when all that is being written is there for others to see; never if it isn't kept."""
        if self._connection.in_transaction:
            self._of_thread.after.append(do)
        else:
            do()

    @contextlib.contextmanager
    def _explained_errors(self) -> Iterator[None]:
        """Says of SQLite's own troubles what they mean here."""
        try:
            yield
        except sqlite3.OperationalError as error:
            name = getattr(error, "sqlite_errorname", "")
            if name == "SQLITE_FULL":
                self.release_reserve()
                raise DiskFullError("the engine's disk is full; free some space there") from error
            if name.startswith(PASSING):
                raise LockedError(BUSY) from error
            raise OutputError(f"the engine's store can't be used ({error})") from error

    def compact(self) -> None:
        """Give room that was freed back to the disk, a little at a time."""
        with self.alone(), self._explained_errors():
            # One page is a step, and only a script takes all its steps.
            self._connection.executescript(f"pragma incremental_vacuum({COMPACTED_PAGES})")

    def scrub(self) -> None:
        """Write the file anew: its free room still holds what was deleted. Copies from before a migration go.

        Where that fails (LockedError, DiskFullError, OutputError), ``scrub_if_marked`` does it later.
        """
        self.mark_unscrubbed()
        self.drop_old_copies(0)
        with self.alone(), self._explained_errors():
            self._connection.execute("vacuum")
            busy = self._connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
        if busy:
            raise LockedError(BUSY)
        self._unscrubbed.unlink(missing_ok=True)

    def mark_unscrubbed(self) -> None:
        """Note that what is deleted now must not stay in free room, whatever comes in between."""
        with contextlib.suppress(OSError):  # a full disk must not keep anybody from deleting
            self._unscrubbed.touch(mode=0o600)

    def scrub_if_marked(self) -> None:
        """Do what ``scrub`` couldn't (as it raises)."""
        if self._unscrubbed.is_file():
            self.scrub()

    def used(self) -> int:
        """Bytes of its files."""
        total = 0
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                total += self._path.with_name(self._path.name + suffix).stat().st_size
        return total

    def check(self) -> None:
        """Find out if it can be read and written (OutputError where it can't; a table is missing, say)."""
        with self.transaction() as opened:
            missing = self._tables - {row["name"] for row in opened.execute("select name from sqlite_master")}
            if missing:
                raise OutputError(f"the engine's store lacks {', '.join(sorted(missing))}; restore it")
            opened.execute(f"pragma user_version = {SCHEMA_VERSION}")  # to the disk, as any write

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

    def release_reserve(self) -> bool:
        """Give up the room that is set aside; False where there is none."""
        there = self._reserve.is_file()
        self._reserve.unlink(missing_ok=True)
        return there

    def rows(self, query: str, values: tuple[object, ...] | Mapping[str, object] = ()) -> list[sqlite3.Row]:
        """The rows of a query."""
        with self._explained_errors():
            return self._connection.execute(query, values).fetchall()

    def each(self, query: str, values: tuple[object, ...] = ()) -> Generator[sqlite3.Row]:
        """The same, one by one: whoever has enough stops."""
        with self._explained_errors(), contextlib.closing(self._connection.execute(query, values)) as cursor:
            yield from cursor

    def row(self, query: str, values: tuple[object, ...] = ()) -> sqlite3.Row | None:
        """The first row of a query."""
        with self._explained_errors():
            found: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
        return found

    def close(self) -> None:
        """Close it; no other thread may be using it."""
        for connection in self._connections:
            connection.close()


class AuditHead:
    """Number and hash of the audit log's newest record, kept apart from the log itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> contextlib.AbstractContextManager[object]:
        """All that the block keeps, or none of it."""
        return self._database.transaction()

    def make_room(self) -> bool:
        """Give up the room that is set aside for a full disk; False where there is none."""
        return self._database.release_reserve()

    def get(self) -> tuple[int, str] | None:
        """Number and hash; None where no record was added yet."""
        row = self._database.row("select number, hash from audit_head")
        return None if row is None else (row["number"], row["hash"])

    def put(self, number: int, digest: str) -> None:
        """Note the newest record."""
        with self._database.transaction() as opened:
            opened.execute("insert or replace into audit_head values (1, ?, ?)", (number, digest))


def copy_store(path: Path, target: Path) -> None:
    """Copy a SQLite file as it is at one moment, while others use it (FileNotFoundError, OutputError)."""
    path.stat()
    try:
        with (
            atomic_file(target, 0o600) as temporary,
            contextlib.closing(sqlite3.connect(path, timeout=LOCK_TIMEOUT_S.get())) as store,
            contextlib.closing(sqlite3.connect(temporary)) as copy,
        ):
            store.backup(copy)
            copy.execute("pragma journal_mode = delete")  # one file, with none beside it
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
            raise DiskFullError(f"{target}: the disk is full; free some space there") from error
        raise OutputError(f"{path}: can't be copied to {target} ({error})") from error
