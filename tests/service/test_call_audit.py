"""The audit log holds everything that a face can leave by, and every change, with who asked."""

from __future__ import annotations

import asyncio
import importlib
import logging
import pkgutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from every_call import make_every_call
from serving import wait_for

import recaster.api.v1
from recaster.api.v1 import (
    blob_pb2,
    blob_pb2_grpc,
    job_pb2,
)
from recaster.client import Address, Client, TokenError
from recaster.client.errors import MissingError, RefusedError, RoleError
from recaster.errors import LockedError
from recaster.files import user_name
from recaster.jobs.job_resources import KINDS
from recaster.locks import lock
from recaster.provenance.audit_log import AuditLog
from recaster.provenance.caller import acting_for
from recaster.service.call_audit import MAX_STRANGERS, CallAudit, named_in
from recaster.service.rpc_errors import Code, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from serving import Served

    from recaster.provenance.audit_log import Record

WRITES = {
    "BlobService/ReadBlob": {"blob.read"},
    "ClipService/CorrectTracks": {"clip.show"},
    "ClipService/DeleteClip": {"clip.delete"},
    "ClipService/FindPeople": {"clip.show"},
    "ClipService/GetThumbnail": {"clip.show"},
    "ClipService/ListTracks": {"clip.show"},
    "FacesetService/DeleteFaceset": {"faceset.delete"},
    "FacesetService/DropFaces": {"faceset.change"},
    "FacesetService/ListFaces": {"faceset.show"},
    "IdentityService/AssignIdentity": {"identity.assign"},
    "IdentityService/AttestIdentity": {"identity.attest"},
    "IdentityService/CreateIdentity": {"identity.add"},
    "IdentityService/DeleteIdentity": {"identity.delete"},
    "IdentityService/RevokeIdentity": {"identity.revoke"},
    "JobService/CancelJob": {"job.cancel"},
    "JobService/CreateJob": {"job.create"}
    | {f"{kind}.{end}" for kind in KINDS for end in ("start", "deliver")},
    "JobService/DeleteJob": {"job.delete"},
    "JobService/PauseJob": {"job.pause"},
    "JobService/ResumeJob": {"job.resume"},
    "ModelService/DeleteModel": {"model.delete"},
    "ModelService/GetModelPreview": {"model.show"},
    "ServerService/DrainServer": {"server.drain"},
    "ServerService/UndrainServer": {"server.undrain"},
    "SwapService/PreviewFrame": {"swap.preview", "preview.deliver"},
}
"""What each method leaves in the audit log."""
_NAMES = "names and numbers, no picture"
_BROUGHT = "what a client brings is in the log as soon as a job or a right names it; else it is swept away"
SILENT = {
    "BlobService/CancelUpload": _BROUGHT,
    "BlobService/FindMissingBlobs": _NAMES,
    "BlobService/GetUpload": _NAMES,
    "BlobService/OpenDrop": _BROUGHT,
    "BlobService/StartUpload": _BROUGHT,
    "BlobService/TakeDrop": _BROUGHT,
    "BlobService/TakeFile": _BROUGHT,
    "BlobService/WriteUpload": _BROUGHT,
    "ClipService/GetClip": _NAMES,
    "ClipService/ListClips": _NAMES,
    "FacesetService/GetFaceset": _NAMES,
    "FacesetService/ListFacesets": _NAMES,
    "IdentityService/GetIdentity": _NAMES,
    "IdentityService/ListIdentities": _NAMES,
    "JobService/GetJob": _NAMES,
    "JobService/ListJobs": _NAMES,
    "JobService/MoveJob": "the order of a client's own jobs",
    "JobService/WatchJob": "previews are named by digest; reading them is ReadBlob",
    "ModelService/GetLossCurves": _NAMES,
    "ModelService/GetModel": _NAMES,
    "ModelService/ListModels": _NAMES,
    "ProvenanceService/VerifyFile": _NAMES,
    "ServerService/GetServerInfo": _NAMES,
}
"""Methods by which no face leaves and nothing changes, and why."""


def methods() -> set[str]:
    """Every method of the interface."""
    found = set()
    for module in pkgutil.iter_modules(recaster.api.v1.__path__):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(f"recaster.api.v1.{module.name}").DESCRIPTOR
            for service in file.services_by_name.values():
                found |= {f"{service.name}/{one.name}" for one in service.methods}
    return found


def records(served: Served) -> list[Record]:
    log = AuditLog(served.data / "audit.jsonl")
    log.verify()
    return list(log.records())


def client_of(served: Served, name: str, role: str) -> Client:
    command = [sys.executable, "-m", "recaster.cli.main", "tokens", "add", name, "--role", role, "--data"]
    made = subprocess.run([*command, served.data], check=True, capture_output=True, text=True)
    return Client(Address(served.address, made.stdout.strip()), patience_s=5)


