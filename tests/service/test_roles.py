"""Several clients of one engine: roles, names, what is whose, and limits of each."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import pkgutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest

import recaster.api.v1
from recaster.api.v1 import (
    blob_pb2,
    blob_pb2_grpc,
    clip_pb2,
    faceset_pb2,
    identity_pb2,
    job_pb2,
    job_pb2_grpc,
)
from recaster.client import Address, Client, TokenError
from recaster.client.errors import BusyError, MissingError, RoleError
from recaster.files import user_name
from recaster.provenance.caller import caller
from recaster.service.auth import TokenInterceptor
from recaster.service.roles import MIN_ROLES, min_role
from recaster.store.database import Database
from recaster.store.folder import DataFolder
from recaster.store.job_store import JobStore
from recaster.store.store import Store
from recaster.store.tokens import Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from serving import Served


def methods() -> list[Any]:
    """Every method of the interface, as its descriptor."""
    found = []
    for module in pkgutil.iter_modules(recaster.api.v1.__path__):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(f"recaster.api.v1.{module.name}").DESCRIPTOR
            found += [one for service in file.services_by_name.values() for one in service.methods]
    return found


@pytest.mark.parametrize("method", methods(), ids=lambda one: one.full_name)
def test_every_method_has_a_role(method: Any) -> None:
    name = f"{method.containing_service.name}/{method.name}"
    assert name in MIN_ROLES, "say in service/roles.py who may call it"
    assert min_role(f"/recaster.v1.{name}") is MIN_ROLES[name]


def test_a_method_that_nobody_thought_of_is_for_operators() -> None:
    assert min_role("/recaster.v1.JobService/EndTheWorld") is Role.OPERATOR
    assert min_role("/other.v1.JobService/GetJob") is Role.OPERATOR


def test_what_changes_something_is_not_for_viewers() -> None:
    reading = ("Get", "List", "Watch", "Read", "Verify")
    viewed = {name.rpartition("/")[2] for name, role in MIN_ROLES.items() if role is Role.VIEWER}
    assert all(name.startswith(reading) for name in viewed)


@dataclass
class Studio:
    """An engine, and a way to its clients."""

    served: Served
    clients: dict[str, Client]

    def tokens(self, *arguments: str) -> str:
        command = [
            sys.executable,
            "-m",
            "recaster.cli.main",
            "tokens",
            *arguments,
            "--data",
            self.served.data,
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def client(self, name: str, role: str, *options: str) -> Client:
        if name not in self.clients:
            token = self.tokens("add", name, "--role", role, *options)
            self.clients[name] = Client(Address(self.served.address, token), patience_s=5)
        return self.clients[name]


@pytest.fixture(scope="module")
def studio(serve: Callable[..., Served]) -> Iterator[Studio]:
    made = Studio(serve(), {})
    made.clients["owner"] = made.served.client(patience_s=5)
    yield made
    for client in made.clients.values():
        client.close()


@pytest.fixture
def viewer(studio: Studio) -> Client:
    return studio.client("vera", "viewer")


@pytest.fixture
def editor(studio: Studio) -> Client:
    return studio.client("emil", "editor")


@pytest.fixture
def other(studio: Studio) -> Client:
    return studio.client("edda", "editor")


@pytest.fixture
def officer(studio: Studio) -> Client:
    return studio.client("otto", "consent-officer")


@pytest.fixture
def owner(studio: Studio) -> Client:
    return studio.clients["owner"]


def blobs(client: Client) -> Any:
    return blob_pb2_grpc.BlobServiceStub(client.connection.channel)


def rests(studio: Studio, client: str) -> str:
    """The id of a job of a client that stays where it is."""
    database = Database(studio.served.data / "store.sqlite")
    jobs = JobStore(database)
    with database.transaction():
        spec = job_pb2.JobSpec(export=job_pb2.ExportSpec(model_id="a" * 12))
        job, _ = jobs.create(spec, job_pb2.JOB_KIND_EXPORT, "", {}, client)
        jobs.set_desired_state(job.job_id, "pause")
        with jobs.changing(job.job_id) as kept:
            kept.state = job_pb2.JOB_STATE_PAUSED
    database.close()
    return job.job_id


def ingest(client: Client, path: Path, content: bytes, kind: int = job_pb2.INGEST_KIND_CLIP) -> job_pb2.Job:
    """A job that takes something in, and will fail."""
    path.write_bytes(content)
    digest = client.transfer.upload(path, local=False)
    spec = job_pb2.IngestSpec(digest=digest, kind=kind, display_name="x.mp4")
    return client.jobs.create(job_pb2.JobSpec(ingest=spec))


def add(client: Client, name: str, *, stated: bool) -> identity_pb2.Identity:
    request = identity_pb2.CreateIdentityRequest(display_name=name)
    if stated:
        request.attestation.basis = identity_pb2.BASIS_SYNTHETIC
    return client.connection.call(client.identities.CreateIdentity, request)


def test_the_engine_says_who_asks(viewer: Client, owner: Client) -> None:
    assert (viewer.info().client_name, viewer.info().role) == ("vera", "viewer")
    assert (owner.info().client_name, owner.info().role) == (user_name(), "operator")


def test_only_operators_drain(officer: Client) -> None:
    for ask in (officer.drain, officer.undrain):
        with pytest.raises(RoleError, match="needs the role operator"):
            ask()


def test_a_viewer_changes_nothing(viewer: Client, tmp_path: Path) -> None:
    assert list(viewer.jobs.listed()) is not None
    with pytest.raises(RoleError, match="needs the role editor; vera has the role viewer") as caught:
        viewer.jobs.cancel("0" * 12)
    assert caught.value.code is grpc.StatusCode.PERMISSION_DENIED
    assert caught.value.reason == "ROLE"
    (tmp_path / "a").write_bytes(b"a")
    with pytest.raises(RoleError):
        viewer.transfer.upload(tmp_path / "a", local=False)


def test_jobs_carry_their_clients_name_and_are_ended_by_them_alone(
    editor: Client, other: Client, owner: Client, tmp_path: Path
) -> None:
    job = editor.jobs.get(ingest(editor, tmp_path / "a", b"no clip at all").job_id)
    assert job.created_by == "emil"
    assert other.jobs.get(job.job_id).created_by == "emil"
    for event in other.jobs.watch(job.job_id):
        assert not event.HasField("job") or event.job.created_by == "emil"
    for ending in (other.jobs.cancel, other.jobs.pause, other.jobs.resume, other.jobs.delete):
        with pytest.raises(RoleError, match="that is emil's needs the role operator"):
            ending(job.job_id)
    editor.jobs.delete(job.job_id)
    again = ingest(editor, tmp_path / "b", b"no clip either")
    list(owner.jobs.watch(again.job_id))
    owner.jobs.delete(again.job_id)


def test_rights_are_for_consent_officers(studio: Studio, editor: Client, officer: Client) -> None:
    with pytest.raises(RoleError, match="needs the role consent-officer"):
        add(editor, "Anna", stated=True)
    anna = add(officer, "Anna", stated=True)
    revoke = identity_pb2.RevokeIdentityRequest(identity_id=anna.identity_id)
    with pytest.raises(RoleError):
        editor.connection.call(editor.identities.RevokeIdentity, revoke)
    officer.connection.call(officer.identities.RevokeIdentity, revoke)
    attest = identity_pb2.AttestIdentityRequest(identity_id=anna.identity_id)
    attest.attestation.basis = identity_pb2.BASIS_SYNTHETIC
    with pytest.raises(RoleError):
        editor.connection.call(editor.identities.AttestIdentity, attest)
    assign = identity_pb2.AssignIdentityRequest(identity_id=anna.identity_id, faceset_id="0" * 12)
    with pytest.raises(RoleError):
        editor.connection.call(editor.identities.AssignIdentity, assign)
    for work in (
        {"ingest": job_pb2.IngestSpec(digest="0" * 64, kind=2, identity_id=anna.identity_id)},
        {"extract": job_pb2.ExtractSpec(inputs=[{"clip_id": "0" * 12}], identity_id=anna.identity_id)},
        {"export": job_pb2.ExportSpec(faceset_id="0" * 12)},
    ):
        with pytest.raises(RoleError, match="consent-officer"):
            editor.jobs.create(job_pb2.JobSpec(**work))
    log = [json.loads(line) for line in (studio.served.data / "audit.jsonl").read_text().splitlines()]
    by = {(one["event"], one["details"]["by"]) for one in log}
    assert {("identity.add", "otto"), ("identity.revoke", "otto")} <= by


def test_an_editor_states_a_right_where_the_policy_says_so_and_lifts_no_revocation(
    studio: Studio, editor: Client, officer: Client
) -> None:
    policy = studio.served.data / "policy.toml"
    policy.write_text("[consent]\neditors_attest = true\n")
    try:
        bert = add(editor, "Bert", stated=True)
        revoke = identity_pb2.RevokeIdentityRequest(identity_id=bert.identity_id)
        officer.connection.call(officer.identities.RevokeIdentity, revoke)
        attest = identity_pb2.AttestIdentityRequest(identity_id=bert.identity_id)
        attest.attestation.basis = identity_pb2.BASIS_SYNTHETIC
        with pytest.raises(RoleError):
            editor.connection.call(editor.identities.AttestIdentity, attest)
    finally:
        policy.unlink()


def test_packed_faces_leave_by_consent_officers_alone(
    editor: Client, officer: Client, viewer: Client, tmp_path: Path
) -> None:
    job = ingest(editor, tmp_path / "zip", b"a faceset, say", job_pb2.INGEST_KIND_FACESET)
    digest = job.spec.ingest.digest
    for client in (viewer, editor):
        with pytest.raises(RoleError, match="consent-officer"):
            client.transfer.read(digest)
    assert officer.transfer.read(digest) == b"a faceset, say"


def test_a_viewer_reads_no_uploads(editor: Client, viewer: Client, tmp_path: Path) -> None:
    (tmp_path / "letter").write_bytes(b"a letter")
    digest = editor.transfer.upload(tmp_path / "letter", local=False)
    with pytest.raises(RoleError, match="editor"):
        viewer.transfer.read(digest)
    assert editor.transfer.read(digest) == b"a letter"


def test_what_another_brought_is_deleted_by_them_alone(
    packed_faces: Path, actors: Path, editor: Client, other: Client, owner: Client
) -> None:
    faces = editor.take_faceset(packed_faces)
    assert editor.faceset(faces).created_by == "emil"
    drop = faceset_pb2.DropFacesRequest(faceset_id=faces, face_ids=["1"])
    delete = faceset_pb2.DeleteFacesetRequest(faceset_id=faces)
    for method, request in ((other.facesets.DropFaces, drop), (other.facesets.DeleteFaceset, delete)):
        with pytest.raises(RoleError, match="that is emil's"):
            other.connection.call(method, request)
    extract = job_pb2.ExtractSpec(inputs=[{"clip_id": "0" * 12}], faceset_id=faces)
    with pytest.raises(RoleError, match="changing a faceset that is emil's"):
        other.jobs.create(job_pb2.JobSpec(extract=extract))
    clip = editor.take_clip(actors / "performer.mp4")
    with pytest.raises(RoleError, match="deleting a clip"):
        other.connection.call(other.clips.DeleteClip, clip_pb2.DeleteClipRequest(clip_id=clip))
    editor.connection.call(editor.clips.DeleteClip, clip_pb2.DeleteClipRequest(clip_id=clip))
    owner.connection.call(owner.facesets.DeleteFaceset, delete)


def test_an_upload_is_given_up_by_who_began_it(editor: Client, other: Client) -> None:
    digest = "1" * 64
    start = blob_pb2.StartUploadRequest(digest=digest, size=10)
    editor.connection.call(blobs(editor).StartUpload, start)
    cancel = blob_pb2.CancelUploadRequest(digest=digest)
    with pytest.raises(RoleError):
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
    with pytest.raises(grpc.RpcError) as caught:
        write(other, b"x", 5)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(RoleError, match="another client's upload"):
        other.connection.call(blobs(other).GetUpload, blob_pb2.GetUploadRequest(digest=digest))
    # Who sends the same begins another, and what they send spoils nobody else's.
    assert other.connection.call(blobs(other).StartUpload, start).committed == 0
    with pytest.raises(grpc.RpcError) as caught:
        write(other, b"x" * len(content))
    assert caught.value.code() is grpc.StatusCode.DATA_LOSS
    other.connection.call(blobs(other).StartUpload, start)
    other.connection.call(blobs(other).CancelUpload, blob_pb2.CancelUploadRequest(digest=digest))
    assert write(owner, content[5:9], 5).committed == 9  # an operator may go on with anybody's
    assert write(editor, content[9:], 9).complete
    assert editor.transfer.read(digest) == content


def test_a_client_keeps_as_much_as_it_may(studio: Studio) -> None:
    small = studio.client("quentin", "editor", "--quota-gib", "0.001")
    call, stub = small.connection.call, blobs(small)
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
        with pytest.raises(MissingError):  # the engine's own token has no limits
            owner.jobs.create(spec)
        again = studio.client("paul", "operator").info  # an engine that starts with such a policy notes it
        studio.served.stop()
        studio.served.start()
        assert again().client_name == "paul"
    finally:
        rules.unlink()
    with pytest.raises(MissingError):
        studio.client("paul", "operator").jobs.create(spec)


def test_revoked_means_now_also_for_calls_that_last(studio: Studio, owner: Client) -> None:
    client = studio.client("rita", "editor")
    metadata, over = client.connection.metadata, threading.Event()
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
    with pytest.raises(grpc.RpcError):
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
    door = TokenInterceptor("x" * 43, store, lambda reason, peer: refused.append((reason, peer)))

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
            with pytest.raises(grpc.aio.AioRpcError) as caught:
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
