"""Nothing is trained, swapped or previewed without a right to the face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from certificates import certificate

from recaster.api.v1 import identity_pb2, job_pb2, swap_pb2
from recaster.client.errors import JobFailedError, MissingError, RefusedError
from recaster.files import sha256
from recaster.provenance.audit_log import AuditLog
from recaster.provenance.inspection import inspect_file
from recaster.provenance.manifest import BASIS_ASSERTION, SWAP_ASSERTION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Material
    from serving import Served

SYNTHETIC = identity_pb2.Attestation(basis=identity_pb2.BASIS_SYNTHETIC, attested_by="Ben")


@pytest.fixture(scope="module")
def strict(serve: Callable[..., Served], prepare: Callable[[Served], Material]) -> Material:
    """An engine where every right has to be stated."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RECASTER_BASIS")
        return prepare(serve())


def events(material: Material) -> list[str]:
    log = AuditLog(material.served.data / "audit.jsonl")
    log.verify()
    return [one.event for one in log.records()]


def revoke(material: Material, identity: str) -> None:
    request = identity_pb2.RevokeIdentityRequest(identity_id=identity, reason="enough")
    material.client.connection.call(material.client.identities.RevokeIdentity, request)


def attest(material: Material, identity: str) -> None:
    request = identity_pb2.AttestIdentityRequest(identity_id=identity, attestation=SYNTHETIC)
    material.client.connection.call(material.client.identities.AttestIdentity, request)


def refused_without_a_basis(strict: Material, preview: swap_pb2.PreviewFrameRequest) -> None:
    client = strict.client
    for asked in (
        lambda: client.jobs.create(strict.swapping("0-9")),
        lambda: client.jobs.create(strict.training(4)),
        lambda: client.preview(preview),
    ):
        with pytest.raises(RefusedError, match="by what right") as caught:
            asked()
        assert caught.value.reason == "CONSENT_MISSING"
    assert not list(client.jobs.listed(kinds=[job_pb2.JOB_KIND_SWAP, job_pb2.JOB_KIND_TRAIN]))


def swapped_with_a_basis(strict: Material, out: Path) -> None:
    client = strict.client
    job = client.jobs.wait(client.jobs.create(strict.swapping("0-9")).job_id)
    [made] = job.result.artifacts
    client.transfer.download(made.digest, out)
    found = inspect_file(out, strict.served.data)
    assert found.local
    assert any("marked as a face swap" in line for line in job.result.summary)
    assert job.result.mark.startswith("marked as a face swap")
    manifest = found.manifests["manifests"][found.manifests["active_manifest"]]
    said = {one["label"]: one["data"] for one in manifest["assertions"]}
    assert said[BASIS_ASSERTION]["basis"] == "synthetic"
    assert said[SWAP_ASSERTION]["clip"] == client.clip(strict.clip).digest
    log = AuditLog(strict.served.data / "audit.jsonl")
    assert log.verify(said[SWAP_ASSERTION]["audit"])  # the log still holds what the manifest names


def training_stops_and_goes_on(strict: Material, person: str) -> None:
    """A training that runs when the right is taken back stops, and goes on when there is one again."""
    client = strict.client
    training = client.jobs.create(strict.training(100_000)).job_id
    strict.until(training, job_pb2.JOB_STATE_RUNNING, done=3)
    revoke(strict, person)
    blocked = strict.until(training, job_pb2.JOB_STATE_BLOCKED)
    assert blocked.error.reason == "CONSENT_REVOKED"
    assert blocked.error.exit_code == 9
    model = client.model(training)  # what it learnt is kept, and is hers
    assert model.identity_id == person
    with pytest.raises(RefusedError, match="revoked") as caught:
        client.jobs.create(strict.swapping("0-9"))
    assert caught.value.reason == "CONSENT_REVOKED"
    with pytest.raises(RefusedError, match="revoked"):
        client.preview(swap_pb2.PreviewFrameRequest(clip_id=strict.clip, model_id=training, frame=3))
    attest(strict, person)
    strict.until(training, job_pb2.JOB_STATE_RUNNING)
    client.jobs.cancel(training)
    strict.until(training, job_pb2.JOB_STATE_CANCELLED)


