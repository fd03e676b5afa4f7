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
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from recaster.errors import AuditError
from recaster.files import locked, unwritable
from recaster.provenance.caller import caller

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

GENESIS: Final = "0" * 64
"""What the first record has for the hash of the one before it."""
_BLOCK: Final = 1 << 16


@dataclass(frozen=True)
class Record:
    """One thing that happened.

    Attributes:
        number: from 1.
        time: when, ISO 8601 in UTC.
        event: what ("identity.add", "swap.deliver").
        details: which person, job, file; of people only ids, and who did it.
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
        with locked(self.path.with_suffix(".lock")):
            try:
                handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
                with os.fdopen(handle, "r+b") as file:
                    end, line = _last_line(file)
                    last = _parsed(self.path, line) if line else None
                    if last is not None and not last.whole:
                        raise AuditError(_changed(self.path, last.number))
                    record = Record.after(last, event, {"by": caller(), **details})
                    file.seek(end)
                    file.truncate()  # what a crash left half-written was never said to be there
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
                raise AuditError(_changed(self.path, number))
            if (record.number, record.previous) != (number, previous):
                raise AuditError(
                    f"{self.path.name}: record {number} doesn't follow the one before it: "
                    "something was removed or inserted there"
                )
            found = found or record.hash == head
            last = record
        if not found:
            raise AuditError(f"{self.path.name}: no record has the hash {head}; the log's end was cut off")
        return last


def _hash(number: int, when: str, event: str, details: Mapping[str, Any], previous: str) -> str:
    text = json.dumps([number, when, event, details, previous], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _last_line(file: IO[bytes]) -> tuple[int, bytes]:
    """Where the last whole line ends, and that line; 0 and nothing where there is none."""
    end = _newline_before(file, file.seek(0, os.SEEK_END)) + 1
    if end == 0:
        return 0, b""
    begin = _newline_before(file, end - 1) + 1
    file.seek(begin)
    return end, file.read(end - begin)


def _newline_before(file: IO[bytes], place: int) -> int:
    """Where the last newline before a place is; -1 for none."""
    while place > 0:
        begin = max(0, place - _BLOCK)
        file.seek(begin)
        found = file.read(place - begin).rfind(b"\n")
        if found >= 0:
            return begin + found
        place = begin
    return -1


def _parsed(path: Path, line: bytes) -> Record:
    try:
        record = Record(**json.loads(line))
    except (ValueError, TypeError):
        record = None
    if record is None or not isinstance(record.number, int) or not isinstance(record.details, dict):
        raise AuditError(
            f"{path.name}: holds a line that is no record; keep a copy of it elsewhere and begin a new log"
        )
    return record


def _changed(path: Path, number: int) -> str:
    return f"{path.name}: record {number} was changed after it was written"
