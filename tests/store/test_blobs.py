"""Blobs: what is there is whole, what is half there can go on, what nobody needs goes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from recaster.api.v1 import clip_pb2
from recaster.errors import DigestError, DiskFullError, InputError, OutputError, QuotaError
from recaster.store import blobs as module
from recaster.store import usage as usage_module
from recaster.store.blobs import Quota
from recaster.store.folder import DataFolder
from recaster.store.store import Store
from recaster.store.uploads import UNUSED_LIFETIME_S, Upload
from recaster.store.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = os.urandom(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(DataFolder(tmp_path / "data"), Quota(blob=1_000_000, total=2_000_000))
    yield opened
    opened.close()


def send(store: Store, data: bytes, digest: str, size: int) -> Upload:
    writer = store.blobs.writer(store.blobs.start(digest, size))
    try:
        writer.write(data)
    finally:
        writer.close()
    return writer.finish()


def test_an_upload_goes_on_where_it_was(store: Store) -> None:
    half = send(store, CONTENT[:100_000], DIGEST, len(CONTENT))
    assert (half.committed, half.complete) == (100_000, False)
    assert not store.blobs.has(DIGEST)
    whole = send(store, CONTENT[100_000:], DIGEST, len(CONTENT))
    assert whole.complete
    assert b"".join(store.blobs.read(DIGEST, 0, 0)) == CONTENT
    assert b"".join(store.blobs.read(DIGEST, 299_990, 5)) == CONTENT[299_990:299_995]
    assert store.blobs.start(DIGEST, len(CONTENT)).complete


def test_what_is_not_what_it_says_is_dropped(store: Store) -> None:
    with pytest.raises(DigestError, match="send them again"):
        send(store, CONTENT[:-1] + b"x", DIGEST, len(CONTENT))
    assert store.blobs.find(DIGEST) is None


def test_no_more_than_was_promised(store: Store) -> None:
    with pytest.raises(InputError, match="more bytes"):
        send(store, CONTENT, DIGEST, 10)
    with pytest.raises(InputError, match="begun with 10 bytes"):
        store.blobs.start(DIGEST, 11)


def test_there_must_be_room(store: Store) -> None:
    with pytest.raises(QuotaError, match="at most 1000000"):
        store.blobs.start(DIGEST, 1_000_001)
    big = store.folder.blobs / "aa"
    big.mkdir()
    (big / "x").write_bytes(bytes(1_500_000))
    store.blobs.usage.count_all()
    with pytest.raises(QuotaError, match="2000000 are allowed in all"):
        store.blobs.start(DIGEST, 600_000)
    store.blobs.start("0" * 64, 300_000)
    store.blobs.start(DIGEST, 300_000)  # nothing came of the other
    send(store, CONTENT[:200_000], "0" * 64, 300_000)
    with pytest.raises(QuotaError, match="2000000 bytes are allowed in all"):
        send(store, CONTENT[:290_000], DIGEST, 300_000)
    store.blobs.quota = Quota(spare=1 << 60)
    with pytest.raises(DiskFullError, match="no room"):
        store.blobs.start("1" * 64, 10)


def test_uploads_that_were_begun_have_their_room_on_the_disk(store: Store) -> None:
    store.blobs.quota = Quota(spare=0)
    free = store.folder.free_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DataFolder, "free_bytes", lambda _: free)
        store.blobs.start("1" * 64, free - 1)  # who only asks, keeps nobody away
        upload = store.blobs.start(DIGEST, free // 2)
        part = store.folder.uploads / f"{DIGEST}.{free // 2}"
        os.truncate(part, 1_000_000)
        with pytest.raises(DiskFullError, match="no room"):
            store.blobs.start("0" * 64, free - 999_999)
        store.blobs.start("0" * 64, free - 1_000_000)
        os.utime(part, (0, 0))  # nothing more came
        store.blobs.start("2" * 64, free)
        patch.setattr(DataFolder, "free_bytes", lambda _: 0)
        writer = store.blobs.writer(upload)
        with pytest.raises(DiskFullError, match="no room"):
            writer.write(b"x")
        writer.close()


def test_uploads_that_never_begin_keep_nobody_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UPLOADS", 3)
    names = [f"{number:064}" for number in range(5)]
    for name in names[:3]:
        store.blobs.start(name, 10)
    with pytest.raises(QuotaError, match="3 uploads are on their way"):
        store.blobs.start(names[3], 10)
    os.utime(store.folder.uploads / f"{names[1]}.10", (0, 0))
    store.blobs.start(names[3], 10)
    assert [name for name in names if store.blobs.find(name)] == [names[0], names[2], names[3]]


def test_the_sum_is_carried_along_and_remembered(store: Store, tmp_path: Path) -> None:
    usage = store.blobs.usage
    usage.count_all()
    assert usage.bytes() == 0
    (tmp_path / "a").write_bytes(CONTENT)
    digest, _ = store.blobs.put(tmp_path / "a")
    (tmp_path / "a").write_bytes(CONTENT)
    store.blobs.put(tmp_path / "a")  # the same again
    faceset = store.folder.faceset("1")
    (faceset / "crops").mkdir(parents=True)
    (faceset / "crops" / "1.jpg").write_bytes(bytes(1000))
    usage.count(faceset)
    assert usage.bytes() == len(CONTENT) + 1000
    again = Usage(store.folder)
    assert again.bytes() == 0  # as noted when all was last counted
    usage.remember()
    again = Usage(store.folder)
    assert again.bytes() == len(CONTENT) + 1000
    again.add(store.folder.blobs / "00", 5)  # while it is counting
    assert again.bytes() == len(CONTENT) + 1005
    again.count_all()
    assert again.bytes() == len(CONTENT) + 1000
    store.blobs.release(digest, "nobody")
    store.remove(faceset)
    assert usage.bytes() == 0


def test_the_sum_is_asked_for_without_a_look_at_files(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(*_: object, **__: object) -> int:
        raise AssertionError

    monkeypatch.setattr(usage_module, "_folder_bytes", looked)
    monkeypatch.setattr(os, "walk", looked)
    store.blobs.used()
    store.blobs.start(DIGEST, 10)
    store.blobs.check_room(10)


def test_the_store_counts_and_gives_room_back(store: Store) -> None:
    before = store.blobs.used()
    clip = store.catalog.clips.add(clip_pb2.Clip(display_name="x" * 4_000_000))
    assert store.blobs.used() > before + 4_000_000
    store.catalog.clips.delete(clip.clip_id)
    for _ in range(3):
        store.database.compact()
    with contextlib.closing(sqlite3.connect(store.folder.database)) as other:
        other.execute("pragma wal_checkpoint(truncate)")
    assert store.folder.database.stat().st_size < 1_000_000


def test_what_nobody_needs_goes(store: Store, tmp_path: Path) -> None:
    for number, name in enumerate("ab"):
        (tmp_path / name).write_bytes(b"%d" % number)
    one, _ = store.blobs.put(tmp_path / "a")
    other, _ = store.blobs.put(tmp_path / "b")
    store.blobs.acquire([one, other], "job 1")
    store.blobs.acquire([one], "clip 1")
    store.blobs.release_all("job 1")
    assert store.blobs.has(one)
    assert not store.blobs.has(other)
    assert store.blobs.digests_of("clip 1") == [one]


def test_old_halves_and_unused_blobs_are_swept_away(store: Store, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode())
    used, old, asked = (store.blobs.put(tmp_path / name)[0] for name in "abc")
    store.blobs.acquire([used], "clip 1")
    drop = store.folder.drops / "0123"
    drop.mkdir()
    (drop / "file").touch()
    send(store, CONTENT[:10], DIGEST, len(CONTENT))
    long_ago = time.time() - UNUSED_LIFETIME_S - 10
    blobs = [store.blobs.path(one) for one in (used, old, asked)]
    for path in (*blobs, drop, *store.folder.uploads.iterdir()):
        os.utime(path, (long_ago, long_ago))
    assert store.blobs.touch(asked)
    assert not store.blobs.touch("0" * 64)
    store.blobs.sweep()
    assert [path.is_file() for path in blobs] == [True, False, True]
    assert store.blobs.find(DIGEST) is None
    assert not drop.exists()


def test_a_drop_is_taken_only_as_a_plain_file_that_is_what_it_says(store: Store, tmp_path: Path) -> None:
    place = tmp_path / "file"
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    place.symlink_to(secret)
    with pytest.raises(InputError, match="no plain file"):
        store.blobs.take(place, DIGEST, len(CONTENT))
    place.unlink()
    place.mkdir()
    with pytest.raises(InputError, match="no plain file"):
        store.blobs.take(place, DIGEST, len(CONTENT))
    place.rmdir()
    os.mkfifo(place)
    with pytest.raises(InputError, match="no plain file"):
        store.blobs.take(place, DIGEST, len(CONTENT))
    place.unlink()
    with pytest.raises(InputError, match="empty"):
        store.blobs.take(place, DIGEST, len(CONTENT))
    place.write_bytes(b"other")
    with pytest.raises(DigestError, match="has 5 bytes, not 300000"):
        store.blobs.take(place, DIGEST, len(CONTENT))
    place.write_bytes(bytes(len(CONTENT)))
    with pytest.raises(DigestError, match="has digest"):
        store.blobs.take(place, DIGEST, len(CONTENT))
    place.unlink()
    os.link(secret, place)
    store.blobs.take(place, DIGEST, len(CONTENT))
    secret.write_bytes(b"changed later")  # whoever linked it here can't change the blob
    assert b"".join(store.blobs.read(DIGEST, 0, 0)) == CONTENT


def test_a_drop_on_a_system_that_copies_no_ranges(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr(os, "copy_file_range", unable)
    (tmp_path / "file").write_bytes(CONTENT)
    store.blobs.take(tmp_path / "file", DIGEST, len(CONTENT))
    assert b"".join(store.blobs.read(DIGEST, 0, 0)) == CONTENT


def test_files_of_others_are_in_nobodys_way(store: Store) -> None:
    for name in (".DS_Store", "notes.txt"):
        (store.folder.uploads / name).touch()
    assert store.blobs.used() == store.database.used()
    store.blobs.sweep()
    assert store.blobs.find(DIGEST) is None


def test_a_clip_that_jobs_work_on_is_counted_once(store: Store, tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(CONTENT)
    digest, _ = store.blobs.put(tmp_path / "clip")
    for job in "ab":
        linked = store.folder.job(job) / "clip"
        linked.parent.mkdir()
        linked.hardlink_to(store.blobs.path(digest))
    store.blobs.usage.count_all()
    assert store.blobs.usage.bytes() == len(CONTENT)


def test_what_the_disk_may_have_lost_is_not_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    writer = store.blobs.writer(store.blobs.start(DIGEST, len(CONTENT)))
    writer.write(CONTENT)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing)
        with pytest.raises(OutputError, match="can't write to its data"):
            writer.sync()
    with pytest.raises(OutputError, match="can't write to its data"):
        writer.close()
    assert store.blobs.find(DIGEST) is None
    assert send(store, CONTENT, DIGEST, len(CONTENT)).complete


def test_a_blob_of_another_size_is_missing_and_heals(store: Store) -> None:
    send(store, CONTENT, DIGEST, len(CONTENT))
    kept = store.blobs.path(DIGEST)
    kept.chmod(0o600)
    for damage in (CONTENT[:1000], CONTENT + b"x", b""):
        kept.write_bytes(damage)
        assert not store.blobs.has(DIGEST)
        assert not store.blobs.touch(DIGEST)
        assert not store.blobs.start(DIGEST, len(CONTENT)).complete
        assert send(store, CONTENT, DIGEST, len(CONTENT)).complete
        assert kept.read_bytes() == CONTENT
        kept.chmod(0o600)


def test_a_blob_that_was_set_aside_is_missing_heals_and_goes(store: Store) -> None:
    send(store, CONTENT, DIGEST, len(CONTENT))
    store.blobs.acquire([DIGEST], "clip 1")
    aside = store.folder.damaged / DIGEST
    store.blobs.set_aside(DIGEST)
    assert not store.blobs.has(DIGEST)
    assert aside.is_file()
    assert send(store, CONTENT, DIGEST, len(CONTENT)).complete
    assert not aside.exists()
    store.blobs.set_aside(DIGEST)
    store.blobs.set_aside(DIGEST)  # it is gone already
    store.blobs.release_all("clip 1")
    assert not aside.exists()  # who deletes a clip deletes what is left of it, too


def test_sizes_of_blobs_that_came_before_they_were_noted(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    store = Store.open(folder)
    send(store, CONTENT, DIGEST, len(CONTENT))
    store.catalog.clips.add(clip_pb2.Clip(digest=DIGEST, size=len(CONTENT)))
    with store.database.transaction() as opened:
        opened.execute("delete from blob_size")
    store.close()
    store = Store.open(folder)
    os.truncate(store.blobs.path(DIGEST), 10)
    assert not store.blobs.has(DIGEST)
    store.close()
