"""The audit log: one JSON record a line, each holding the hash of the one before it.

Whoever changes, removes or inserts a record breaks the chain from there on. Records cut off at the end
can't be told from the log alone: each signed manifest names the log's newest record, and
``recaster audit verify --head`` compares with a hash that was noted elsewhere.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import AuditError, OutputError
from recaster.files import held, unwritable, user_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

GENESIS: Final = "0" * 64
"""What the first record has for the hash of the one before it."""
PATIENCE_S: Final = 10.0
"""Seconds to wait for another process that is writing a record."""
_TAIL: Final = 1 << 16


@dataclass(frozen=True)
class Record:
    """One thing that happened.

    Attributes:
        number: from 1.
        time: when, ISO 8601 in UTC.
        event: what ("identity.add", "swap.deliver").
        details: which person, job, file; no names of people.
        previous: hash of the record before.
        hash: SHA-256 of all of the above, as hex digits.
    """

    number: int
    time: str
    event: str
    details: Mapping[str, Any]
    previous: str
    hash: str

    @classmethod
    def after(cls, last: Record | None, event: str, details: Mapping[str, Any]) -> Record:
        """The record that follows another."""
        number, previous = (1, GENESIS) if last is None else (last.number + 1, last.hash)
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        return cls(number, now, event, details, previous, _hash(number, now, event, details, previous))

    @property
    def whole(self) -> bool:
        """Whether it is as it was written."""
        return self.hash == _hash(self.number, self.time, self.event, self.details, self.previous)

    def line(self) -> str:
        """As one line of JSON."""
        return json.dumps(vars(self), sort_keys=True, separators=(",", ":")) + "\n"


class AuditLog:
    """One file of records, only ever added to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, event: str, **details: Any) -> Record:
        """Add a record; on the disk when this returns.

        Raises:
            OutputError: it can't be written.
            AuditError: the last record is damaged.
        """
        end = time.monotonic() + PATIENCE_S
        while True:
            with held(self.path.with_suffix(".lock")) as alone:
                if alone:
                    return self._add(event, {"by": user_name(), **details})
            if time.monotonic() > end:
                raise OutputError(f"{self.path}: another process keeps it locked; try again")
            time.sleep(0.01)

    def _add(self, event: str, details: Mapping[str, Any]) -> Record:
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            with os.fdopen(handle, "r+b") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _TAIL))
                tail = file.read()
                # What a crash left half-written was never said to be there.
                whole = tail[: tail.rfind(b"\n") + 1]
                lines = whole.splitlines()
                record = Record.after(_parsed(self.path, lines[-1]) if lines else None, event, details)
                file.seek(size - len(tail) + len(whole))
                file.truncate()
                file.write(record.line().encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise unwritable(self.path, error) from error
        return record

    def records(self) -> Iterator[Record]:
        """Every record, the oldest first (AuditError for what is none)."""
        if self.path.is_file():
            with self.path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        yield _parsed(self.path, line)

    def verify(self, head: str | None = None) -> Record | None:
        """Follow the whole chain; returns the newest record, None where there is none.

        Args:
            head: a hash that was noted earlier, and has to be in the log.

        Raises:
            AuditError: a record was changed, removed, inserted or cut off; the message names it.
        """
        last: Record | None = None
        found = head is None
        for record in self.records():
            number, previous = (1, GENESIS) if last is None else (last.number + 1, last.hash)
            if not record.whole:
                raise AuditError(f"{self.path}: record {number} was changed after it was written")
            if (record.number, record.previous) != (number, previous):
                raise AuditError(
                    f"{self.path}: record {number} doesn't follow the one before it: "
                    "something was removed or inserted there"
                )
            found = found or record.hash == head
            last = record
        if not found:
            raise AuditError(f"{self.path}: no record has the hash {head}; the log's end was cut off")
        return last


def _hash(number: int, when: str, event: str, details: Mapping[str, Any], previous: str) -> str:
    text = json.dumps([number, when, event, details, previous], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _parsed(path: Path, line: bytes) -> Record:
    try:
        return Record(**json.loads(line))
    except (ValueError, TypeError):
        raise AuditError(
            f"{path}: holds a line that is no record; keep a copy of it and begin a new log"
        ) from None
