"""Data of an engine of an earlier release, opened by today's (tests/data/README.md says what is in it)."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from serving import Served

from recaster.api.v1 import (
    clip_pb2,
    faceset_pb2,
    identity_pb2,
    job_pb2,
    model_pb2,
    swap_pb2,
)
from recaster.client.errors import RefusedError
from recaster.errors import OutputError
from recaster.models.model_folder import FORMAT
from recaster.provenance.inspection import inspect_file
from recaster.store import database
from recaster.store.database import KEEP_COPY_S, Database
from recaster.store.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recaster.client import Client

OLD = Path(__file__).parents[1] / "data" / "engine-3df4141.zip"
PERSON = "89f4a270953b"
FACESET = "e63ebee28ff7"
MODEL = "8e9628d54fce"
CLIPS = {"3927a984f0f0", "1f4523aad1bb"}
SWAP = "679163130d9a"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The old data."""
    with zipfile.ZipFile(OLD) as packed:
        packed.extractall(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def start(old: Path) -> Iterator[Callable[[], Served]]:
    """Starts today's engine with it."""
    engines: list[Served] = []

    def started() -> Served:
        engines.append(Served(old))
        return engines[-1]

    yield started
    for one in engines:
        one.kill()


def model_of(client: Client) -> model_pb2.Model:
    [model] = client.connection.call(client.models.ListModels, model_pb2.ListModelsRequest()).models
    return model


def version(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as store:
        return int(store.execute("pragma user_version").fetchone()[0])


def test_everything_is_there_and_swaps(start: Callable[[], Served], old: Path, actors: Path) -> None:
    served = start()
    with served.client(patience_s=60) as client:
        call = client.connection.call
        [person] = call(client.identities.ListIdentities, identity_pb2.ListIdentitiesRequest()).identities
        assert (person.identity_id, person.attestation.basis) == (PERSON, identity_pb2.BASIS_SYNTHETIC)
        [faceset] = call(client.facesets.ListFacesets, faceset_pb2.ListFacesetsRequest()).facesets
        assert (faceset.faceset_id, faceset.faces, faceset.identity_id) == (FACESET, 10, PERSON)
        shown = call(client.facesets.ListFaces, faceset_pb2.ListFacesRequest(faceset_id=FACESET))
        assert len(shown.faces) == 10
        clips = call(client.clips.ListClips, clip_pb2.ListClipsRequest()).clips
        assert {one.clip_id for one in clips} == CLIPS
        model = model_of(client)
        assert (model.model_id, model.usable, model.unusable_reason) == (MODEL, True, "")
        jobs = {one.job_id: one for one in client.jobs.listed()}
        assert len(jobs) == 5
        assert {one.state for one in jobs.values()} == {job_pb2.JOB_STATE_SUCCEEDED}
        client.transfer.download(jobs[SWAP].result.artifacts[0].digest, old.parent / "before.mp4")
        clip = client.take_clip(actors / "performer.mp4")
        assert clip in CLIPS  # the same one, whose content is here again
        for source in ({"model_id": MODEL}, {"faceset_id": FACESET}):
            asked = job_pb2.SwapSpec(clip_id=clip, options=job_pb2.SwapOptions(range="0-2"), **source)
            job = client.jobs.wait(client.jobs.create(job_pb2.JobSpec(swap=asked)).job_id)
            assert "3 with a swapped face" in job.result.summary[0]
            client.transfer.download(job.result.artifacts[0].digest, old.parent / "swapped.mp4")
            assert "Apache-2.0" in json.dumps(inspect_file(old.parent / "swapped.mp4", old).manifests)
    served.stop()
    assert (version(old / "store.sqlite"), version(old / "store.sqlite.v1")) == (SCHEMA_VERSION, 1)
    assert (old / "store.sqlite.v1").stat().st_mode & 0o077 == 0
    command = [sys.executable, "-m", "recaster.cli.main", "audit", "verify", "--data", old]
    assert "whole" in subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_model_of_another_format_says_what_to_do(start: Callable[[], Served], old: Path) -> None:
    card = old / "models" / MODEL / "model.json"
    card.write_text(json.dumps(json.loads(card.read_bytes()) | {"format": 3}))
    served = start()
    with served.client(patience_s=5) as client:
        model = model_of(client)
        assert (model.usable, model.unusable_reason) == (
            False,
            f"trained by an earlier Recaster (format 3; this one uses {FORMAT}): train it anew",
        )
        swap = job_pb2.SwapSpec(clip_id=min(CLIPS), model_id=MODEL)
        more = job_pb2.TrainSpec(source_faceset_id=FACESET, model_id=MODEL)
        for spec in (job_pb2.JobSpec(swap=swap), job_pb2.JobSpec(train=more)):
            with pytest.raises(RefusedError, match="train it anew") as caught:
                client.jobs.create(spec)
            assert caught.value.reason == "OUTDATED"
        preview = swap_pb2.PreviewFrameRequest(clip_id=min(CLIPS), model_id=MODEL)
        with pytest.raises(grpc.RpcError, match="train it anew"):
            client.swaps.PreviewFrame(preview, metadata=client.connection.metadata)
    command = [sys.executable, "-m", "recaster.cli.main", "doctor", "--data", old]
    said = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    assert f"BAD  models       {MODEL} was trained by an earlier Recaster" in said
    card.write_text(json.dumps(json.loads(card.read_bytes()) | {"format": FORMAT}))
    served.stop()
    served.start()
    with served.client(patience_s=5) as client:
        assert model_of(client).usable


def test_the_copy_brings_the_earlier_store_back(old: Path) -> None:
    store = Database(old / "store.sqlite")
    with store.transaction() as opened:
        opened.execute("delete from thing")
    store.close()
    Database(old / "store.sqlite").close()  # a second start makes no second copy
    copy = old / "store.sqlite.v1"
    assert version(copy) == 1
    with contextlib.closing(sqlite3.connect(copy)) as kept:
        assert kept.execute("select count(*) from thing").fetchone()[0] == 5
    shutil.copyfile(copy, old / "store.sqlite")
    store = Database(old / "store.sqlite")
    assert len(store.rows("select * from thing")) == 5
    store.drop_old_copies()
    assert copy.exists()
    past = time.time() - KEEP_COPY_S - 1
    os.utime(copy, (past, past))
    store.drop_old_copies()
    assert not copy.exists()
    store.close()


def test_a_store_that_cannot_be_copied_is_not_migrated(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(database, "copy_store", full)
    with pytest.raises(OutputError, match="disk is full"):
        Database(old / "store.sqlite")
    assert version(old / "store.sqlite") == 1
