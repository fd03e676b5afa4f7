"""Several clients of one engine: roles, names, and what is whose."""

from __future__ import annotations

import importlib
import json
import pkgutil
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from serving import wait_for

import recaster.api.v1
from recaster.api.v1 import (
    clip_pb2,
    faceset_pb2,
    identity_pb2,
    job_pb2,
)
from recaster.client.errors import RoleError
from recaster.files import user_name
from recaster.service.permissions import MIN_ROLES, min_role
from recaster.store.tokens import Role

if TYPE_CHECKING:
    from pathlib import Path

    from studio import Studio

    from recaster.client import Client


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
    assert name in MIN_ROLES, "say in service/permissions.py who may call it"
    assert min_role(f"/recaster.v1.{name}") is MIN_ROLES[name]


def test_a_method_that_nobody_thought_of_is_for_operators() -> None:
    assert min_role("/recaster.v1.JobService/EndTheWorld") is Role.OPERATOR
    assert min_role("/other.v1.JobService/GetJob") is Role.OPERATOR


def test_what_changes_something_is_not_for_viewers() -> None:
    reading = ("Get", "List", "Watch", "Read", "Verify")
    viewed = {name.rpartition("/")[2] for name, role in MIN_ROLES.items() if role is Role.VIEWER}
    assert all(name.startswith(reading) for name in viewed)


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
    with pytest.raises(RoleError, match="needs the role editor"):
        viewer.transfer.upload(tmp_path / "a", local=False)


def test_jobs_carry_their_clients_name_and_are_ended_by_them_alone(
    editor: Client, other: Client, owner: Client, tmp_path: Path
) -> None:
    job = editor.jobs.get(ingest(editor, tmp_path / "a", b"no clip at all").job_id)
    assert job.created_by == "emil"
    assert other.jobs.get(job.job_id).created_by == "emil"
    for event in other.jobs.watch(job.job_id):
        assert not event.HasField("job") or event.job.created_by == "emil"
    for ending in (
        other.jobs.cancel,
        other.jobs.pause,
        other.jobs.resume,
        other.jobs.delete,
        other.jobs.move,
    ):
        with pytest.raises(RoleError, match="that is emil's needs the role operator"):
            ending(job.job_id)
    editor.jobs.delete(job.job_id)
    again = ingest(editor, tmp_path / "b", b"no clip either")
    wait_for(owner, again.job_id)
    owner.jobs.delete(again.job_id)


def test_rights_are_for_consent_officers(studio: Studio, editor: Client, officer: Client) -> None:
    with pytest.raises(RoleError, match="needs the role consent-officer"):
        add(editor, "Anna", stated=True)
    anna = add(officer, "Anna", stated=True)
    revoke = identity_pb2.RevokeIdentityRequest(identity_id=anna.identity_id)
    with pytest.raises(RoleError, match="needs the role consent-officer"):
        editor.connection.call(editor.identities.RevokeIdentity, revoke)
    officer.connection.call(officer.identities.RevokeIdentity, revoke)
    attest = identity_pb2.AttestIdentityRequest(identity_id=anna.identity_id)
    attest.attestation.basis = identity_pb2.BASIS_SYNTHETIC
    with pytest.raises(RoleError, match="needs the role consent-officer"):
        editor.connection.call(editor.identities.AttestIdentity, attest)
    assign = identity_pb2.AssignIdentityRequest(identity_id=anna.identity_id, faceset_id="0" * 12)
    with pytest.raises(RoleError, match="saying whose a face is"):
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
        with pytest.raises(RoleError, match="needs the role consent-officer"):
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
