"""What nobody needs any more goes: with a job that is forgotten, and when an engine starts after a crash."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from recaster.jobs.tasks import needs
from recaster.store.jobs import UNENDED, UnknownError

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.store.store import Store


def forget(store: Store, job_id: str) -> None:
    """Remove a job that has ended: its events, its folder, and what nobody else needs of its blobs."""
    store.jobs.delete(job_id)
    store.blobs.release(f"job {job_id}")
    shutil.rmtree(store.folder.job(job_id), ignore_errors=True)


def tidy(store: Store) -> None:
    """Remove what a crash has left: files that no job and no thing names; call it before jobs are started."""
    store.blobs.release_unknown()
    at_work = store.jobs.in_states(UNENDED)
    made = {job.job_id for job in at_work}
    changed = {thing[1] for job in at_work if (thing := needs(job.spec).changes) is not None}
    for kind in ("faceset", "model"):
        kept = {getattr(thing, f"{kind}_id") for thing in store.things.every(kind)}
        for path in _folders(store.folder.path / f"{kind}s"):
            hidden = path.name.startswith(".")  # ".ID.random": half made
            name = path.name.split(".")[1] if hidden else path.name
            if name not in made and name not in (changed if hidden else kept):
                shutil.rmtree(path, ignore_errors=True)
    for path in (store.folder.path / "jobs").iterdir():
        if not path.is_dir():
            path.unlink(missing_ok=True)
        elif not _known(store, path.name):
            shutil.rmtree(path, ignore_errors=True)


def _folders(place: Path) -> list[Path]:
    return [path for path in place.iterdir() if path.is_dir()]


def _known(store: Store, job_id: str) -> bool:
    try:
        store.jobs.get(job_id)
    except UnknownError:
        return False
    return True
