"""Files that a disk has lost are noticed before anybody works on them, and heal when they are sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recaster.api.v1 import job_pb2, swap_pb2
from recaster.client import JobFailedError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serving import Served
    from tests.jobs.conftest import Material


@pytest.fixture(scope="module")
def lossy(serve: Callable[..., Served], prepare: Callable[[Served], Material]) -> Material:
    """An engine whose disk loses something."""
    return prepare(serve())


def kept(material: Material, digest: str) -> Path:
    path = material.served.data / "blobs" / digest[:2] / digest
    path.chmod(0o600)
    return path


def test_one_wrong_byte_fails_the_job_and_heals(lossy: Material, actors: Path) -> None:
    client = lossy.client
    digest = lossy.client.clip(lossy.clip).digest
    path = kept(lossy, digest)
    with path.open("r+b") as file:
        file.seek(-1000, 2)
        byte = file.read(1)
        file.seek(-1000, 2)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(JobFailedError, match=r"performer\.mp4: lost or damaged") as caught:
        client.jobs.wait(client.jobs.create(lossy.swapping("0-3")).job_id)
    assert (caught.value.reason, caught.value.exit_code) == ("DAMAGED", 3)
    assert not path.exists()
    assert client.take_clip(actors / "performer.mp4") == lossy.clip
    assert path.read_bytes() == (actors / "performer.mp4").read_bytes()
    client.jobs.wait(client.jobs.create(lossy.swapping("0-3")).job_id)


def test_a_cut_blob_is_refused_at_once_and_heals(lossy: Material, actors: Path) -> None:
    client = lossy.client
    digest = lossy.client.clip(lossy.clip).digest
    with kept(lossy, digest).open("r+b") as file:
        file.truncate(1000)
    preview = swap_pb2.PreviewFrameRequest(clip_id=lossy.clip, faceset_id=lossy.faceset, frame=1)
    for ask in (lambda: client.jobs.create(lossy.swapping("0-3")), lambda: client.preview(preview)):
        with pytest.raises(RefusedError, match="upload it first") as caught:
            ask()
        assert caught.value.reason == "BLOB_MISSING"
    assert client.take_clip(actors / "performer.mp4") == lossy.clip
    client.jobs.wait(client.jobs.create(lossy.swapping("0-3")).job_id)


def test_damage_before_a_queued_job_starts(lossy: Material, actors: Path) -> None:
    client = lossy.client
    training = client.jobs.create(lossy.training(100_000))
    lossy.until(training.job_id, job_pb2.JOB_STATE_RUNNING)
    client.jobs.pause(training.job_id)
    lossy.until(training.job_id, job_pb2.JOB_STATE_PAUSED)
    picture = actors / "neighbour.mp4"
    clip = client.take_clip(picture)
    spec = job_pb2.JobSpec(swap=job_pb2.SwapSpec(clip_id=clip, faceset_id=lossy.faceset))
    kept(lossy, client.clip(clip).digest).write_bytes(picture.read_bytes()[::-1])
    with pytest.raises(JobFailedError, match="lost or damaged") as caught:
        client.jobs.wait(client.jobs.create(spec).job_id)
    assert caught.value.reason == "DAMAGED"
    client.jobs.cancel(training.job_id)
