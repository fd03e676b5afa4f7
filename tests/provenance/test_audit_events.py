"""The audit log's events: all that are written are listed, all that are listed are written and documented."""

from __future__ import annotations

import ast
import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from recaster.jobs.job_resources import KINDS
from recaster.provenance.audit_events import EVENTS
from recaster.provenance.audit_log import AuditLog

if TYPE_CHECKING:
    from recaster.provenance.register import Register

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "engine" / "recaster"


def literals() -> set[str]:
    """Every text in the engine that could be an event's name."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if path != PACKAGE / "provenance" / "audit_events.py":
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
    return found


def added() -> set[str]:
    """The names of events that are given to ``add`` of a log."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.args[0].value
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if called in ("add", "note_shown", "record") and re.fullmatch(r"[a-z]+\.[a-z_]+", str(name)):
                    found.add(name)
    return found


def test_what_is_written_is_listed_and_what_is_listed_is_written() -> None:
    assert added() <= EVENTS.keys()
    of_jobs = {f"{kind}.{end}" for kind in KINDS for end in ("start", "deliver")}
    assert of_jobs <= EVENTS.keys()
    assert EVENTS.keys() - of_jobs <= literals()


def test_the_documents_list_them() -> None:
    text = (ROOT / "docs" / "responsible-use.md").read_text()
    rows = re.findall(r"^\| `([a-z]+\.[a-z_]+)` \| (.+) \| (.*) \|$", text, re.MULTILINE)
    listed = {name: fields for name, _, fields in rows}
    assert listed == {name: ", ".join(f"`{field}`" for field in fields) for name, fields in EVENTS.items()}
    assert all(meaning.strip() for _, meaning, _ in rows)


@pytest.mark.parametrize(
    ("event", "details"), [("swap.begin", {}), ("swap.start", {"jobs": "a"}), ("", {"job": "a"})]
)
def test_a_record_says_nothing_that_isn_t_listed(tmp_path: Path, event: str, details: dict[str, Any]) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    with pytest.raises(ValueError, match=r"provenance.audit_events"):
        log.add(event, **details)
    assert not log.path.exists()


def test_a_full_disk_takes_the_room_that_is_set_aside(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = register.folder.path / "reserve"
    reserve.write_bytes(b"room")
    write = os.fsync

    def full(handle: int) -> None:
        if reserve.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(handle)

    monkeypatch.setattr(os, "fsync", full)
    register.audit.add("clip.delete", clip="a" * 12)
    assert register.audit.verify().event == "clip.delete"
    assert not reserve.exists()