@pytest.fixture(scope="module")
def own(serve: Callable[..., Served]) -> Served:
    return serve()


@pytest.fixture(scope="module")
def nora(own: Served) -> Iterator[Client]:
    with client_of(own, "nora", "operator") as client:
        yield client


def test_every_method_is_in_the_log_or_need_not_be() -> None:
    assert not WRITES.keys() & SILENT.keys()
    assert WRITES.keys() | SILENT.keys() == methods(), (
        "say here what the audit log says of it, or why nothing"
    )


def test_every_call_by_which_a_face_leaves_or_something_changes(
    own: Served, nora: Client, actors: Path, packed_faces: Path, tmp_path: Path
) -> None:
    covered = set()
    seen = len(records(own))
    for method in make_every_call(nora, actors, packed_faces, tmp_path):
        fresh = records(own)[seen:]
        seen += len(fresh)
        assert {one.event for one in fresh if one.details["by"] == "nora"} >= WRITES[method], method
        assert {one.details["by"] for one in fresh} <= {"nora"}, method
        covered.add(method)
    assert covered == WRITES.keys()
    said = {one.event: one.details for one in records(own)}
    assert said["identity.revoke"]["reason"] == "enough"
    [taken] = [
        one.details for one in records(own) if one.event == "ingest.deliver" and "faceset" in one.details
    ]
    assert said["swap.start"]["faces"] == said["swap.deliver"]["faces"] == taken["faces"]
    assert said["train.deliver"]["faces"]
    assert said["swap.start"]["clips"]
    assert said["export.deliver"]["made"] == [said["blob.read"]["digest"]]


