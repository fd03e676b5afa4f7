"""Transfers over connections that break."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from serving import Cutter

from recaster.api.v1 import blob_pb2
from recaster.client import Address, Client, transfer
from recaster.client.errors import BusyError, CallError, MissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from serving import Served

SIZE = 12 << 20


@pytest.fixture
def cut(served: Served) -> Iterator[Callable[[int, int], tuple[Cutter, Client]]]:
    made: list[tuple[Cutter, Client]] = []

    def make(after: int, cuts: int) -> tuple[Cutter, Client]:
        cutter = Cutter(served.address, after, cuts)
        made.append((cutter, Client(Address(cutter.address, served.token), patience_s=20)))
        return made[-1]

    yield make
    for cutter, client in made:
        client.close()
        cutter.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "clip.bin"
    path.write_bytes(os.urandom(SIZE))
    return path


def test_an_upload_that_is_cut_again_and_again(
    cut: Callable[[int, int], tuple[Cutter, Client]], file: Path
) -> None:
    cutter, client = cut(2_500_000, 4)
    digest = client.transfer.upload(file, local=False)
    assert cutter.cut == 4
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()
    assert client.transfer.read(digest) == file.read_bytes()


def test_a_break_after_longer_than_a_client_has_patience(
    cut: Callable[[int, int], tuple[Cutter, Client]], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cutter, client = cut(4_000_000, 2)
    client.connection.patience_s = 0.5
    pieces = transfer._upload_requests

    def slowly(*of: Any, **options: Any) -> Iterator[Any]:
        for piece in pieces(*of, **options):
            time.sleep(0.06)
            yield piece

    monkeypatch.setattr(transfer, "_upload_requests", slowly)
    digest = client.transfer.upload(file, local=False)
    assert cutter.cut == 2
    assert client.transfer.read(digest) == file.read_bytes()


def test_a_download_that_is_cut_again_and_again(
    cut: Callable[[int, int], tuple[Cutter, Client]], engine: Client, file: Path, tmp_path: Path
) -> None:
    digest = engine.transfer.upload(file)
    cutter, client = cut(2_500_000, 4)
    client.transfer.download(digest, tmp_path / "back")
    assert cutter.cut == 4
    assert (tmp_path / "back").read_bytes() == file.read_bytes()


def test_what_is_there_is_not_sent_again(engine: Client, file: Path) -> None:
    engine.transfer.upload(file, local=False)
    sent: list[str] = []
    engine.transfer.upload(file, lambda update: sent.append(update.stage), local=False)
    assert "uploading" not in sent


def test_on_one_machine_the_file_is_handed_over(engine: Client, file: Path, served: Served) -> None:
    sent: list[str] = []
    digest = engine.transfer.upload(file, lambda update: sent.append(update.stage))
    assert "uploading" not in sent
    assert engine.transfer.read(digest) == file.read_bytes()
    assert list((served.data / "drops").iterdir()) == []
    file.write_bytes(b"x")
    assert len(engine.transfer.read(digest)) == SIZE


def test_a_drop_can_be_taken_once_and_holds_what_was_promised(engine: Client, served: Served) -> None:
    stub = engine.transfer._stub
    data = os.urandom(1000)
    digest = hashlib.sha256(data).hexdigest()
    drop = engine.connection.call(stub.OpenDrop, blob_pb2.OpenDropRequest(digest=digest, size=1000))
    Path(drop.path).write_bytes(data[::-1])
    with pytest.raises(CallError, match="has digest") as caught:
        engine.connection.call(stub.TakeDrop, blob_pb2.TakeDropRequest(drop_id=drop.drop_id))
    assert caught.value.reason == "DIGEST_MISMATCH"
    with pytest.raises(MissingError, match="once only"):
        engine.connection.call(stub.TakeDrop, blob_pb2.TakeDropRequest(drop_id=drop.drop_id))
    assert list((served.data / "drops").iterdir()) == []


def test_pieces_must_fit(engine: Client) -> None:
    stub = engine.transfer._stub
    data = os.urandom(5000)
    digest = hashlib.sha256(data).hexdigest()
    engine.connection.call(stub.StartUpload, blob_pb2.StartUploadRequest(digest=digest, size=5000))

    def send(*pieces: tuple[int, bytes]) -> blob_pb2.Upload:
        requests = [blob_pb2.WriteUploadRequest(digest=digest, offset=at, data=one) for at, one in pieces]
        return engine.connection.persist(
            lambda: stub.WriteUpload(iter(requests), metadata=engine.connection.metadata, timeout=20)
        )

    with pytest.raises(CallError, match="goes on at byte 0") as caught:
        send((10, b"x"))
    assert caught.value.reason == "WRONG_OFFSET"
    assert caught.value.metadata == {"committed": "0"}
    assert send((0, data[:2000])).committed == 2000
    with pytest.raises(CallError, match="goes on at byte 3000"):
        send((2000, data[2000:3000]), (5000, b"x"))
    get = blob_pb2.GetUploadRequest(digest=digest)
    assert engine.connection.call(stub.GetUpload, get).committed == 3000
    assert send((3000, data[3000:])).complete
    with pytest.raises(MissingError, match="no upload of blob"):
        engine.connection.call(stub.GetUpload, blob_pb2.GetUploadRequest(digest="0" * 64))
    with pytest.raises(MissingError, match="there is no blob"):
        engine.transfer.read("0" * 64)


def test_no_room(serve: Callable[..., Served], file: Path) -> None:
    served = serve("--quota-gib", "0.005", "--largest-gib", "0.004")
    with served.client(patience_s=5) as client:
        for local in (True, False):
            with pytest.raises(BusyError, match="are allowed") as caught:
                client.transfer.upload(file, local=local)
            assert caught.value.reason == "QUOTA_EXCEEDED"
    served.kill()
