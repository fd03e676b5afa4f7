"""A result whose face was revoked while it was made isn't delivered, though all of it is there."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from serving import run_until

from recaster.api.internal.v1 import query_pb2, worker_pb2
from recaster.api.v1 import clip_pb2, faceset_pb2, identity_pb2, job_pb2, swap_pb2
from recaster.errors import ConsentError
from recaster.files import sha256
from recaster.jobs.completion import JobFinalizer
from recaster.jobs.job_resources import KINDS, kind_of
from recaster.jobs.proto_records import traces_to_proto
from recaster.jobs.rights import refuse_revoked_result, register_of
from recaster.jobs.supervisor import Supervisor
from recaster.provenance.face_traces import FaceTraces
from recaster.service.query_services import SwapService
from recaster.store.folder import DataFolder
from recaster.store.job_store import BLOCKED, FAILED, SUCCEEDED
from recaster.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SYNTHETIC = identity_pb2.Attestation(basis=identity_pb2.BASIS_SYNTHETIC)
FACES = FaceTraces(frozenset({"a" * 64}))


@dataclass
class Her:
    """A person in a store, with faces and a clip to put them into."""

    store: Store
    person: str
    faceset: str
    clip: str

    def revoke(self, how: str) -> None:
        """Take the right back: hers, or that of somebody who turns out to be the same."""
        register = register_of(self.store)
        if how == "by her name":
            register.revoke(self.person)
        else:
            other = register.add("other", SYNTHETIC).identity_id
            register.add_person_traces(other, FACES)
            register.revoke(other)

    def events(self) -> list[str]:
        return [one.event for one in register_of(self.store).audit.records()]


@pytest.fixture
def her(tmp_path: Path) -> Iterator[Her]:
    store = Store.open(DataFolder(tmp_path / "data"))
    register = register_of(store)
    person = register.add("her", SYNTHETIC).identity_id
    faceset = store.catalog.facesets.add(faceset_pb2.Faceset(digest="a" * 64))
    register.add_traces("faceset", faceset.faceset_id, FACES)
    register.assign(person, "faceset", faceset)
    (tmp_path / "clip").write_bytes(b"clip")
    digest, _ = store.blobs.put(tmp_path / "clip")
    clip = store.catalog.clips.add(clip_pb2.Clip(digest=digest, display_name="a.mp4"))
    yield Her(store, person, faceset.faceset_id, clip.clip_id)
    store.close()


def made(her: Her, spec: job_pb2.JobSpec) -> tuple[str, Path, worker_pb2.FinishedJob]:
    """A job whose worker has just said that all is done: its id, its file, what was said."""
    job, _ = her.store.jobs.create(spec, KINDS[kind_of(spec)], "", {})
    folder = her.store.folder.job(job.job_id)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("swapped.mp4" if kind_of(spec) == "swap" else "faceset.zip")
    path.write_bytes(f"made by {job.job_id}".encode())
    (folder / "finished.json").write_text("{}")
    file = worker_pb2.MadeFile(
        role="clip", path=os.fsencode(path), digest=sha256(path), size=path.stat().st_size
    )
    return job.job_id, path, worker_pb2.FinishedJob(files=[file])


@pytest.mark.parametrize("how", ["by her name", "by the content"])
@pytest.mark.parametrize("kind", ["swap", "export"])
def test_results(her: Her, kind: str, how: str) -> None:
    spec = (
        job_pb2.JobSpec(swap=job_pb2.SwapSpec(clip_id=her.clip, faceset_id=her.faceset))
        if kind == "swap"
        else job_pb2.JobSpec(export=job_pb2.ExportSpec(faceset_id=her.faceset))
    )
    finalizer = JobFinalizer(her.store)
    first, _, said = made(her, spec)
    finalizer.finish(first, said)
    assert her.store.jobs.get(first).state == SUCCEEDED
    delivered = her.events().count("swap.deliver")

    job, path, said = made(her, spec)
    her.revoke(how)
    finalizer.finish(job, said)
    ended = her.store.jobs.get(job)
    assert ended.state == BLOCKED
    assert ended.error.reason == "CONSENT_REVOKED"
    assert not ended.result.artifacts
    assert not her.store.blobs.has(said.files[0].digest)
    assert not path.exists()  # should it ever be delivered, it is made again
    assert not path.with_name("finished.json").exists()
    assert her.events().count("swap.deliver") == delivered


@pytest.mark.parametrize("how", ["by her name", "by the content"])
def test_a_signed_edit(her: Her, how: str) -> None:
    finalizer = JobFinalizer(her.store)
    swap = job_pb2.JobSpec(swap=job_pb2.SwapSpec(clip_id=her.clip, faceset_id=her.faceset))
    first, _, said = made(her, swap)
    finalizer.finish(first, said)
    digest = said.files[0].digest
    sign = job_pb2.SignSpec(digest=digest, display_name="edit.mp4", swaps=[digest])
    job, path, said = made(her, job_pb2.JobSpec(sign=sign))
    her.revoke(how)
    finalizer.finish(job, said)
    assert her.store.jobs.get(job).state == BLOCKED
    assert not path.exists()
    assert "sign.deliver" not in her.events()


@pytest.mark.parametrize("how", ["by her name", "by the content"])
def test_an_edit_that_was_signed_before(her: Her, how: str) -> None:
    finalizer = JobFinalizer(her.store)
    swap = job_pb2.JobSpec(swap=job_pb2.SwapSpec(clip_id=her.clip, faceset_id=her.faceset))
    first, _, said = made(her, swap)
    finalizer.finish(first, said)
    digest = said.files[0].digest
    sign = job_pb2.SignSpec(digest=digest, display_name="edit.mp4", swaps=[digest])
    name, _, said = made(her, job_pb2.JobSpec(sign=sign))
    finalizer.finish(name, said)
    job = her.store.jobs.get(name)
    edit = said.files[0].digest
    assert job.state == SUCCEEDED
    refuse_revoked_result(job, edit, her.store)
    her.revoke(how)
    with pytest.raises(ConsentError, match="was revoked"):
        refuse_revoked_result(job, edit, her.store)


@pytest.mark.parametrize("how", ["by her name", "by the content"])
def test_faces_that_were_taken_in_meanwhile(her: Her, how: str) -> None:
    clip = job_pb2.ExtractInput(clip_id=her.clip)
    job, _, _ = made(her, job_pb2.JobSpec(extract=job_pb2.ExtractSpec(inputs=[clip])))
    faceset = faceset_pb2.Faceset(faceset_id=job, faces=1, digest="b" * 64)
    said = worker_pb2.FinishedJob(faceset=faceset, traces=traces_to_proto(FACES))
    her.revoke(how)
    JobFinalizer(her.store).finish(job, said)
    ended = her.store.jobs.get(job)
    assert ended.state == FAILED
    assert ended.error.reason == "CONSENT_REVOKED"
    assert her.store.catalog.facesets.find(job) is None


class Context:
    """A call whose end can be looked at."""

    def set_trailing_metadata(self, metadata: Any) -> None:
        self.metadata = metadata


@pytest.mark.parametrize("how", ["", "by her name", "by the content"])
def test_a_preview(her: Her, tmp_path: Path, how: str) -> None:
    async def ask(*_: Any, **__: Any) -> query_pb2.Answer:
        """She takes her right back while it is painted."""
        if how:
            await asyncio.to_thread(her.revoke, how)
        (tmp_path / "preview.png").write_bytes(b"her face")
        path = os.fsencode(tmp_path / "preview.png")
        return query_pb2.Answer(preview=query_pb2.PreviewAnswer(path=path))

    service: Any = SwapService(SimpleNamespace(store=her.store, ask=ask))  # type: ignore[arg-type]
    request = swap_pb2.PreviewFrameRequest(clip_id=her.clip, faceset_id=her.faceset, frame=1)
    if how:
        with pytest.raises(ConsentError, match="revoked"):  # the interceptor tells clients
            asyncio.run(service.PreviewFrame(request, Context()))
    else:
        assert asyncio.run(service.PreviewFrame(request, Context())).png == b"her face"
    assert not (tmp_path / "preview.png").exists()
    assert ("preview.deliver" in her.events()) == (not how)


def test_a_job_whose_face_is_revoked_just_before_it_starts(her: Her, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = Supervisor._begin

    def revoked_first(self: Supervisor, job_id: str) -> Any:
        her.revoke("by her name")
        return begun(self, job_id)

    monkeypatch.setattr(Supervisor, "_begin", revoked_first)
    spec = job_pb2.JobSpec(train=job_pb2.TrainSpec(source_faceset_id=her.faceset))
    job, _ = her.store.jobs.create(spec, KINDS["train"], "", {})

    blocked = run_until(her.store, job.job_id, lambda job: job.state == BLOCKED)
    assert blocked.error.reason == "CONSENT_REVOKED"
    assert her.events()[-1] == "job.refuse"
