"""The audit log: one JSON record a line, each holding the hash of the one before it.

Whoever changes, removes or inserts a record breaks the chain. An end that was cut off, emptied or written
anew is found by the store, which knows the newest record; signed manifests name one, too. The log may be
ahead of the store by what a crash or a full disk kept that from learning, and is never behind.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from recaster.errors import AuditError, DiskFullError, UsageError
from recaster.files import parse_json, sha256, sync, write_bytes, write_error
from recaster.locks import lock
from recaster.provenance.audit_events import check_event
from recaster.provenance.caller import caller

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from recaster.store.database import AuditHead

GENESIS: Final = "0" * 64
"""What the first record has for the hash of the one before it."""
MAX_CLOCK_STEP: Final = dt.timedelta(minutes=1)
"""How far the clock may have gone back between two records of an earlier release, which noted it as is."""
_TAIL_BLOCK_BYTES: Final = 1 << 16
_SEARCH_BLOCK_BYTES: Final = 1 << 22
_AS_TEXT: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True)
class Record:
    """One record of the log.

    Attributes:
        number: from 1.
        time: when, ISO 8601 in UTC.
        event: what ("identity.add", "swap.deliver").
        details: which person, job, file; of people only ids, and who did it.
        hash: SHA-256 of all of the above and of the hash of the record before, as hex digits.
    """

    number: int
    time: str
    event: str
    details: Mapping[str, Any]
    previous: str
    hash: str

    @classmethod
    def after(cls, last: Record | None, event: str, details: Mapping[str, Any]) -> Record:
        """Makes the record that follows another."""
        number, previous = _link(last)
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        if last is not None and now < last.time:  # the log's time never goes back, whatever the clock does
            details = {**details, "clock": now}
            now = last.time
        return cls(number, now, event, details, previous, _hash(number, now, event, details, previous))

    @property
    def is_whole(self) -> bool:
        """True for a record that is as it was written."""
        return self.hash == _hash(self.number, self.time, self.event, self.details, self.previous)

    def line(self) -> str:
        """Formats it as one line of JSON."""
        return _AS_TEXT(vars(self)) + "\n"


class AuditLog:
    """One file of records that only grows."""

    def __init__(self, path: Path, head: AuditHead | None = None) -> None:
        """Names the log's file; ``head`` is what the store knows of its newest record."""
        self.path = path
        self._head = head

    def add(self, event: str, **details: Any) -> Record:
        """Adds a record of one of ``audit_events.EVENTS``; on the disk when this returns.

        Raises:
            OutputError: it can't be written; LockedError where another process keeps it locked.
            AuditError: the log's end isn't the one that was written.
            ValueError: there is no such event, or none with such details.
        """
        check_event(event, details)
        with self._alone():
            try:
                record = self._add(event, details)
            except DiskFullError:  # whoever deletes something to make room must be able to
                if self._head is None or not self._head.make_room():
                    raise
                record = self._add(event, details)
            self._note_head(record)
        return record

    def _add(self, event: str, details: Mapping[str, Any]) -> Record:
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            with os.fdopen(handle, "r+b") as file:
                end, last, mended = self._tail(file)
                records = []
                for name, fields in (*mended, (event, details)):
                    last = Record.after(last, name, {"by": caller(), **fields})
                    records.append(last)
                self._append(file, end, records)
        except OSError as error:
            raise write_error(self.path, error) from error
        return records[-1]

    def newest(self) -> Record | None:
        """Reads the last record, or None (AuditError for what is none)."""
        if not self.path.is_file():
            return None
        with self.path.open("rb") as file:
            return next(self._records_backwards(file), None)

    def records(self) -> Iterator[Record]:
        """Yields every record, the oldest first (AuditError for what is none)."""
        if self.path.is_file():
            with self.path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        yield self._parsed(line)

    def mentioning(self, text: str) -> Iterator[Record]:
        """Yields records that hold a digest, an id or an event, the oldest first (AuditError)."""
        if not self.path.is_file():
            return
        rest = b""
        with self.path.open("rb") as file:
            while block := file.read(_SEARCH_BLOCK_BYTES):
                block = rest + block
                whole = block.rfind(b"\n") + 1
                for line in _lines_with(text.encode(), block[:whole]):
                    yield self._parsed(line)
                rest = block[whole:]

    def verify(self, head: str | None = None, *, strict: bool = True) -> Record | None:
        """Follows the whole chain; returns the newest record, None where there is none.

        Args:
            head: a hash that was noted earlier, and has to be in the log.
            strict: whether also to refuse what a crash, an older store or a clock may have done, and the next
                record mends or names.

        Raises:
            AuditError: a record was changed, removed, inserted or cut off; the message names it.
        """
        known = self._known
        last: Record | None = None
        has_head = head is None
        for record in self.records():
            number, previous = _link(last)
            if not record.is_whole:
                raise self._broken(f"record {number} was changed after it was written")
            if (record.number, record.previous) != (number, previous):
                raise self._broken(
                    f"record {number} doesn't follow the one before it: something was removed or inserted"
                )
            if strict and last is not None and _goes_back(last.time, record.time):
                raise self._broken(f"record {number} is of an earlier time than the one before it")
            if known is not None and number == known[0] and record.hash != known[1]:
                raise self._broken(f"record {number} isn't the one that the store knows")
            has_head = has_head or record.hash == head
            last = record
        if not has_head:
            raise self._broken(f"no record has the hash {head}; the log's end was cut off")
        self._check_end(last, known, strict=strict)
        return last

    def accept(self, reason: str) -> Record:
        """Begins another log where this one is broken; it names the break, and the broken one is kept aside.

        Raises:
            UsageError: the log is whole, or no reason is given.
            OutputError: it can't be written.
        """
        if not reason.strip():
            raise UsageError("say why the broken log is to be left behind, with --reason")
        with self._alone():
            try:
                self.verify()
            except AuditError as error:
                trouble = str(error)
            else:
                raise UsageError(f"{self.path}: is whole; there is nothing to be accepted")
            known = self._known
            details: dict[str, Any] = {"by": caller(), "reason": reason, "trouble": trouble}
            if known is not None:
                details |= {"known_number": known[0], "known_hash": known[1]}
            try:
                if self.path.exists():
                    kept = self._aside()
                    details |= {"kept": kept.name, "sha256": sha256(self.path)}
                    self.path.rename(kept)
                record = Record.after(None, "audit.accept", details)
                write_bytes(self.path, record.line().encode())
                self.path.chmod(0o600)
            except OSError as error:
                raise write_error(self.path, error) from error
            self._note_head(record)
        return record

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps others from writing: the store first, as those do who note something in both."""
        with contextlib.ExitStack() as stack:
            if self._head is not None:
                stack.enter_context(self._head.transaction())
            stack.enter_context(lock(self.path.with_suffix(".lock")))
            yield

    @property
    def _known(self) -> tuple[int, str] | None:
        """Number and hash of the newest record that the store knows."""
        return None if self._head is None else self._head.get()

    def _note_head(self, record: Record) -> None:
        if self._head is not None:
            self._head.put(record.number, record.hash)

    def _append(self, file: IO[bytes], end: int, records: list[Record]) -> None:
        file.seek(end)
        file.truncate()
        try:
            file.write("".join(record.line() for record in records).encode())
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file.fileno(), end)
            raise
        if end == 0:
            sync(self.path.parent)

    def _tail(self, file: IO[bytes]) -> tuple[int, Record | None, list[tuple[str, dict[str, Any]]]]:
        """Finds the last record and its end, and what has to be recorded of the end first (AuditError)."""
        records = self._records_backwards(file)
        last = next(records, None)
        if last is not None:
            if not last.is_whole:
                raise self._broken(f"record {last.number} was changed after it was written")
            before = next(records, None)
            if last.previous != (GENESIS if before is None else before.hash):
                raise self._broken(f"record {last.number} doesn't follow the one before it")
        known = self._known
        rest = self._check_end(last, known, strict=False)
        mended: list[tuple[str, dict[str, Any]]] = []
        if rest:
            digest = hashlib.sha256(rest).hexdigest()
            mended.append(("audit.half_record", {"bytes": len(rest), "sha256": digest}))
        if known is not None and last is not None:
            record = next((each for each in self._records_backwards(file) if each.number <= known[0]), last)
            if (record.number, record.hash) != known:
                raise self._broken(f"record {known[0]} isn't the one that the store knows")
            if last.number > known[0] + 1:
                mended.append(("audit.store_behind", {"known": known[0], "newest": last.number}))
        return file.seek(0, os.SEEK_END) - len(rest), last, mended

    def _check_end(self, last: Record | None, known: tuple[int, str] | None, *, strict: bool) -> bytes:
        """Compares the log's end with what the store knows; returns what comes after the last record."""
        newest = 0 if last is None else last.number
        if known is not None and newest < known[0]:
            gone = "is missing or empty" if last is None else f"ends with record {newest}"
            raise self._broken(f"{gone}, and the store knows of {known[0]} records: the end was cut off")
        if strict and known is not None and newest > known[0] + 1:
            raise self._broken(
                f"holds {newest} records, and the store knows of {known[0]}: the store is an older one"
            )
        rest = b""
        if self.path.is_file():
            with self.path.open("rb") as file:
                file.seek(_newline_before(file, file.seek(0, os.SEEK_END)) + 1)
                rest = file.read()
        if rest and (strict or not _may_be_cut_record(rest)):
            raise self._broken(f"{len(rest)} bytes after the last record are none")
        return rest

    def _records_backwards(self, file: IO[bytes]) -> Iterator[Record]:
        end = _newline_before(file, file.seek(0, os.SEEK_END)) + 1
        while end > 0:
            begin = _newline_before(file, end - 1) + 1
            file.seek(begin)
            yield self._parsed(file.read(end - begin))
            end = begin

    def _parsed(self, line: bytes) -> Record:
        with contextlib.suppress(ValueError, TypeError):
            record = Record(**parse_json(line))
            is_typed = isinstance(record.number, int) and isinstance(record.details, dict)
            if is_typed and isinstance(record.time, str) and record.line().encode() == line:
                return record
        raise self._broken("holds a line that is no record as it was written")

    def _broken(self, what: str) -> AuditError:
        return AuditError(
            f"{self.path.name}: {what}; find out what did that, then see: recaster audit accept --help"
        )

    def _aside(self) -> Path:
        """Finds a name beside the log that isn't taken."""
        stamp = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}"
        names = (f"{self.path.stem}.broken-{stamp}{more}{self.path.suffix}" for more in ("", *range(99)))
        return next(path for path in map(self.path.with_name, names) if not path.exists())


