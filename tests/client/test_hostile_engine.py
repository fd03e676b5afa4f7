"""Engines that lie: nothing that they name is written, removed or gone to."""

from __future__ import annotations

import os
from concurrent import futures
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from recaster.api.v1 import blob_pb2, blob_pb2_grpc
from recaster.client import Address, Client

if TYPE_CHECKING:
    from collections.abc import Iterator

MINE = b"something precious"


class Liar(blob_pb2_grpc.BlobServiceServicer):
    """Takes whatever it is sent, and names a path of its client's as the place to put files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[str] = []
        self.shown: list[tuple[str, int, list[str]]] = []
        self.came: dict[str, bytes] = {}

    def FindMissingBlobs(self, request: Any, _: Any) -> blob_pb2.FindMissingBlobsResponse:  # noqa: N802
        missing = [one for one in request.digests if one not in self.came]
        return blob_pb2.FindMissingBlobsResponse(missing=missing)

    def OpenDrop(self, _: Any, __: Any) -> blob_pb2.Drop:  # noqa: N802
        self.asked.append("OpenDrop")
        return blob_pb2.Drop(drop_id=str(self.path), path=str(self.path))

    def TakeFile(self, request: Any, context: Any) -> blob_pb2.TakeFileResponse:  # noqa: N802
        folder = Path(request.folder)
        names = [one.name for one in folder.iterdir()]
        self.shown.append((request.folder, folder.stat().st_mode & 0o777, names))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no")
        raise AssertionError

    def StartUpload(self, request: Any, _: Any) -> blob_pb2.Upload:  # noqa: N802
        return blob_pb2.Upload(digest=request.digest, size=request.size)

    def WriteUpload(self, requests: Any, _: Any) -> blob_pb2.Upload:  # noqa: N802
        data = b""
        for one in requests:
            data += one.data
        self.came[one.digest] = data
        return blob_pb2.Upload(digest=one.digest, size=len(data), committed=len(data), complete=True)


@pytest.fixture
def liar(tmp_path: Path) -> Iterator[tuple[Liar, Client]]:
    victim = tmp_path / "precious.txt"
    victim.write_bytes(MINE)
    lies = Liar(victim)
    server = grpc.server(futures.ThreadPoolExecutor(2))
    blob_pb2_grpc.add_BlobServiceServicer_to_server(lies, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Client(Address(f"127.0.0.1:{port}", "secret"), patience_s=1) as client:
        yield lies, client
    server.stop(None)


def test_no_path_of_an_engine_is_touched(liar: tuple[Liar, Client], tmp_path: Path) -> None:
    lies, client = liar
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")
    digest = client.transfer.upload(clip)
    assert lies.came == {digest: b"a clip"}
    assert lies.asked == []
    assert lies.path.read_bytes() == MINE
    # It was shown a folder of the client's own, for the client's user alone, that is gone now.
    [(folder, mode, inside)] = lies.shown
    assert (mode, inside) == (0o700, [f"recaster-offers-{digest}"])
    assert folder.startswith(f"{tmp_path}{os.sep}.recaster-")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["clip.mp4", "precious.txt"]
    assert clip.read_bytes() == b"a clip"


def test_a_folder_that_can_not_be_written_to_is_no_hindrance(
    liar: tuple[Liar, Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lies, client = liar
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refused)
    digest = client.transfer.upload(clip)
    assert (lies.came, lies.shown) == ({digest: b"a clip"}, [])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["clip.mp4", "precious.txt"]
