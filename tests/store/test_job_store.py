"""Jobs on disk: nothing is asked for twice, no change of state is lost."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from recaster.api.v1 import job_pb2, model_pb2
from recaster.errors import NotFoundError, OutputError, ReusedError, UsageError
from recaster.store.database import Database
from recaster.store.folder import DataFolder
from recaster.store.job_store import KEPT_PREVIEWS, PAUSED, QUEUED, RUNNING, STARTING, SUCCEEDED, JobFilter
from recaster.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXPORT = job_pb2.JOB_KIND_EXPORT
SWAP = job_pb2.JOB_KIND_SWAP


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(DataFolder(tmp_path / "data"))
    yield opened
    opened.close()


def spec(name: str = "a" * 12) -> job_pb2.JobSpec:
    return job_pb2.JobSpec(export=job_pb2.ExportSpec(model_id=name))


def move(store: Store, job_id: str, *states: job_pb2.JobState) -> None:
    for state in states:
        with store.jobs.changing(job_id) as job:
            job.state = state


def test_the_same_request_makes_one_job(store: Store) -> None:
    job, new = store.jobs.create(spec(), EXPORT, "mine", {"shot": "12"})
    again, newer = store.jobs.create(spec(), EXPORT, "mine", {})
    assert (new, newer) == (True, False)
    assert again == job
    with pytest.raises(ReusedError, match="another job"):
        store.jobs.create(spec("b" * 12), EXPORT, "mine", {})
    assert store.jobs.create(spec(), EXPORT, "", {})[1]


def test_every_state_is_told_once_and_in_order(store: Store) -> None:
    job, _ = store.jobs.create(spec(), EXPORT, "", {})
    heard: list[str] = []
    store.jobs.on_event = heard.append
    move(store, job.job_id, STARTING, RUNNING)
    with store.jobs.changing(job.job_id) as same:
        same.attempts = 3  # is no change of state
    move(store, job.job_id, SUCCEEDED)
    events = store.jobs.events(job.job_id, 0)
    assert [event.job.state for event in events] == [QUEUED, STARTING, RUNNING, SUCCEEDED]
    assert [event.seq for event in events] == [1, 2, 3, 4]
    assert [event.job.last_seq for event in events] == [1, 2, 3, 4]
    assert heard == [job.job_id] * 4
    assert store.jobs.get(job.job_id).HasField("end_time")
    assert [event.seq for event in store.jobs.events(job.job_id, 2)] == [3, 4]


def test_a_failed_change_leaves_nothing(store: Store) -> None:
    job, _ = store.jobs.create(spec(), EXPORT, "", {})

    def fail() -> None:
        with store.jobs.changing(job.job_id) as changed:
            changed.state = RUNNING
            raise KeyError("broken off")

    with pytest.raises(KeyError, match="broken off"):
        fail()
    assert store.jobs.get(job.job_id).state == QUEUED
    assert len(store.jobs.events(job.job_id, 0)) == 1


def test_news_is_told_when_all_that_belongs_to_it_can_be_seen(store: Store) -> None:
    told: list[str] = []
    store.jobs.on_event = told.append

    def fail() -> None:
        with store.database.transaction():
            store.jobs.create(spec(), EXPORT, "", {})
            raise KeyError("broken off")

    with pytest.raises(KeyError, match="broken off"):
        fail()
    assert told == []
    with store.database.transaction():
        job, _ = store.jobs.create(spec(), EXPORT, "", {})
        move(store, job.job_id, STARTING)
        store.jobs.add_event(job.job_id, job_pb2.JobEvent(log=job_pb2.LogLine(message="x")))
        assert told == []
    assert told == [job.job_id] * 3


def test_overtaken_progress_and_old_previews_go(store: Store) -> None:
    job, _ = store.jobs.create(spec(), EXPORT, "", {})
    for done in range(5):
        store.jobs.add_event(
            job.job_id, job_pb2.JobEvent(progress=job_pb2.Progress(stage="swapping", done=done))
        )
    thinned = []
    for step in range(KEPT_PREVIEWS + 3):
        thinned += store.jobs.add_event(job.job_id, job_pb2.JobEvent(preview=job_pb2.Preview(step=step)))
    events = store.jobs.events(job.job_id, 0)
    assert [event.progress.done for event in events if event.HasField("progress")] == [4]
    assert [event.preview.step for event in events if event.HasField("preview")] == list(
        range(3, KEPT_PREVIEWS + 3)
    )
    assert [event.preview.step for event in thinned] == [0, 1, 2]
    assert store.jobs.get(job.job_id).progress.done == 4


def test_lists_are_paged_and_filtered(store: Store) -> None:
    made = [
        store.jobs.create(spec(), kind, "", {"shot": str(number)})[0].job_id
        for number, kind in enumerate([EXPORT, SWAP] * 5)
    ]
    page, token = store.jobs.listed(JobFilter(), 4, "")
    rest, end = store.jobs.listed(JobFilter(), 10, token)
    assert [job.job_id for job in [*page, *rest]] == made[::-1]
    assert end == ""
    move(store, made[0], RUNNING)
    assert [job.job_id for job in store.jobs.listed(JobFilter(states=(RUNNING,)), 0, "")[0]] == [made[0]]
    assert len(store.jobs.listed(JobFilter(kinds=(SWAP,)), 0, "")[0]) == 5
    assert [job.job_id for job in store.jobs.listed(JobFilter(labels={"shot": "7"}), 0, "")[0]] == [made[7]]
    for size, token in ((-1, ""), (1001, ""), (1, "x"), (1, "-5"), (1, "9" * 30)):
        with pytest.raises(UsageError, match=r"cannot be had|isn't one that this engine gave"):
            store.jobs.listed(JobFilter(), size, token)


def test_who_is_astray(store: Store) -> None:
    one, other = (store.jobs.create(spec(), EXPORT, "", {})[0].job_id for _ in range(2))
    assert store.jobs.jobs_to_reconcile() == []
    assert store.jobs.set_desired_state(one, "pause")
    assert store.jobs.jobs_to_reconcile() == [(one, QUEUED, "pause")]
    move(store, one, PAUSED)
    move(store, other, PAUSED)
    assert store.jobs.jobs_to_reconcile() == [(other, PAUSED, "run")]
    assert store.jobs.set_desired_state(one, "cancel")
    assert len(store.jobs.jobs_to_reconcile()) == 2


def test_who_cancels_means_it(store: Store) -> None:
    job_id = store.jobs.create(spec(), EXPORT, "", {})[0].job_id
    assert not store.jobs.set_desired_state(job_id, "run")  # as it is
    assert store.jobs.set_desired_state(job_id, "cancel")
    for other in ("run", "pause", "cancel"):
        assert not store.jobs.set_desired_state(job_id, other)
    assert store.jobs.get_control_record(job_id).desired_state == "cancel"
    with pytest.raises(NotFoundError, match="no job nobody"):
        store.jobs.set_desired_state("nobody", "cancel")


def test_what_there_is_not(store: Store) -> None:
    for ask in (store.jobs.get, store.jobs.get_control_record, store.jobs.delete):
        with pytest.raises(NotFoundError, match="no job nobody"):
            ask("nobody")
    with pytest.raises(NotFoundError, match="no clip nobody"):
        store.catalog.clips.get("nobody")


def test_jobs_outlive_the_process(store: Store) -> None:
    job, _ = store.jobs.create(spec(), EXPORT, "", {})
    again = Store.open(store.folder)
    assert again.jobs.get(job.job_id) == job
    again.close()


def test_two_engines_keep_apart(store: Store) -> None:
    script = (
        "import sys; from pathlib import Path; from recaster.store.folder import DataFolder\n"
        "with DataFolder(Path(sys.argv[1])).lock(): pass"
    )
    command = [sys.executable, "-c", script, store.folder.path]
    with store.folder.lock():
        other = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "another engine serves this folder" in other.stderr
    assert subprocess.run(command, check=False).returncode == 0


def test_the_token_is_for_its_owner(store: Store) -> None:
    token, new = store.folder.token()
    assert new
    assert len(token) >= 40
    assert store.folder.token() == (token, False)
    assert store.folder.token_file.stat().st_mode & 0o777 == 0o600
    assert store.folder.path.stat().st_mode & 0o777 == 0o700
    for damaged in ("", "short\n"):
        store.folder.token_file.write_text(damaged)
        with pytest.raises(OutputError, match="anybody could guess"):
            store.folder.token()


def test_a_database_of_the_future_or_of_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    database = Database(path)
    with database.transaction() as opened:
        opened.execute("pragma user_version = 99")
    database.close()
    with pytest.raises(OutputError, match=r"schema 99; .*put back the copy"):
        Database(path)
    (tmp_path / "b.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 50)
    with pytest.raises(OutputError, match="cannot be opened"):
        Database(tmp_path / "b.sqlite")


def test_what_is_added_twice_is_one(store: Store) -> None:
    for steps in (5, 7):  # the second time after a crash, say
        store.catalog.models.add(model_pb2.Model(model_id="0" * 12, steps=steps))
    assert [one.steps for one in store.catalog.models.list_all()] == [7]
