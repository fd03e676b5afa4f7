from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from recaster.errors import AuditError
from recaster.provenance.audit_log import GENESIS, AuditLog

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    log = AuditLog(tmp_path / "audit.jsonl")
    for number in range(5):
        log.add("swap.start", job=f"job {number}")
    return log


def lines(log: AuditLog) -> list[str]:
    return log.path.read_text().splitlines(keepends=True)


def test_every_record_holds_the_hash_of_the_one_before(log: AuditLog) -> None:
    records = list(log.records())
    assert [one.number for one in records] == [1, 2, 3, 4, 5]
    assert [one.previous for one in records] == [GENESIS, *(one.hash for one in records[:-1])]
    assert log.verify() == records[-1]
    assert log.path.stat().st_mode & 0o077 == 0


def test_an_empty_log_is_whole(tmp_path: Path) -> None:
    assert AuditLog(tmp_path / "none.jsonl").verify() is None


def test_a_changed_record_is_found(log: AuditLog) -> None:
    log.path.write_text("".join(lines(log)).replace("job 2", "job 7"))
    with pytest.raises(AuditError, match="record 3 was changed"):
        log.verify()


def test_a_record_that_was_made_to_fit_breaks_the_next(log: AuditLog) -> None:
    kept = lines(log)
    forged = AuditLog(log.path.with_name("forged.jsonl"))
    forged.path.write_text("".join(kept[:2]))
    forged.add("swap.start", job="another")
    log.path.write_text("".join([*lines(forged), *kept[3:]]))
    with pytest.raises(AuditError, match="record 4 doesn't follow"):
        log.verify()


@pytest.mark.parametrize("gone", [0, 2])
def test_a_removed_record_is_found(log: AuditLog, gone: int) -> None:
    kept = lines(log)
    del kept[gone]
    log.path.write_text("".join(kept))
    with pytest.raises(AuditError, match=f"record {gone + 1} doesn't follow"):
        log.verify()


def test_what_was_cut_off_the_end_is_found_by_a_hash_noted_elsewhere(log: AuditLog) -> None:
    noted = log.add("swap.start", job="the last").hash
    assert log.verify(noted)
    log.path.write_text("".join(lines(log)[:-1]))
    assert log.verify()  # from the log alone, nobody can tell
    with pytest.raises(AuditError, match="cut off"):
        log.verify(noted)


def test_half_a_record_that_a_crash_left_is_written_over(log: AuditLog) -> None:
    with log.path.open("a") as file:
        file.write('{"number": 6, "ev')
    with pytest.raises(AuditError, match="17 bytes after the last record"):
        log.verify()
    assert log.verify(strict=False).number == 5
    log.add("swap.start")
    assert log.verify().number == 7
    assert [one.event for one in log.records()][5:] == ["audit.half_record", "swap.start"]


def test_a_long_record_is_followed_by_others(log: AuditLog) -> None:
    log.add("sign.deliver", swaps=["0" * 64] * 3000)
    log.add("swap.start")
    assert log.verify().number == 7
    with log.path.open("a") as file:
        file.write('{"half": "' + "x" * 200_000)
    log.add("swap.start")
    assert log.verify().number == 9


def test_nothing_is_built_on_a_damaged_record(log: AuditLog) -> None:
    log.path.write_text("".join(lines(log)).replace("job 4", "job 9"))
    with pytest.raises(AuditError, match="record 5 was changed"):
        log.add("swap.start")
    log.path.write_text(json.dumps(dict.fromkeys(json.loads(lines(log)[0]), "x")) + "\n")
    with pytest.raises(AuditError, match="no record"):
        log.verify()


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    script = (
        "from pathlib import Path; from recaster.provenance.audit_log import AuditLog\n"
        f"log = AuditLog(Path({str(path)!r}))\n"
        "for number in range(40): log.add('swap.start', attempt=number)"
    )
    running = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [one.wait() for one in running] == [0, 0, 0]
    assert AuditLog(path).verify().number == 120


def test_records_that_mention_something_are_found_wherever_they_lie(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in (1, 7, 100, 1 << 20):
        monkeypatch.setattr("recaster.provenance.audit_log._SEARCH_BLOCK_BYTES", size)
        assert [one.number for one in log.mentioning("job 3")] == [4]
        assert [one.number for one in log.mentioning("swap.start")] == [1, 2, 3, 4, 5]
        assert not list(log.mentioning("job 9"))
    log.path.write_bytes(log.path.read_bytes() + b'{"details":{"job":"job 3"')  # cut short by a crash
    assert [one.number for one in log.mentioning("job 3")] == [4]
