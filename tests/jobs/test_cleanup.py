"""Deleted things are gone, whatever comes in between, and all others are there."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from recaster.api.v1 import faceset_pb2, job_pb2
from recaster.errors import AuditError, NotFoundError
from recaster.jobs import deletion
from recaster.jobs.cleanup import expire, tidy
from recaster.jobs.deletion import delete_person
from recaster.jobs.rights import register_of
from recaster.provenance.register import Register
from recaster.store.folder import DataFolder
from recaster.store.job_store import QUEUED, SUCCEEDED
from recaster.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CROP = b"a crop of Anna Unmistakable"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(DataFolder(tmp_path / "data"))
    yield opened
    opened.close()


def ended_job(store: Store, tmp_path: Path, spec: job_pb2.JobSpec, days_ago: float = 0) -> job_pb2.Job:
    """One that has succeeded, with a result."""
    job, _ = store.jobs.create(spec, job_pb2.JOB_KIND_SWAP, "", {})
    (tmp_path / "made").write_bytes(CROP + job.job_id.encode())
    digest, size = store.blobs.put(tmp_path / "made")
    store.blobs.acquire([digest], f"job {job.job_id}")
    store.folder.job(job.job_id).mkdir()
    (store.folder.job(job.job_id) / "log.jsonl").write_bytes(CROP)
    with store.jobs.changing(job.job_id) as kept:
        kept.state = SUCCEEDED
        kept.result.artifacts.add(role="clip", digest=digest, size=size)
    with store.jobs.changing(job.job_id) as kept:
        kept.end_time.FromDatetime(dt.datetime.now(dt.UTC) - dt.timedelta(days=days_ago))
    return store.jobs.get(job.job_id)


def anna_and_her_faces(store: Store, tmp_path: Path) -> tuple[str, str, job_pb2.Job]:
    register = register_of(store)
    (tmp_path / "letter").write_bytes(CROP)
    said = register.documents.keep(tmp_path / "letter")
    anna = register.add_stated("Anna Unmistakable", "consent")
    anna.attestation.document_digest = said
    store.catalog.identities.put(anna)
    faceset = store.catalog.facesets.add(faceset_pb2.Faceset(identity_id=anna.identity_id))
    store.folder.faceset(faceset.faceset_id).mkdir()
    (store.folder.faceset(faceset.faceset_id) / "crop.jpg").write_bytes(CROP)
    spec = job_pb2.JobSpec(swap=job_pb2.SwapSpec(faceset_id=faceset.faceset_id))
    return anna.identity_id, faceset.faceset_id, ended_job(store, tmp_path, spec)


def holding(store: Store, words: bytes) -> list[Path]:
    return [path for path in store.folder.path.rglob("*") if path.is_file() and words in path.read_bytes()]


def test_a_deletion_that_a_crash_cut_short_is_finished_at_the_next_start(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, _, _ = anna_and_her_faces(store, tmp_path)

    def crash(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr(deletion, "_clear", crash)
    with pytest.raises(SystemExit):
        delete_person(store, anna)
    assert holding(store, CROP)
    tidy(store)
    store.database.scrub_if_marked()
    assert not holding(store, CROP)
    assert not holding(store, b"Anna Unmistakable")


def test_a_deletion_that_fails_deletes_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, faces, job = anna_and_her_faces(store, tmp_path)

    def full(*_: object, **__: object) -> None:
        raise AuditError("it can't be added to")

    with monkeypatch.context() as patch:
        patch.setattr(Register, "delete", full)
        with pytest.raises(AuditError, match="can't be added to"):
            delete_person(store, anna)
    assert (store.folder.faceset(faces) / "crop.jpg").read_bytes() == CROP
    assert (store.folder.job(job.job_id) / "log.jsonl").is_file()
    assert store.jobs.get(job.job_id) == job
    assert store.blobs.has(job.result.artifacts[0].digest)
    assert register_of(store).get(anna).display_name == "Anna Unmistakable"
    delete_person(store, anna)
    assert not holding(store, CROP)


def test_jobs_end_with_the_days_that_the_policy_keeps_them(store: Store, tmp_path: Path) -> None:
    spec = job_pb2.JobSpec(swap=job_pb2.SwapSpec(clip_id="a" * 12))
    old, new = (ended_job(store, tmp_path, spec, days_ago) for days_ago in (31, 29))
    waiting, _ = store.jobs.create(spec, job_pb2.JOB_KIND_SWAP, "", {})
    expire(store)
    assert store.jobs.get(old.job_id) == old  # without a policy
    (store.folder.path / "policy.toml").write_text("[retention]\njobs_days = 30\n")
    expire(store)
    with pytest.raises(NotFoundError, match="there is no job"):
        store.jobs.get(old.job_id)
    assert not store.blobs.has(old.result.artifacts[0].digest)
    assert not store.folder.job(old.job_id).exists()
    assert store.jobs.get(new.job_id) == new
    assert store.blobs.has(new.result.artifacts[0].digest)
    assert store.jobs.get(waiting.job_id).state == QUEUED
