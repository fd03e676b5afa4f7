"""Silent connections disturb nobody."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import grpc
import pytest
from serving import Served

from recaster.api.v1 import job_pb2
from recaster.errors import LockedError
from recaster.jobs.limits import check_descriptors, connections_for
from recaster.jobs.supervisor import Supervisor
from recaster.store.folder import DataFolder
from recaster.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
PING = bytes([0, 0, 8, 6, 0, 0, 0, 0, 0])
PING_IS_ANSWERED = bytes([0, 0, 8, 6, 1, 0, 0, 0, 0])
LIMIT = 256


@pytest.fixture(scope="module")
def scarce(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An engine that may open few files."""
    served = Served(tmp_path_factory.mktemp("scarce") / "data", files=LIMIT)
    yield served
    served.kill()


@contextlib.contextmanager
def silent(address: str, count: int, says: bytes) -> Iterator[list[socket.socket]]:
    host, _, port = address.rpartition(":")
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(count):
            made.append(stack.enter_context(socket.create_connection((host, int(port)))))
            with contextlib.suppress(OSError):  # it was refused
                made[-1].sendall(says)
        yield made


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files")
@pytest.mark.parametrize("says", [b"", PREFACE, PREFACE + SETTINGS])
def test_silent_connections_leave_who_is_connected_alone(scarce: Served, actors: Path, says: bytes) -> None:
    with scarce.client(patience_s=0) as client:
        client.info()
        with silent(scarce.address, LIMIT + 60, says) as made:
            for _ in range(20):
                client.info()
            clip = client.transfer.upload(actors / "rehearsal.mp4", local=False)
            ingest = job_pb2.IngestSpec(
                digest=clip, kind=job_pb2.INGEST_KIND_CLIP, display_name=f"{len(says)}.mp4"
            )
            job = client.jobs.wait(client.jobs.create(job_pb2.JobSpec(ingest=ingest)).job_id)
            assert job.attempts <= 1  # none, where the clip is known
            refused = [one for one in made if is_closed(one)]
            assert len(refused) >= LIMIT + 60 - connections_for(LIMIT)
            for one in made:  # and all of them go, without a word
                one.settimeout(60)
                while not is_closed(one, wait=True):
                    pass
        client.info()
    with scarce.client(patience_s=0) as another:
        another.info()
    assert "Traceback" not in scarce.log()


def is_closed(one: socket.socket, *, wait: bool = False) -> bool:
    """True once the other side has hung up."""
    if not wait:
        one.setblocking(False)
    try:
        while data := one.recv(4096):
            del data
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def test_pings_that_come_in_bunches_end_no_connection(served: Served) -> None:
    """As they do to an engine that was kept from its work, during a call of minutes."""
    host, _, port = served.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as one:
        one.sendall(PREFACE + SETTINGS)
        said = b""
        for number in range(10):
            one.sendall(PING + bytes([number] * 8))
            while PING_IS_ANSWERED + bytes([number] * 8) not in said:
                more = one.recv(4096)
                assert more, said
                said += more


@pytest.mark.parametrize("service", ["recaster.v1.JobService/GetJob", "recaster.v1.BlobService/WriteUpload"])
def test_who_has_no_token_is_refused_before_saying_a_word(served: Served, service: str) -> None:
    with grpc.insecure_channel(served.address) as channel:
        call = channel.stream_unary(f"/{service}")
        wait = threading.Event()

        def nothing() -> Iterator[bytes]:
            wait.wait()
            yield b""

        try:
            with pytest.raises(grpc.RpcError, match="token is missing or wrong") as caught:
                call(nothing(), timeout=60)
        finally:
            wait.set()
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files")
def test_an_engine_opens_as_many_files_as_it_may_and_a_worker_as_usual() -> None:
    body = (
        "import resource\nfrom recaster.jobs.limits import lower_descriptor_limit, raise_descriptor_limit\n"
        "get = lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2000))\n"
        "print(raise_descriptor_limit(), get())\nlower_descriptor_limit()\nprint(get())"
    )
    run = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["2000", "2000", "1024"]


@pytest.mark.parametrize("limit", [64, 256, 1024, 20_000])
def test_connections_never_take_all_descriptors(limit: int) -> None:
    assert 16 <= connections_for(limit) <= limit * 3 // 4


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files")
def test_a_job_waits_while_no_worker_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    store = Store.open(DataFolder(tmp_path / "data"))
    spec = job_pb2.JobSpec(export=job_pb2.ExportSpec(faceset_id="0" * 12))
    job, _ = store.jobs.create(spec, job_pb2.JOB_KIND_EXPORT, "", {})

    troubled = asyncio.Event()

    class Watched(Supervisor):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "trouble" and value:
                troubled.set()

    async def work() -> None:
        supervisor = Watched(store)
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", none_left)
            with pytest.raises(LockedError, match="too many files"):
                check_descriptors()
            running = asyncio.create_task(supervisor.run())
            await troubled.wait()
        await supervisor.close()
        await running
        assert "too many files" in supervisor.trouble

    asyncio.run(work())
    waiting = store.jobs.get(job.job_id)
    store.close()
    assert (waiting.state, waiting.attempts) == (job_pb2.JOB_STATE_QUEUED, 0)
