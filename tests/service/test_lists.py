"""Whatever one client sends, everybody's lists stay whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from recaster.api.v1 import identity_pb2, job_pb2
from recaster.client.errors import RefusedError
from recaster.service.server_info import MAX_RESPONSE_BYTES
from recaster.store.folder import DataFolder
from recaster.store.job_store import MAX_BATCH_BYTES, JobFilter
from recaster.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recaster.client import Client

LONG = "x" * 3_900_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(DataFolder(tmp_path / "data"))
    yield opened
    opened.close()


def unknown(size: int) -> bytes:
    """A field that no message has, as it travels."""
    return b"\xfa\xff\x7f" + bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14]) + b"x" * size


def test_long_rows_of_an_older_store_never_fill_an_answer(store: Store) -> None:
    spec = job_pb2.JobSpec(export=job_pb2.ExportSpec(faceset_id=LONG))
    made = [store.jobs.create(spec, job_pb2.JOB_KIND_EXPORT, "", {})[0].job_id for _ in range(6)]
    listed: list[str] = []
    token = ""
    more = True
    while more:
        jobs, token = store.jobs.listed(JobFilter(), 1000, token)
        assert sum(job.ByteSize() for job in jobs) <= max(MAX_BATCH_BYTES, 4 << 20) < MAX_RESPONSE_BYTES
        listed += [job.job_id for job in jobs]
        more = bool(token)
    assert listed == made[::-1]


def test_one_row_that_is_too_long_goes_alone(store: Store) -> None:
    for _ in range(2):
        store.catalog.identities.add(identity_pb2.Identity(note=LONG * 3))
    first, token = store.catalog.identities.list_page(0, "")
    second, end = store.catalog.identities.list_page(0, token)
    assert (len(first), len(second), end) == (1, 1, "")


def test_long_events_come_a_few_at_a_time(store: Store) -> None:
    spec = job_pb2.JobSpec(export=job_pb2.ExportSpec(faceset_id=LONG))
    job, _ = store.jobs.create(spec, job_pb2.JOB_KIND_EXPORT, "", {})
    for state in (job_pb2.JOB_STATE_STARTING, job_pb2.JOB_STATE_RUNNING, job_pb2.JOB_STATE_QUEUED):
        with store.jobs.changing(job.job_id) as changed:
            changed.state = state
    seen = 0
    while events := store.jobs.events(job.job_id, seen):
        assert [event.seq for event in events] == list(range(seen + 1, seen + 1 + len(events)))
        assert sum(event.ByteSize() for event in events) <= MAX_BATCH_BYTES
        seen = events[-1].seq
    assert seen == 4


def test_what_is_not_known_is_not_kept(engine: Client) -> None:
    request = identity_pb2.CreateIdentityRequest(display_name="Anna")
    request.attestation.basis = identity_pb2.BASIS_SYNTHETIC
    long = identity_pb2.CreateIdentityRequest.FromString(
        request.SerializeToString()
        + unknown(100_000)
        + identity_pb2.CreateIdentityRequest(
            attestation=identity_pb2.Attestation.FromString(unknown(100_000))
        ).SerializeToString()
    )
    assert long.ByteSize() > 200_000
    made = engine.connection.call(engine.identities.CreateIdentity, long)
    assert made.ByteSize() < 1000


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (job_pb2.JobSpec(export=job_pb2.ExportSpec(faceset_id="0" * 70_000)), "spec"),
        (
            job_pb2.JobSpec(
                evaluate=job_pb2.EvaluateSpec(
                    original_clip_id="0" * 12,
                    swapped_clip_id="1" * 12,
                    source_faceset_id="2" * 12,
                    gallery_faceset_ids=["3" * 12, "4" * 12, "3" * 12],
                )
            ),
            "spec.evaluate.gallery_faceset_ids",
        ),
        (
            job_pb2.JobSpec(
                evaluate=job_pb2.EvaluateSpec(
                    original_clip_id="0" * 12,
                    swapped_clip_id="1" * 12,
                    source_faceset_id="2" * 12,
                    gallery_faceset_ids=[f"{number:012}" for number in range(1001)],
                )
            ),
            "spec.evaluate.gallery_faceset_ids",
        ),
        (
            job_pb2.JobSpec(
                sign=job_pb2.SignSpec(digest="0" * 64, display_name="x.mp4", swaps=["1" * 64, "1" * 64])
            ),
            "spec.sign.swaps",
        ),
    ],
)
def test_a_spec_is_short_and_names_nothing_twice(engine: Client, spec: job_pb2.JobSpec, field: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(field)) as caught:
        engine.jobs.create(spec)
    assert [name for name, _ in caught.value.fields] == [field]
    assert len(str(caught.value)) < 1000
