"""Removal of what nobody needs any more: with a forgotten job, and when an engine starts after a crash."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from recaster.files import remove_folder
from recaster.jobs.job_resources import kind_of, resources_of
from recaster.jobs.rights import register_of
from recaster.models.model_folder import ModelFolder
from recaster.store.backup import MANIFEST
from recaster.store.catalog import record_id
from recaster.store.job_store import ENDED, UNENDED

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.store.store import Store


def forget(store: Store, job_id: str) -> None:
    """Remove a job that has ended: its events, its folder, and what nobody else needs of its blobs."""
    job = store.jobs.get(job_id)
    made = [artifact.digest for artifact in job.result.artifacts]
    register_of(store).audit.add("job.delete", job=job_id, kind=kind_of(job.spec), made=made)
    store.remove(store.folder.job(job_id))
    store.jobs.delete(job_id)
    store.blobs.release_all(f"job {job_id}")


def expire(store: Store) -> None:
    """Forget the jobs that ended longer ago than the policy keeps them (UsageError, OutputError)."""
    days = register_of(store).policy.jobs_days
    if days:
        oldest = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
        for job in store.jobs.in_states(tuple(ENDED)):
            if job.HasField("end_time") and job.end_time.ToDatetime(tzinfo=dt.UTC) < oldest:
                forget(store, job.job_id)


def needed_by(store: Store, digest: str) -> str:
    """User of a blob: "clip ID", or "job ID" of one that hasn't ended; "" for nobody."""
    at_work = {f"job {job.job_id}" for job in store.jobs.in_states(UNENDED)}
    owners = store.blobs.owners_of(digest)
    needing = [owner for owner in owners if owner.startswith("clip ") or owner in at_work]
    return needing[0] if needing else ""


def withdraw(store: Store, digest: str) -> None:
    """Take a document out of the blobs, whatever ended jobs name it, unless somebody works with it there."""
    if not needed_by(store, digest):
        for owner in (*store.blobs.owners_of(digest), "document"):
            store.blobs.release(digest, owner)


def folders_of(store: Store, job_id: str) -> list[Path]:
    """The folders that a job writes to: its own, and those of what it makes or changes."""
    changed = resources_of(store.jobs.get(job_id).spec).changes
    made = job_id if changed is None else changed.id
    return [store.folder.job(job_id), store.folder.faceset(made), store.folder.model(made)]


def judge_models(store: Store) -> None:
    """Note of all models whether this Recaster can use them: another may have trained them."""
    for model in store.catalog.models.list_all():
        folder = ModelFolder(store.folder.model(model.model_id))
        why = folder.why_outdated()
        usable = not why and folder.weights.is_file()
        if (model.usable, model.unusable_reason) != (usable, why):
            model.usable = usable
            model.unusable_reason = why
            store.catalog.models.put(model)


def tidy(store: Store) -> None:
    """Remove what a crash has left half made; call it before jobs are started.

    Only what the store knows to be of no use goes: whatever it doesn't know may be somebody's, where an
    older store was put back, say.
    """
    store.blobs.release_orphans()
    documents = register_of(store).documents
    for person in store.catalog.identities.list_all():
        letter = person.attestation.document_digest
        if letter and documents.path(letter).is_file():
            withdraw(store, letter)
    documents.end_holds()
    judge_models(store)
    (store.folder.path / MANIFEST).unlink(missing_ok=True)  # it was a backup's; now it goes on
    at_work = {job.job_id for job in store.jobs.in_states(UNENDED)}
    ended = {job.job_id for job in store.jobs.in_states(tuple(ENDED))}
    for kind in ("faceset", "model"):
        kept = {record_id(record) for record in store.catalog.of(kind).list_all()}
        for path in (store.folder.path / f"{kind}s").iterdir():
            half_made = path.name.startswith(".") and path.name.split(".")[1] not in at_work  # ".ID.random"
            if half_made or path.name in ended - kept:
                remove_folder(path, quietly=True)
    jobs = store.folder.path / "jobs"
    for path in (*jobs.glob("tmp*"), *jobs.glob(".*")):  # previews that nobody fetched, and deleted jobs
        if path.is_dir():
            remove_folder(path, quietly=True)
        else:
            path.unlink(missing_ok=True)
