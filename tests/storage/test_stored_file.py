"""Reading a stored file from its beginning on: the next chunk comes meanwhile, and no more than that."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from storage.conftest import BUCKET
from storage.faulty_proxy import Times, cut, garble, proxy_to

from recaster.errors import StorageError
from recaster.settings.storage import StorageSettings
from recaster.storage import transfers
from recaster.storage.storage import Storage, open_storage
from recaster.storage.stored_file import READ_AHEAD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHUNK = 1 << 18
CHUNKS = 8
WAIT_S = 60


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(transfers, "CHUNK_BYTES", CHUNK)
    (tmp_path / "clip.mov").write_bytes(os.urandom(CHUNKS * CHUNK - 5))
    return (tmp_path / "clip.mov").read_bytes()


class Counted:
    """A storage that notes which chunks of a file are asked for, and holds some of them back."""

    def __init__(self, storage: Storage, reference: str) -> None:
        self.chunks = storage.read_file_manifest(reference).chunks
        self.asked: list[int] = []
        self.came = [threading.Event() for _ in self.chunks]
        self.may_come = [threading.Event() for _ in self.chunks]
        get_chunk = storage.get_chunk

        def get(digest: str, size: int) -> bytes:
            index = self.chunks.index(digest)
            self.asked.append(index)
            self.came[index].set()
            assert self.may_come[index].wait(WAIT_S)
            return get_chunk(digest, size)

        storage.get_chunk = get  # type: ignore[method-assign]

    def let(self, *indices: int) -> None:
        for index in indices:
            self.may_come[index].set()


def test_the_next_chunk_comes_meanwhile(storage: Storage, data: bytes, tmp_path: Path) -> None:
    reference = storage.put_file(tmp_path / "clip.mov")
    counted = Counted(storage, reference)
    counted.let(0, 1)
    with storage.open_file(reference) as file:
        assert file.read(CHUNK + 10) == data[: CHUNK + 10]
        assert counted.came[2].wait(WAIT_S)  # nobody has asked for it
        counted.let(2)
        assert file.read(CHUNK) == data[CHUNK + 10 :][:CHUNK]
        assert counted.came[3].wait(WAIT_S)
        file.seek(6 * CHUNK)
        counted.let(6, 7)
        assert file.read() == data[6 * CHUNK :]  # while the one ahead is still on its way
        counted.let(3)
    assert counted.asked == [0, 1, 2, 3, 6, 7]


def test_a_reader_that_jumps_gets_what_it_asks_for_only(
    storage: Storage, data: bytes, tmp_path: Path
) -> None:
    reference = storage.put_file(tmp_path / "clip.mov")
    counted = Counted(storage, reference)
    counted.let(*range(CHUNKS))
    with storage.open_file(reference) as file:
        for index in (0, 7, 3, 0, 7, 3):
            file.seek(index * CHUNK + 3)
            assert file.read(9) == data[index * CHUNK + 3 :][:9]
    assert counted.asked == [0, 7, 3]
    assert READ_AHEAD not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize(("fault", "count"), [(cut, 2), (garble, 1)])
def test_passing_faults_ahead_are_nobodys(
    s3: int,
    data: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[bytes, int], bytes | None],
    count: int,
) -> None:
    with proxy_to(s3) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        storage = open_storage(f"s3://{BUCKET}/x", StorageSettings(storage_cache_gib=0))
        reference = storage.put_file(tmp_path / "clip.mov")
        with storage.open_file(reference) as file:
            assert file.read(CHUNK) == data[:CHUNK]
            proxy.fault = Times(count, fault)
            assert file.read() == data[CHUNK:]
            assert proxy.fault.left == 0


def test_a_lasting_fault_ahead_is_one_error_where_it_is_read(
    s3: int, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_to(s3) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        settings = StorageSettings(storage_cache_gib=0, storage_patience_s=10)
        storage = open_storage(f"s3://{BUCKET}/x", settings)
        reference = storage.put_file(tmp_path / "clip.mov")
        storage.remove(storage.read_file_manifest(reference).chunks[2])
        with storage.open_file(reference) as file:
            assert file.read(2 * CHUNK) == data[: 2 * CHUNK]
            with pytest.raises(StorageError, match="isn't in the storage"):
                file.read(1)
            file.seek(CHUNK)
            assert file.read(9) == data[CHUNK:][:9]  # the rest can still be read
            proxy.fault = cut
            file.seek(5 * CHUNK)
            with pytest.raises(StorageError, match="doesn't answer as it should"):
                file.read(1)
