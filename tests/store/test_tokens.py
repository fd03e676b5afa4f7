"""Clients' tokens, as they are kept."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from recaster.cli.main import main
from recaster.errors import NotFoundError, UsageError
from recaster.store.folder import DataFolder
from recaster.store.store import Store
from recaster.store.tokens import Role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(DataFolder(tmp_path / "data"))
    yield opened
    opened.close()


def test_a_token_is_known_by_what_its_client_shows_until_it_is_revoked(store: Store) -> None:
    made, shown = store.tokens.add("anna", Role.EDITOR)
    assert store.tokens.shown(shown) == made
    assert made.valid()
    assert [one.token_id for one in store.tokens.revoke("anna")] == [made.token_id]
    found = store.tokens.shown(shown)
    assert found is not None
    assert not found.valid()
    with pytest.raises(NotFoundError, match="no token of 'anna'"):
        store.tokens.revoke("anna")


def test_other_secrets_and_ids_are_nobodys(store: Store) -> None:
    made, shown = store.tokens.add("anna", Role.EDITOR)
    _, other = store.tokens.add("bert", Role.OPERATOR)
    for wrong in (
        "",
        "rc_",
        shown[:-1],
        shown + "x",
        f"rc_{made.token_id}_{other[-43:]}",
        f"rc_{'0' * 12}_{other[-43:]}",
    ):
        assert store.tokens.shown(wrong) is None


def test_a_token_ends_when_it_was_to_end(store: Store) -> None:
    made, _ = store.tokens.add("anna", Role.VIEWER, expires=4e9)
    assert made.valid(now=4e9 - 1)
    assert not made.valid(now=4e9)
    with pytest.raises(UsageError, match="ended before"):
        store.tokens.add("anna", Role.VIEWER, expires=1.0)


def test_the_secret_is_kept_nowhere(store: Store) -> None:
    _, shown = store.tokens.add("anna", Role.EDITOR)
    secret = shown.rpartition("_")[2].encode() if shown.count("_") == 2 else shown[16:].encode()
    for path in store.folder.path.iterdir():
        assert not path.is_file() or secret not in path.read_bytes()


@pytest.mark.parametrize("name", ["", " anna", "an\nna", "an\x1b[2Jna", "\u202eanna", "a" * 65])
def test_a_name_is_one_plain_line(store: Store, name: str) -> None:
    with pytest.raises(UsageError, match="client's name"):
        store.tokens.add(name, Role.VIEWER)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(tmp_path / "data")]
    assert (
        main(["tokens", "add", "anna", "--role", "editor", "--expires", "30d", "--max-jobs", "3", *data]) == 0
    )
    shown = capsys.readouterr().out.strip()
    assert main(["tokens", "list", *data]) == 0
    listed = capsys.readouterr().out
    assert "editor" in listed
    assert "anna" in listed
    assert "3 jobs" in listed
    assert shown[16:] not in listed
    assert main(["tokens", "revoke", "anna", *data]) == 0
    assert "revoked" in capsys.readouterr().out
    assert main(["tokens", "revoke", "anna", *data]) == 3
    assert main(["tokens", "add", "anna", "--role", "editor", "--expires", "soon", *data]) == 2
    log = (tmp_path / "data" / "audit.jsonl").read_text()
    assert "token.add" in log
    assert "token.revoke" in log
    assert shown[16:] not in log


def test_a_store_of_before_takes_tokens_and_its_jobs_are_nobodys(tmp_path: Path) -> None:
    from recaster.api.v1 import job_pb2
    from recaster.store.schema import MIGRATIONS

    folder = DataFolder(tmp_path / "data")
    folder.make()
    job = job_pb2.Job(job_id="a" * 12, state=job_pb2.JOB_STATE_QUEUED)
    with sqlite3.connect(folder.database) as old:
        old.executescript(MIGRATIONS[0])
        old.execute("pragma user_version = 1")
        old.execute(
            "insert into job (job_id, kind, state, labels, body, wish, best, failures) "
            "values (?, 1, 1, '{}', ?, 'run', '{}', 0)",
            (job.job_id, job.SerializeToString()),
        )
    old.close()
    store = Store.open(folder)
    assert store.jobs.get(job.job_id).created_by == ""
    assert store.tokens.listed() == []
    store.close()