def test_a_download_in_pieces_is_one_record(own: Served, nora: Client, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a face, say")
    digest = nora.transfer.upload(tmp_path / "a", local=False)
    stub = blob_pb2_grpc.BlobServiceStub(nora.connection.channel)
    with client_of(own, "emil", "editor") as emil:
        for client in (nora, emil):
            for offset in range(5):
                request = blob_pb2.ReadBlobRequest(digest=digest, offset=offset, limit=1)
                assert list(stub.ReadBlob(request, metadata=client.connection.metadata))
    read = [one.details for one in records(own) if one.details.get("digest") == digest]
    assert [one["by"] for one in read] == ["nora", "emil"]


def test_refused_calls_are_in_the_log(serve: Callable[..., Served]) -> None:
    own = serve()
    owner = own.client(patience_s=5)
    person = owner.state_basis("her", "synthetic").identity_id
    with client_of(own, "vera", "viewer") as vera, owner:
        for _ in range(4):
            with pytest.raises(RoleError, match="needs the role editor"):
                vera.jobs.cancel("a" * 12)
        with pytest.raises(RoleError, match="needs the role consent-officer"):
            vera.revoke(person)
        with pytest.raises(MissingError, match="there is no job"):  # nothing that anybody is kept from
            vera.jobs.get("a" * 12)
        with Client(Address(own.address, "x" * 43), patience_s=5) as stranger:
            for _ in range(4):
                with pytest.raises(TokenError, match="token is missing or wrong"):
                    stranger.info()
    assert own.stop() == 0  # all that is written in the background is written then
    refused = [one.details for one in records(own) if one.event == "call.refuse"]
    assert [(one["by"], one["method"], one["reason"], one["calls"]) for one in refused] == [
        ("vera", "JobService/CancelJob", "ROLE", 1),
        ("vera", "IdentityService/RevokeIdentity", "ROLE", 1),
        ("vera", "JobService/CancelJob", "ROLE", 3),
    ]
    unknown = [one.details for one in records(own) if one.event == "token.refuse"]
    assert [(one["by"], one["reason"], one["calls"]) for one in unknown] == [
        ("", "TOKEN_WRONG", 1),
        ("", "TOKEN_WRONG", 3),
    ]
    assert all(one["peer"] for one in unknown)


def test_a_face_that_may_not_be_used_is_in_the_log(
    serve: Callable[..., Served], packed_faces: Path, actors: Path
) -> None:
    own = serve()
    with own.client(patience_s=5) as client:
        faces = client.take_faceset(packed_faces)
        clip = client.take_clip(actors / "performer.mp4")
        person = client.state_basis("her", "synthetic").identity_id
        client.assign(person, faceset_id=faces)
        spec = job_pb2.JobSpec(swap={"clip_id": clip, "faceset_id": faces, "options": {"range": "0-4"}})
        waiting = client.jobs.create(job_pb2.JobSpec(train={"source_faceset_id": faces})).job_id
        client.revoke(person)
        with pytest.raises(RefusedError, match="revoked"):
            client.jobs.create(spec)
        assert wait_for(client, waiting, job_pb2.JOB_STATE_BLOCKED).state == job_pb2.JOB_STATE_BLOCKED
    assert own.stop() == 0
    [refused] = [one.details for one in records(own) if one.event == "call.refuse"]
    assert sorted(refused["named"]) == sorted([faces, clip])
    assert (refused["method"], refused["reason"]) == ("JobService/CreateJob", "CONSENT_REVOKED")
    [kept] = [one.details for one in records(own) if one.event == "job.refuse"]
    assert (kept["job"], kept["reason"]) == (waiting, "CONSENT_REVOKED")


def test_a_start_says_the_rules_and_whether_they_are_others(serve: Callable[..., Served]) -> None:
    own = serve()
    assert own.stop() == 0
    own.start()
    assert own.stop() == 0
    (own.data / "policy.toml").write_text("[label]\nrequired = true\n")
    own.start()
    told = records(own)
    assert [one.event for one in told] == ["engine.start", "engine.start", "engine.start", "policy.change"]
    first, second, third, change = (one.details for one in told)
    assert first["by"] == user_name()
    assert first["policy"] == second["policy"] != third["policy"]
    assert (change["before"], change["after"]) == (first["policy"], third["policy"])
    assert third["rules"] == first["rules"] | {"label_required": True}


def test_one_look_of_a_client_is_one_record(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")

    async def look() -> None:
        kept = CallAudit(log)
        for client in ("anna", "ben", "anna"):
            with acting_for(client):
                await asyncio.gather(*(kept.note_shown("faceset.show", faceset="a" * 12) for _ in range(20)))
        await kept.note_shown("faceset.show", faceset="b" * 12)

    asyncio.run(look())
    assert [(one.details["by"], one.details["faceset"]) for one in log.records()] == [
        ("anna", "a" * 12),
        ("ben", "a" * 12),
        (user_name(), "b" * 12),
    ]


def test_nothing_is_shown_that_can_t_be_noted(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")

    async def look() -> None:
        kept = CallAudit(log)
        with (
            lock(tmp_path / "audit.lock"),
            pytest.raises(LockedError, match="another process holds this lock"),
        ):
            await kept.note_shown("faceset.show", faceset="a" * 12)
        await kept.note_shown("faceset.show", faceset="a" * 12)

    asyncio.run(look())
    assert log.verify().number == 1


def test_no_flood_fills_the_log(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    wrong = RpcError(Code.UNAUTHENTICATED, "TOKEN_WRONG", "wrong")

    async def flood() -> None:
        kept = CallAudit(log)
        for _ in range(2):
            for number in range(3000):
                kept.note_refused(
                    wrong, "JobService/GetJob", "", f"ipv4:10.0.{number // 250}.{number % 250}:5", None
                )
        await kept.write_counts()
        await kept.write_counts()  # nothing came since

    asyncio.run(flood())
    told = list(log.records())
    assert len(told) <= 2 * (MAX_STRANGERS + 1)
    assert sum(one.details["calls"] for one in told) == 6000
    assert any(one.details["peer"] == "others" for one in told)


def test_refused_calls_are_told_of_once_a_minute(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wrong = RpcError(Code.UNAUTHENTICATED, "TOKEN_WRONG", "wrong")

    def told() -> list[tuple[str, int]]:
        lines = [(one.peer, one.calls) for one in caplog.records]  # type: ignore[attr-defined]
        caplog.clear()
        return lines

    async def refuse() -> None:
        kept = CallAudit(AuditLog(tmp_path / "audit.jsonl"))
        for port in range(200):
            kept.note_refused(wrong, "JobService/GetJob", "", f"ipv4:10.0.0.1:{port}", None)
        kept.note_refused(wrong, "JobService/GetJob", "", "ipv4:10.0.0.2:1", None)
        await kept.write_counts()
        assert told() == [("ipv4:10.0.0.1", 1), ("ipv4:10.0.0.2", 1), ("ipv4:10.0.0.1", 199)]
        for number in range(3, 3 + MAX_STRANGERS + 3):
            kept.note_refused(wrong, "JobService/GetJob", "", f"ipv4:10.0.0.{number}:1", None)
        await kept.write_counts()
        assert [number for peer, number in told() if peer == "others"] == [1, 3]
        assert kept.refused == {"TOKEN_WRONG": 201 + MAX_STRANGERS + 3}

    with caplog.at_level(logging.WARNING, "recaster.service"):
        asyncio.run(refuse())


def test_what_a_request_names() -> None:
    spec = job_pb2.JobSpec(sign={"digest": "a" * 64, "display_name": "b" * 12, "swaps": ["c" * 64]})
    request = job_pb2.CreateJobRequest(spec=spec, request_id="d" * 12)
    assert {"a" * 64, "c" * 64} <= set(named_in(request))
    assert "d" * 12 not in named_in(request)