def _link(last: Record | None) -> tuple[int, str]:
    """Returns the number of the record after another, and its hash of the one before."""
    return (1, GENESIS) if last is None else (last.number + 1, last.hash)


def _hash(number: int, when: str, event: str, details: Mapping[str, Any], previous: str) -> str:
    text = _AS_TEXT([number, when, event, details, previous])
    return hashlib.sha256(text.encode()).hexdigest()


def _goes_back(before: str, after: str) -> bool:
    if after >= before:
        return False
    try:
        return dt.datetime.fromisoformat(before) - dt.datetime.fromisoformat(after) > MAX_CLOCK_STEP
    except (ValueError, TypeError):
        return True


def _may_be_cut_record(rest: bytes) -> bool:
    """Tells whether bytes may be the begin of a record that a crash kept from being written."""
    return rest.startswith(b"{") and all(32 <= byte < 127 for byte in rest)


def _lines_with(wanted: bytes, lines: bytes) -> Iterator[bytes]:
    """Yields those of some whole lines that hold some bytes."""
    end = 0
    while (place := lines.find(wanted, end)) >= 0:
        begin = lines.rfind(b"\n", 0, place) + 1
        end = lines.find(b"\n", place) + 1
        yield lines[begin:end]


def _newline_before(file: IO[bytes], place: int) -> int:
    """Finds the last newline before a place; -1 for none."""
    while place > 0:
        begin = max(0, place - _TAIL_BLOCK_BYTES)
        file.seek(begin)
        newline = file.read(place - begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline
        place = begin
    return -1
