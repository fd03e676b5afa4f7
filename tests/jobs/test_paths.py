"""Nothing that a client is told says where things lie at the engine, whatever goes wrong there."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from recaster.api.internal.v1.worker_pb2 import WorkerMessage
from recaster.api.v1 import clip_pb2, faceset_pb2, job_pb2, model_pb2, provenance_pb2, swap_pb2
from recaster.client import JobFailedError
from recaster.client.errors import CallError
from recaster.jobs.completion import JobFinalizer
from recaster.jobs.watchdog import Patience, Watchdog
from recaster.jobs.worker_messages import failure
from recaster.jobs.worker_process import WorkerHandle, WorkerListener
from recaster.store.folder import DataFolder
from recaster.store.job_store import ENDED
from recaster.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Material
    from serving import Served


@pytest.fixture(scope="module")
def damaged(
    serve: Callable[..., Served],
    prepare: Callable[[Served], Material],
) -> dict[str, Any]:
    """An engine whose clip, faceset and model were all damaged, each in its own way."""
    material = prepare(serve())
    client = material.client
    data = material.served.data
    model = client.jobs.wait(client.jobs.create(material.training(1)).job_id).result.model_id
    swap = client.jobs.wait(client.jobs.create(material.swapping("0-3")).job_id).result.artifacts[0].digest
    for path in (data / "models" / model).rglob("*.safetensors"):
        path.write_bytes(b"nothing")
    crop = next((data / "facesets" / material.faceset).rglob("*.jpg"))
    crop.write_bytes(b"nothing")
    return {"material": material, "model": model, "swap": swap, "crop": crop}


def everything_told(material: Material, job_id: str) -> str:
    """All that a client can learn of a job, as text."""
    events = []
    for event in material.client.jobs.watch(job_id, logs=True, previews=True):
        events.append(str(event))
        if event.job.state in (*ENDED, job_pb2.JOB_STATE_BLOCKED):
            break
    return str(material.client.jobs.get(job_id)) + "".join(events)


def specs(damaged: dict[str, Any]) -> dict[str, job_pb2.JobSpec]:
    material = damaged["material"]
    model = damaged["model"]
    swap = damaged["swap"]
    client = material.client
    clip = material.clip
    faces = material.faceset
    nothing = material.served.data.parent / "nothing.png"
    nothing.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    picture = client.transfer.upload(nothing)
    kinds = {
        "clip": job_pb2.INGEST_KIND_CLIP,
        "zip": job_pb2.INGEST_KIND_FACESET,
        "mod": job_pb2.INGEST_KIND_MODEL,
    }
    found = {
        f"ingest {suffix}": job_pb2.JobSpec(
            ingest=job_pb2.IngestSpec(digest=picture, kind=kind, display_name=f"a.{suffix}")
        )
        for suffix, kind in kinds.items()
    }
    one = job_pb2.ExtractInput(picture=job_pb2.Picture(digest=picture, display_name="a.png"))
    return found | {
        "extract": job_pb2.JobSpec(extract=job_pb2.ExtractSpec(inputs=[one])),
        "extract person": job_pb2.JobSpec(
            extract=job_pb2.ExtractSpec(
                inputs=[job_pb2.ExtractInput(clip_id=clip)], options=job_pb2.ExtractOptions(person=picture)
            )
        ),
        "train": material.training(1),
        "train on": job_pb2.JobSpec(
            train=job_pb2.TrainSpec(
                source_faceset_id=faces, model_id=model, options=job_pb2.TrainOptions(steps=9)
            )
        ),
        "swap": material.swapping("0-3", marked=False),
        "swap range": material.swapping("nonsense"),
        "swap model": job_pb2.JobSpec(swap=job_pb2.SwapSpec(clip_id=clip, model_id=model)),
        "evaluate": job_pb2.JobSpec(
            evaluate=job_pb2.EvaluateSpec(
                original_clip_id=clip, swapped_clip_id=clip, source_faceset_id=faces
            )
        ),
        "export faceset": job_pb2.JobSpec(export=job_pb2.ExportSpec(faceset_id=faces)),
        "export model": job_pb2.JobSpec(export=job_pb2.ExportSpec(model_id=model)),
        "sign": job_pb2.JobSpec(sign=job_pb2.SignSpec(digest=picture, display_name="a.png", swaps=[swap])),
    }


def test_jobs(damaged: dict[str, Any]) -> None:
    material = damaged["material"]
    failed = set[str]()
    for name, spec in specs(damaged).items():
        job = material.client.jobs.create(spec).job_id
        with contextlib.suppress(JobFailedError):
            material.client.jobs.wait(job)
            continue
        failed.add(name.split()[0])
        told = everything_told(material, job)
        assert str(material.served.data) not in told, f"{name}: {told}"
        assert str(material.served.data.parent) not in told, f"{name}: {told}"
    assert failed >= {"ingest", "extract", "train", "swap", "evaluate", "export", "sign"}


def questions(damaged: dict[str, Any]) -> Iterator[Callable[[], Any]]:
    material = damaged["material"]
    model = damaged["model"]
    client = material.client
    clip = material.clip
    faces = material.faceset
    call = client.connection.call
    yield lambda: call(
        client.swaps.PreviewFrame, swap_pb2.PreviewFrameRequest(clip_id=clip, model_id=model, frame=3)
    )
    yield lambda: call(
        client.swaps.PreviewFrame, swap_pb2.PreviewFrameRequest(clip_id=clip, faceset_id=faces, frame=10**6)
    )
    yield lambda: call(
        client.facesets.ListFaces, faceset_pb2.ListFacesRequest(faceset_id=faces, thumbnails=True)
    )
    yield lambda: call(
        client.facesets.DropFaces, faceset_pb2.DropFacesRequest(faceset_id=faces, face_ids=["x"])
    )
    yield lambda: call(client.models.GetLossCurves, model_pb2.GetLossCurvesRequest(model_id=model, points=10))
    yield lambda: call(client.clips.FindPeople, clip_pb2.FindPeopleRequest(clip_id=clip, detector="nonsense"))
    yield lambda: call(
        client.provenance.VerifyFile,
        provenance_pb2.VerifyFileRequest(digest=damaged["swap"], display_name="a"),
    )


def break_folders(data: Path, damaged: dict[str, Any]) -> None:
    """Makes a data folder as somebody leaves it after tidying it up."""
    (data / "facesets" / damaged["material"].faceset / "faceset.sqlite").write_bytes(b"nothing")
    for name in ("model.json", "logs"):
        place = data / "models" / damaged["model"] / name
        shutil.rmtree(place) if place.is_dir() else place.write_bytes(b"[")
    for blob in (data / "blobs").rglob("*"):
        if blob.is_file():
            blob.write_bytes(b"nothing")


def refusal(ask: Callable[[], Any]) -> str:
    """Message that a client gets; empty where it gets an answer."""
    try:
        ask()
    except (CallError, grpc.RpcError) as error:
        return str(error)
    return ""


def test_questions(damaged: dict[str, Any]) -> None:
    data = damaged["material"].served.data
    refused = 0
    for broken in (False, True):
        if broken:
            break_folders(data, damaged)
        for ask in questions(damaged):
            said = refusal(ask)
            assert str(data.parent) not in said, said
            refused += said != ""
    assert refused >= 8


@pytest.mark.parametrize("broken", ["secret", "audit.jsonl", "signing"])
def test_a_damaged_register(
    serve: Callable[..., Served], prepare: Callable[[Served], Material], broken: str
) -> None:
    material = prepare(serve())
    client = material.client
    data = material.served.data
    client.jobs.wait(client.jobs.create(material.swapping("0-1")).job_id)
    shutil.rmtree(data / "signing")
    place = data / broken
    if place.is_file():
        place.write_bytes(b"nothing\n")
    else:
        place.write_bytes(b"no folder any more")
    preview = swap_pb2.PreviewFrameRequest(clip_id=material.clip, faceset_id=material.faceset, frame=3)
    said = refusal(lambda: client.connection.call(client.swaps.PreviewFrame, preview))
    assert said
    assert str(data.parent) not in said, said


def test_a_job_that_says_where_things_lie(tmp_path: Path) -> None:
    store = Store.open(DataFolder(tmp_path / "data"))
    export = job_pb2.JobSpec(export=job_pb2.ExportSpec(model_id="0" * 12))
    job, _ = store.jobs.create(export, job_pb2.JOB_KIND_EXPORT, "", {})
    finalizer = JobFinalizer(store)
    place = store.folder.path
    full = f"{place}/jobs/a/out.zip: full ('{place}/x'); {place}"
    finalizer.block(job.job_id, job_pb2.JobError(message=f"{place / 'audit.jsonl'}: is broken"))
    assert store.jobs.get(job.job_id).error.message == "audit.jsonl: is broken"
    running = WorkerHandle(job.job_id, "export", "", Watchdog(Patience()))
    line = job_pb2.LogLine(level="info", message=f"read {place}/b/c.mp4")
    WorkerListener(store, finalizer).receive(running, WorkerMessage(log=line))
    finalizer.fail(job.job_id, failure("OUTPUT", full, 6).failed)
    assert store.jobs.get(job.job_id).error.message == "out.zip: full ('x'); "
    told = str(store.jobs.events(job.job_id, 0))
    store.close()
    assert "read c.mp4" in told
    assert str(tmp_path) not in told
