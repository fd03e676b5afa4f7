"""Free disk for work, and quotas."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from recaster.jobs import disk_budget as module
from recaster.jobs.disk_budget import DiskBudget
from recaster.store.blobs import Quota
from recaster.store.folder import DataFolder
from recaster.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(DataFolder(tmp_path / "data"), Quota(total=1_000_000, spare=0))
    yield opened
    opened.close()


async def counted(room: DiskBudget) -> None:
    task = room.look()
    if task is not None and not task.done():
        await task


def test_the_quota_is_for_what_jobs_make_too(store: Store) -> None:
    room = DiskBudget(store)
    asyncio.run(counted(room))
    assert room.shortage("one") is None
    made = store.folder.job("one") / "made"
    made.parent.mkdir()
    made.write_bytes(bytes(2_000_000))
    asyncio.run(counted(room))
    assert room.shortage("one") is None  # it was counted just now
    room = DiskBudget(store)
    asyncio.run(counted(room))
    found = room.shortage("one")
    assert found is not None
    assert (found.reason, found.exit_code) == ("QUOTA_EXCEEDED", 6)
    assert "1000000 are allowed" in found.message


def test_who_found_the_disk_full_waits_for_room(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [1 << 30]
    monkeypatch.setattr(DataFolder, "free_bytes", lambda _: free[0])
    room = DiskBudget(store)
    room.note_full("one")
    free[0] += 1000
    found = room.shortage("one")
    assert found is not None
    assert found.reason == "DISK_FULL"
    assert room.shortage("other") is None
    free[0] += module.MIN_FREED_BYTES
    assert room.shortage("one") is None
    free[0] -= module.MIN_FREED_BYTES
    assert room.shortage("one") is None  # it has begun again

    room.note_full("one")
    monkeypatch.setattr(module, "TRY_AGAIN_S", 0.0)
    assert room.shortage("one") is None


def test_some_of_the_disk_is_left_free(store: Store) -> None:
    store.blobs.quota = Quota(spare=1 << 60)
    assert DiskBudget(store).shortage("one") is not None
