"""Several clients of one engine: whose uploads are whose, limits of each, and tokens that end."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from typing import TYPE_CHECKING

import grpc
import pytest
from studio import Studio, blobs, rests

from recaster.api.v1 import (
    blob_pb2,
    job_pb2,
    job_pb2_grpc,
)
from recaster.client import Client, TokenError
from recaster.client.errors import BusyError, MissingError, RoleError
from recaster.provenance.caller import caller
from recaster.service.auth import TokenInterceptor
from recaster.store.folder import DataFolder
from recaster.store.store import Store
from recaster.store.tokens import Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


def test_an_upload_is_given_up_by_who_began_it(editor: Client, other: Client) -> None:
    digest = "1" * 64
    start = blob_pb2.StartUploadRequest(digest=digest, size=10)
    editor.connection.call(blobs(editor).StartUpload, start)
    cancel = blob_pb2.CancelUploadRequest(digest=digest)
    with pytest.raises(RoleError, match="giving up another client's upload"):
        other.connection.call(blobs(other).CancelUpload, cancel)
    editor.connection.call(blobs(editor).CancelUpload, cancel)


def test_an_upload_is_written_to_by_who_began_it(editor: Client, other: Client, owner: Client) -> None:
    content = b"a face, say, and more of it"
    digest = hashlib.sha256(content).hexdigest()

    def write(client: Client, data: bytes, offset: int = 0) -> blob_pb2.Upload:
        piece = blob_pb2.WriteUploadRequest(digest=digest, data=data, offset=offset)
        return blobs(client).WriteUpload(iter([piece]), metadata=client.connection.metadata)

    start = blob_pb2.StartUploadRequest(digest=digest, size=len(content))
    editor.connection.call(blobs(editor).StartUpload, start)
    assert write(editor, content[:5]).committed == 5
    with pytest.raises(grpc.RpcError, match="another client's upload") as caught:
        write(other, b"x", 5)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(RoleError, match="another client's upload"):
        other.connection.call(blobs(other).GetUpload, blob_pb2.GetUploadRequest(digest=digest))
    # Who sends the same begins another, and what they send spoils nobody else's.
    assert other.connection.call(blobs(other).StartUpload, start).committed == 0
    with pytest.raises(grpc.RpcError, match="they were dropped") as caught:
        write(other, b"x" * len(content))
    assert caught.value.code() is grpc.StatusCode.DATA_LOSS
    other.connection.call(blobs(other).StartUpload, start)
    other.connection.call(blobs(other).CancelUpload, blob_pb2.CancelUploadRequest(digest=digest))
    assert write(owner, content[5:9], 5).committed == 9  # an operator may go on with anybody's
    assert write(editor, content[9:], 9).complete
    assert editor.transfer.read(digest) == content


def test_a_client_keeps_as_much_as_it_may(studio: Studio) -> None:
    small = studio.client("quentin", "editor", "--quota-gib", "0.001")
    call = small.connection.call
    stub = blobs(small)
    call(stub.StartUpload, blob_pb2.StartUploadRequest(digest="2" * 64, size=1_000_000))
    more = blob_pb2.StartUploadRequest(digest="3" * 64, size=100_000)
    with pytest.raises(BusyError, match="quentin keeps 1000000 bytes") as caught:
        call(stub.StartUpload, more)
    assert caught.value.reason == "QUOTA_EXCEEDED"
    call(stub.CancelUpload, blob_pb2.CancelUploadRequest(digest="2" * 64))
    call(stub.StartUpload, more)


def test_a_client_has_as_many_jobs_as_it_may(studio: Studio) -> None:
    rests(studio, "jana")
    spec = job_pb2.JobSpec(export=job_pb2.ExportSpec(model_id="a" * 12))
    jana = studio.client("jana", "operator", "--max-jobs", "1")
    with pytest.raises(BusyError, match="has 1 jobs here") as caught:
        jana.jobs.create(spec)
    assert caught.value.reason == "QUOTA_EXCEEDED"


def test_the_policy_limits_clients_whose_token_says_nothing(studio: Studio, owner: Client) -> None:
    rules = studio.served.data / "policy.toml"
    spec = job_pb2.JobSpec(export=job_pb2.ExportSpec(model_id="a" * 12))
    big = blob_pb2.StartUploadRequest(digest="5" * 64, size=3 << 30)
    try:
        rules.write_text('[clients]\nmax_jobs = 1\nquota_gib = 2\n[clients."farm 1"]\nmax_jobs = 500\n')
        for name, more, jobs in (("paul", (), 1), ("farm 1", (), 500), ("pia", ("--max-jobs", "7"), 7)):
            rests(studio, name)
            client = studio.client(name, "operator", *more)
            with pytest.raises(BusyError, match=f"{name} keeps .* may keep {2 << 30}"):
                client.connection.call(blobs(client).StartUpload, big)
            with pytest.raises(BusyError if jobs == 1 else MissingError, match=r"has 1 jobs here|no model"):
                client.jobs.create(spec)
        with pytest.raises(MissingError, match="there is no model"):  # the engine's own token has no limits
            owner.jobs.create(spec)
        again = studio.client("paul", "operator").info  # an engine that starts with such a policy notes it
        studio.served.stop()
        studio.served.start()
        assert again().client_name == "paul"
    finally:
        rules.unlink()
    with pytest.raises(MissingError, match="there is no model"):
        studio.client("paul", "operator").jobs.create(spec)


def test_revoked_means_now_also_for_calls_that_last(studio: Studio, owner: Client) -> None:
    client = studio.client("rita", "editor")
    metadata = client.connection.metadata
    over = threading.Event()
    start = blob_pb2.StartUploadRequest(digest="4" * 64, size=10)
    client.connection.call(blobs(client).StartUpload, start)

    def pieces() -> Iterator[blob_pb2.WriteUploadRequest]:
        yield blob_pb2.WriteUploadRequest(digest="4" * 64, data=b"a", offset=0)
        over.wait(60)

    upload = blobs(client).WriteUpload.future(pieces(), metadata=metadata, timeout=60)
    watch = job_pb2_grpc.JobServiceStub(client.connection.channel).WatchJob(
        job_pb2.WatchJobRequest(job_id=rests(studio, "rita")), metadata=metadata, timeout=60
    )
    assert next(watch).job.created_by == "rita"
    studio.tokens("revoke", "rita")
    with pytest.raises(grpc.RpcError, match="token of rita is revoked"):
        list(watch)
    assert watch.code() is grpc.StatusCode.UNAUTHENTICATED
    assert upload.exception().code() is grpc.StatusCode.UNAUTHENTICATED
    over.set()
    with pytest.raises(TokenError, match="token of rita is revoked") as caught:
        client.info()
    assert caught.value.reason == "TOKEN_REVOKED"
    assert owner.info().role == "operator"


def test_the_clients_name_reaches_every_kind_of_handler(tmp_path: Path) -> None:
    asyncio.run(_names(tmp_path))


async def _names(tmp_path: Path) -> None:
    store = Store.open(DataFolder(tmp_path / "data"))
    _, shown = store.tokens.add("otto", Role.OPERATOR)
    refused: list[tuple[str, str]] = []
    door = TokenInterceptor(
        "x" * 43, store, lambda error, _m, _c, peer, _r: refused.append((error.reason, peer))
    )

    async def one(_: bytes, __: object) -> bytes:
        return (await asyncio.to_thread(caller)).encode()

    async def many(_: bytes, __: object) -> AsyncIterator[bytes]:
        for _ in range(2):
            yield caller().encode()
            await asyncio.sleep(0)

    server = grpc.aio.server(interceptors=[door])
    handlers = {
        "One": grpc.unary_unary_rpc_method_handler(one),
        "Many": grpc.unary_stream_rpc_method_handler(many),
        "Taken": grpc.stream_unary_rpc_method_handler(one),
        "Both": grpc.stream_stream_rpc_method_handler(many),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Names", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    metadata = (("authorization", f"Bearer {shown}"),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert await channel.unary_unary("/test.Names/One")(b"", metadata=metadata) == b"otto"
        assert await channel.stream_unary("/test.Names/Taken")(iter([b""]), metadata=metadata) == b"otto"
        streamed = channel.unary_stream("/test.Names/Many")(b"", metadata=metadata)
        assert [one async for one in streamed] == [b"otto"] * 2
        streamed = channel.stream_stream("/test.Names/Both")(iter([b""]), metadata=metadata)
        assert [one async for one in streamed] == [b"otto"] * 2
        for wrong in ((), (("authorization", f"Bearer {shown[:-1]}"),), (("authorization", shown),)):
            with pytest.raises(grpc.aio.AioRpcError, match="token is missing or wrong") as caught:
                await channel.unary_unary("/test.Names/One")(b"", metadata=wrong)
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    await server.stop(0)
    store.close()
    assert [reason for reason, _ in refused] == ["TOKEN_WRONG"] * 3
    assert all(peer.startswith("ipv4:127.0.0.1:") for _, peer in refused)


def test_no_secret_in_the_log(studio: Studio) -> None:
    log = studio.served.log()
    for client in studio.clients.values():
        assert client.connection.address.token not in log
        assert client.connection.address.token[16:] not in log