def test_from_nobody_s_face_to_a_revoked_one(strict: Material, tmp_path: Path) -> None:
    client = strict.client
    preview = swap_pb2.PreviewFrameRequest(clip_id=strict.clip, faceset_id=strict.faceset, frame=3)
    preview.options.range = "0-9"
    refused_without_a_basis(strict, preview)
    person = client.state_basis("her", "synthetic").identity_id
    client.assign(person, faceset_id=strict.faceset)
    swapped_with_a_basis(strict, tmp_path / "out.mp4")
    (tmp_path / "preview.png").write_bytes(client.preview(preview).png)
    assert inspect_file(tmp_path / "preview.png", strict.served.data).swap
    training_stops_and_goes_on(strict, person)

    told = events(strict)
    assert [one for one in told if one.startswith("identity")][:2] == ["identity.add", "identity.assign"]
    assert [one for one in told if one.startswith("identity")][2:] == ["identity.revoke", "identity.attest"]
    assert told.count("train.start") == 2
    assert {"swap.start", "swap.deliver", "swap.preview"} <= set(told)
    log = strict.served.data / "audit.jsonl"
    assert "her" not in log.read_text().replace("other", "")


def test_an_edit_is_signed(strict: Material, actors: Path, tmp_path: Path) -> None:
    client = strict.client
    swap = strict.swapping("20-25")
    if not client.faceset(strict.faceset).identity_id:
        client.assign(client.state_basis("her", "synthetic").identity_id, faceset_id=strict.faceset)
    made = client.jobs.wait(client.jobs.create(swap).job_id).result.artifacts[0].digest
    export = client.transfer.upload(actors / "neighbour.mp4")
    spec = job_pb2.SignSpec(digest=export, display_name="edit.mp4", swaps=[made])
    job = client.jobs.wait(client.jobs.create(job_pb2.JobSpec(sign=spec)).job_id)
    assert "1 swap in it" in job.result.summary[0]
    client.transfer.download(job.result.artifacts[0].digest, tmp_path / "edit.mp4")
    assert "an edit with 1 face swap" in inspect_file(tmp_path / "edit.mp4", strict.served.data).line
    assert job.result.artifacts[0].digest == sha256(tmp_path / "edit.mp4")
    records = AuditLog(strict.served.data / "audit.jsonl").records()
    last = [one for one in records if one.event == "sign.deliver"][-1]
    assert (last.details["swaps"], last.details["made"]) == ([made], [job.result.artifacts[0].digest])
    person = client.faceset(strict.faceset).identity_id
    assert last.details["identities"] == [person]
    spec.swaps[:] = [made, export]  # not made here
    with pytest.raises(RefusedError, match="neither here nor by an authority") as caught:
        client.jobs.create(job_pb2.JobSpec(sign=spec))
    assert caught.value.reason == "CONSENT_REFUSED"
    spec.swaps[:] = [made]
    revoke(strict, person)
    with pytest.raises(RefusedError, match="revoked"):
        client.jobs.create(job_pb2.JobSpec(sign=spec))
    attest(strict, person)
    spec.swaps[:] = ["0" * 64]
    with pytest.raises(RefusedError, match="no blob"):
        client.jobs.create(job_pb2.JobSpec(sign=spec))


def test_somebody_s_face_stays_theirs(strict: Material) -> None:
    client = strict.client
    if not client.faceset(strict.faceset).identity_id:
        client.assign(client.state_basis("her", "synthetic").identity_id, faceset_id=strict.faceset)
    other = client.state_basis("another", "self").identity_id
    with pytest.raises(RefusedError, match="holds the face of") as caught:
        client.assign(other, faceset_id=strict.faceset)
    assert caught.value.reason == "OTHER_IDENTITY"
    assert client.find_identity("another").identity_id == other


def test_a_document_isn_t_handed_out(strict: Material, tmp_path: Path) -> None:
    client = strict.client
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(b"I agree. Anna")
    digest = client.transfer.upload(letter)
    said = identity_pb2.Attestation(basis=identity_pb2.BASIS_CONSENT, document_digest=digest)
    request = identity_pb2.CreateIdentityRequest(display_name="Anna", attestation=said)
    anna = client.connection.call(client.identities.CreateIdentity, request)
    assert anna.attestation.document_digest == digest
    assert client.transfer.missing([digest]) == [digest]
    assert (strict.served.data / "documents" / digest).read_bytes() == letter.read_bytes()
    request.attestation.basis = identity_pb2.BASIS_UNSPECIFIED
    with pytest.raises(RefusedError, match="must be set"):
        client.connection.call(client.identities.CreateIdentity, request)


