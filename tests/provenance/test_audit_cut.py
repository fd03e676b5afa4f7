"""Whatever is done to the audit log's file is found, and nothing is written over it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from recaster.cli.main import main
from recaster.errors import AuditError, UsageError
from recaster.provenance import audit_log
from recaster.provenance.audit_log import AuditLog, Record
from recaster.provenance.register import open_register
from recaster.store.folder import DataFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recaster.provenance.register import Register


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with open_register(DataFolder(tmp_path / "data")) as register:
        for number in range(12):
            register.audit.add("swap.start", job=f"job {number}")
        yield register


def chained(lines: list[bytes], **changed: object) -> list[bytes]:
    """The same records as a forger writes them: changed from the last one on, all hashes right."""
    made: list[bytes] = []
    last: Record | None = None
    for at, line in enumerate(lines):
        said = json.loads(line)
        if at == len(lines) - 1:
            said |= changed
        number, previous = (1, audit_log.GENESIS) if last is None else (last.number + 1, last.hash)
        digest = audit_log._hash(number, said["time"], said["event"], said["details"], previous)
        last = Record(number, said["time"], said["event"], said["details"], previous, digest)
        made.append(last.line().encode())
    return made


def fresh(path: Path, count: int, *before: bytes) -> bytes:
    """Records that a log without a store adds after others."""
    other = AuditLog(path.with_name("other.jsonl"))
    other.path.write_bytes(b"".join(before))
    for number in range(count):
        other.add("swap.start", job=f"other {number}")
    return other.path.read_bytes()


CUTS: dict[str, Callable[[Path, list[bytes]], bytes | None]] = {
    "the last record": lambda _, lines: b"".join(lines[:-1]),
    "all but one": lambda _, lines: lines[0],
    "half of the last record": lambda _, lines: b"".join(lines)[: -len(lines[-1]) // 2],
    "the last newline": lambda _, lines: b"".join(lines)[:-1],
    "everything": lambda *_: b"",
    "the file": lambda *_: None,
    "NULs at the end": lambda _, lines: b"".join(lines)[:-900] + bytes(900),
    "NULs after the end": lambda _, lines: b"".join(lines) + bytes(4096),
    "only NULs": lambda _, lines: bytes(len(b"".join(lines))),
    "the first record": lambda _, lines: b"".join(lines[1:]),
    "the first five": lambda _, lines: b"".join(lines[5:]),
    "the middle": lambda _, lines: b"".join(lines[:4] + lines[8:]),
    "the last one written anew": lambda _, lines: b"".join(chained(lines, details={"by": "nobody"})),
    "all written anew": lambda path, _: fresh(path, 12),
    "all written anew, and longer": lambda path, _: fresh(path, 30),
    "the end twice": lambda _, lines: b"".join(lines + lines[-1:]),
    "all twice": lambda _, lines: b"".join(lines * 2),
    "two exchanged": lambda _, lines: b"".join([*lines[:3], lines[4], lines[3], *lines[5:]]),
    "the last two exchanged": lambda _, lines: b"".join([*lines[:-2], lines[-1], lines[-2]]),
    "junk with a newline after the end": lambda _, lines: b"".join(lines) + b"junk\n",
    "junk after the end": lambda _, lines: b"".join(lines) + b"junk",
    "half a record after the end": lambda _, lines: b"".join(lines) + lines[0][:40],
    "an empty line after the end": lambda _, lines: b"".join(lines) + b"\n",
    "an empty line between": lambda _, lines: b"\n".join([b"".join(lines[:5]), b"".join(lines[5:])]),
    "an older copy, written on": lambda path, lines: fresh(path, 3, *lines[:-3]),
    "an older copy, written further": lambda path, lines: fresh(path, 9, *lines[:-3]),
    "a number changed": lambda _, lines: b"".join(lines).replace(b'"number":7', b'"number":6'),
    "times back, made to fit": lambda _, lines: b"".join(
        chained(lines, time="2020-01-01T00:00:00.000+00:00")
    ),
    "CRLF": lambda _, lines: b"".join(lines).replace(b"\n", b"\r\n"),
    "a byte order mark": lambda _, lines: b"\xef\xbb\xbf" + b"".join(lines),
    "blanks in a line": lambda _, lines: b"".join(lines).replace(b'"event":', b'"event": ', 1),
    "UTF-16": lambda _, lines: b"".join(lines).decode().encode("utf-16"),
    "a member added": lambda _, lines: b"".join(lines).replace(b'"by":', b'"also":1,"by":', 1),
    "a member twice": lambda _, lines: b"".join(lines).replace(b'{"details"', b'{"number":9,"details"', 1),
}
MENDED = {"half a record after the end"}
"""What a crash may have done as well: the next record says so."""


@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_is_found(register: Register, cut: str, capsys: pytest.CaptureFixture[str]) -> None:
    log = register.audit
    log.verify()
    changed = CUTS[cut](log.path, log.path.read_bytes().splitlines(keepends=True))
    if changed is None:
        log.path.unlink()
    else:
        assert changed != log.path.read_bytes()
        log.path.write_bytes(changed)
    with pytest.raises(AuditError, match="jsonl: "):
        log.verify()
    assert main(["audit", "verify", "--data", str(log.path.parent)]) == 3
    assert "audit accept" in capsys.readouterr().err
    if cut not in MENDED:
        with pytest.raises(AuditError, match="jsonl: "):
            log.verify(strict=False)  # as an engine does before it serves
    ends = {"the first record", "the first five", "the middle", "two exchanged", "an empty line between"}
    ends |= {
        "a number changed",
        "a byte order mark",
        "blanks in a line",
        "a member added",
        "a member twice",
        "all twice",
    }
    if cut not in MENDED | ends:  # those are found by following the whole chain
        with pytest.raises(AuditError, match="jsonl: "):
            log.add("swap.start")
        assert (log.path.read_bytes() if log.path.exists() else b"") == (changed or b"")
    record = log.accept("we know")
    assert record.details["reason"] == "we know"
    assert record.details["known_number"] == 12
    if changed is not None:
        assert (log.path.parent / record.details["kept"]).read_bytes() == changed
    log.add("swap.start")
    assert log.verify().number == 2


def test_a_store_of_last_night_is_found_and_named(register: Register, tmp_path: Path) -> None:
    data = register.folder
    with sqlite3.connect(data.database) as database, sqlite3.connect(tmp_path / "kept") as kept:
        database.backup(kept)
    for _ in range(3):
        register.audit.add("swap.start")
    with sqlite3.connect(tmp_path / "kept") as kept, sqlite3.connect(data.database) as database:
        kept.backup(database)
    with pytest.raises(AuditError, match="the store is an older one"):
        register.audit.verify()
    register.audit.verify(strict=False)
    register.audit.add("swap.start")
    *_, named, _ = register.audit.records()
    assert (named.event, named.details["known"], named.details["newest"]) == ("audit.store_behind", 12, 15)
    register.audit.verify()


def test_a_crash_between_log_and_store_is_no_cut(register: Register) -> None:
    def crash() -> None:
        with register.catalog.transaction():
            register.audit.add("swap.start")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    assert register.audit.verify().number == 13
    register.audit.add("swap.start")
    assert register.audit.verify().number == 14
    assert "audit.store_behind" not in {one.event for one in register.audit.records()}


def test_a_log_of_before_the_store_knew_goes_on(register: Register) -> None:
    with register.catalog.transaction() as opened:
        opened.execute("delete from audit_head")
    register.audit.add("swap.start")
    assert register.audit.verify().number == 13


def test_time_never_goes_back(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    class Earlier(audit_log.dt.datetime):
        @classmethod
        def now(cls, tz: audit_log.dt.tzinfo | None = None) -> audit_log.dt.datetime:
            return audit_log.dt.datetime(2020, 1, 1, tzinfo=tz)

    before = register.audit.verify()
    monkeypatch.setattr(audit_log.dt, "datetime", Earlier)
    record = register.audit.add("swap.start")
    assert record.time == before.time
    assert record.details["clock"].startswith("2020-01-01")
    monkeypatch.undo()
    assert register.audit.verify() == record


def test_a_whole_log_isn_t_left_behind(register: Register) -> None:
    with pytest.raises(UsageError, match="is whole"):
        register.audit.accept("why not")
    with pytest.raises(UsageError, match="say why"):
        register.audit.accept(" ")


def test_a_copy_elsewhere_is_compared_with_its_own_store(register: Register, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(register.audit.path, copy)
    assert main(["audit", "verify", "--data", str(copy)]) == 0
    assert main(["audit", "head", "--data", str(copy)]) == 0
    assert not (copy / "store.sqlite").exists()