def test_a_letter_that_a_job_names_isn_t_handed_out(strict: Material, tmp_path: Path) -> None:
    client = strict.client

    def attested(name: str, letter: str) -> identity_pb2.Identity:
        said = identity_pb2.Attestation(basis=identity_pb2.BASIS_CONSENT, document_digest=letter)
        request = identity_pb2.CreateIdentityRequest(display_name=name, attestation=said)
        return client.connection.call(client.identities.CreateIdentity, request)

    letter = tmp_path / "letter.png"
    letter.write_bytes(b"I agree, too. Anna")
    digest = client.transfer.upload(letter)
    picture = job_pb2.ExtractInput(picture=job_pb2.Picture(digest=digest, display_name="anna.png"))
    asked = job_pb2.JobSpec(extract=job_pb2.ExtractSpec(inputs=[picture], display_name="anna"))
    waits = strict.served.data / "blobs" / digest[:2] / digest
    with pytest.raises(JobFailedError, match="not an image that can be read"):
        client.jobs.wait(client.jobs.create(asked).job_id)
    assert client.transfer.read(digest) == letter.read_bytes()
    anna = attested("Anna", digest)  # the job has ended, and needs it no more
    assert not waits.exists()
    for asks in (lambda: client.transfer.read(digest), lambda: client.jobs.create(asked)):
        with pytest.raises((RefusedError, MissingError), match=r"no blob|person's document"):
            asks()
    client.transfer.upload(letter)  # brought again, it is nobody's to read either
    for asks in (lambda: client.transfer.read(digest), lambda: client.jobs.create(asked)):
        with pytest.raises((RefusedError, MissingError), match="person's document"):
            asks()
    attest(strict, anna.identity_id)  # without a letter
    assert not (strict.served.data / "documents" / digest).exists()

    clip = client.clip(strict.clip)
    with pytest.raises(RefusedError, match=f"clip {strict.clip} works with") as caught:
        attested("Ben", clip.digest)
    assert caught.value.reason == "IN_USE"
    assert client.transfer.missing([clip.digest]) == []


def test_a_policy_of_the_engine_rules(strict: Material, tmp_path: Path) -> None:
    policy = strict.served.data / "policy.toml"
    policy.write_text("[manifest]\nrequired = true\n[label]\nrequired = true\nlanguage = 'de'\n")
    try:
        spec = strict.swapping("0-9")
        spec.swap.without_manifest = True
        with pytest.raises(RefusedError, match="asks for a manifest"):
            strict.client.jobs.create(spec)
        if not strict.client.faceset(strict.faceset).identity_id:
            person = strict.client.state_basis("her", "synthetic").identity_id
            strict.client.assign(person, faceset_id=strict.faceset)
        job = strict.client.jobs.create(strict.swapping("30-33"), request_id="labelled")
        made = strict.client.jobs.wait(job.job_id).result.artifacts[0].digest
        strict.client.transfer.download(made, tmp_path / "out.mp4")
        found = inspect_file(tmp_path / "out.mp4", strict.served.data)
        manifest = found.manifests["manifests"][found.manifests["active_manifest"]]
        said = {one["label"]: one["data"] for one in manifest["assertions"]}
        assert said[SWAP_ASSERTION]["label"] == "text"
    finally:
        policy.unlink()
    # The same request is the same job, whatever the policy filled in meanwhile.
    assert strict.client.jobs.create(strict.swapping("30-33"), request_id="labelled").job_id == job.job_id


def test_a_policy_that_changes_while_a_job_waits(strict: Material) -> None:
    client = strict.client
    policy = strict.served.data / "policy.toml"
    if not client.faceset(strict.faceset).identity_id:
        client.assign(client.state_basis("her", "synthetic").identity_id, faceset_id=strict.faceset)
    job = client.jobs.create(strict.swapping("0-199", marked=False)).job_id
    client.jobs.pause(job)
    strict.until(job, job_pb2.JOB_STATE_PAUSED)
    try:
        for text, reason in (
            ("[manifest]\nrequired = true\n", "POLICY"),
            ("[consent]\nbases = ['consent']\n", "CONSENT_REFUSED"),
            ("[consents]\n", "POLICY"),
            ("[manifest]\ncertificate = 'no.pem'\nkey = 'no.key'\n", ""),
        ):
            policy.write_text(text)
            client.jobs.resume(job)
            if reason:
                blocked = strict.until(job, job_pb2.JOB_STATE_BLOCKED)
                assert blocked.error.reason == reason
                assert blocked.attempts <= 1
            else:  # this one isn't signed
                strict.until(job, job_pb2.JOB_STATE_RUNNING, job_pb2.JOB_STATE_SUCCEEDED)
            client.jobs.pause(job) if reason else client.jobs.cancel(job)
            strict.until(job, job_pb2.JOB_STATE_PAUSED, job_pb2.JOB_STATE_CANCELLED)
        signed = client.jobs.create(strict.swapping("0-3")).job_id
        blocked = strict.until(signed, job_pb2.JOB_STATE_BLOCKED)
        assert "no.pem" in blocked.error.message
        ingest = client.jobs.create(  # others are none of the policy's business
            job_pb2.JobSpec(
                ingest=job_pb2.IngestSpec(
                    digest=client.clip(strict.clip).digest,
                    kind=job_pb2.INGEST_KIND_CLIP,
                    display_name="x.mp4",
                )
            )
        )
        client.jobs.wait(ingest.job_id)
    finally:
        policy.unlink()
    client.jobs.wait(signed)  # goes on by itself


def test_what_would_be_signed_waits_for_its_certificate(strict: Material, tmp_path: Path) -> None:
    client = strict.client
    policy = strict.served.data / "policy.toml"
    if not client.faceset(strict.faceset).identity_id:
        client.assign(client.state_basis("her", "synthetic").identity_id, faceset_id=strict.faceset)
    pem, key = certificate(tmp_path, 2, 9)
    try:
        policy.write_text(f"[manifest]\ncertificate = '{pem}'\nkey = '{key}'\n")
        job = client.jobs.create(strict.swapping("0-3")).job_id
        blocked = strict.until(job, job_pb2.JOB_STATE_BLOCKED)
        assert blocked.error.reason == "POLICY"
        assert "studio.pem: a certificate in it is valid from" in blocked.error.message
        assert str(tmp_path) not in blocked.error.message
        preview = swap_pb2.PreviewFrameRequest(clip_id=strict.clip, faceset_id=strict.faceset, frame=3)
        with pytest.raises(RefusedError, match="valid from") as caught:
            client.preview(preview)
        assert caught.value.reason == "POLICY"
        certificate(tmp_path, -1, 9)
        client.jobs.wait(job)  # goes on by itself
    finally:
        policy.unlink()


def test_an_engine_starts_though_its_certificate_is_not_valid_yet(
    serve: Callable[..., Served], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem, key = certificate(tmp_path, 2, 9)
    (tmp_path / "policy.toml").write_text(f"[manifest]\ncertificate = '{pem}'\nkey = '{key}'\n")
    monkeypatch.setenv("RECASTER_POLICY", str(tmp_path / "policy.toml"))
    served = serve()
    assert "valid from" in served.log()
    with served.client(patience_s=5) as client:
        assert client.info().api_version == "v1"


def test_an_upload_of_somebody_else_is_refused(strict: Material, packed_faces: Path) -> None:
    client = strict.client
    if not client.faceset(strict.faceset).identity_id:
        client.assign(client.state_basis("her", "synthetic").identity_id, faceset_id=strict.faceset)
    other = client.state_basis("another", "self").identity_id
    spec = job_pb2.IngestSpec(
        digest=sha256(packed_faces), kind=job_pb2.INGEST_KIND_FACESET, display_name="x.zip", identity_id=other
    )
    client.transfer.upload(packed_faces)
    with pytest.raises(JobFailedError, match="taken in before"):
        client.jobs.wait(client.jobs.create(job_pb2.JobSpec(ingest=spec)).job_id)
