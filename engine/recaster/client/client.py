"""An engine, as a client sees it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from recaster.api.v1 import (
    clip_pb2,
    clip_pb2_grpc,
    faceset_pb2,
    faceset_pb2_grpc,
    identity_pb2,
    identity_pb2_grpc,
    job_pb2,
    model_pb2,
    model_pb2_grpc,
    provenance_pb2,
    provenance_pb2_grpc,
    server_pb2,
    server_pb2_grpc,
    swap_pb2,
    swap_pb2_grpc,
)
from recaster.client.connection import RETRY_TIMEOUT_S, Connection
from recaster.client.job_calls import Jobs
from recaster.client.transfer import Transfer
from recaster.errors import UsageError
from recaster.files import safe_name, user_name
from recaster.progress import Report, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recaster.client.address import Address

LONG_CALL_TIMEOUT_S = 300.0


def attestation(basis: str) -> identity_pb2.Attestation:
    """The word of whoever runs this that there is a right: consent, self, licensed or synthetic."""
    return identity_pb2.Attestation(
        basis=identity_pb2.Basis.Value(f"BASIS_{basis.upper()}"), attested_by=user_name()
    )


class Client:
    """One engine.

    ``jobs`` and ``transfer`` are what most need; the stubs of the other services are there for the rest,
    to be used with ``connection.call``. ``docs/examples/swap.py`` is a whole program.
    """

    def __init__(self, address: Address, patience_s: float = RETRY_TIMEOUT_S) -> None:
        """Says nothing yet. Calls are made again for ``patience_s`` while nobody answers."""
        self.connection = Connection(address, patience_s)
        self.jobs = Jobs(self.connection)
        self.transfer = Transfer(self.connection)
        channel = self.connection.channel
        self.clips = clip_pb2_grpc.ClipServiceStub(channel)
        self.identities = identity_pb2_grpc.IdentityServiceStub(channel)
        self.facesets = faceset_pb2_grpc.FacesetServiceStub(channel)
        self.models = model_pb2_grpc.ModelServiceStub(channel)
        self.provenance = provenance_pb2_grpc.ProvenanceServiceStub(channel)
        self.server = server_pb2_grpc.ServerServiceStub(channel)
        self.swaps = swap_pb2_grpc.SwapServiceStub(channel)

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self.close()

    def close(self) -> None:
        """Hang up."""
        self.connection.close()

    def info(self) -> server_pb2.ServerInfo:
        """The engine's version, devices, presets and limits."""
        return self.connection.call(self.server.GetServerInfo, server_pb2.GetServerInfoRequest())

    def drain(self) -> server_pb2.ServerInfo:
        """Let the engine take and start no jobs; what runs goes on."""
        return self.connection.call(self.server.DrainServer, server_pb2.DrainServerRequest())

    def undrain(self) -> server_pb2.ServerInfo:
        """Let it take and start jobs again."""
        return self.connection.call(self.server.UndrainServer, server_pb2.UndrainServerRequest())

    def take_clip(self, path: Path, report: Report = silent) -> str:
        """Upload a clip, unless it is there, and let it be looked at; returns its id."""
        return self._ingest(path, job_pb2.INGEST_KIND_CLIP, report).clip_id

    def take_faceset(self, path: Path, report: Report = silent) -> str:
        """The same for a zip of faces; returns the faceset's id."""
        return self._ingest(path, job_pb2.INGEST_KIND_FACESET, report).faceset_id

    def take_model(self, path: Path, report: Report = silent) -> str:
        """The same for an exported model; returns the model's id."""
        return self._ingest(path, job_pb2.INGEST_KIND_MODEL, report).model_id

    def clip(self, clip_id: str) -> clip_pb2.Clip:
        """One clip."""
        return self.connection.call(self.clips.GetClip, clip_pb2.GetClipRequest(clip_id=clip_id))

    def faceset(self, faceset_id: str) -> faceset_pb2.Faceset:
        """One faceset."""
        request = faceset_pb2.GetFacesetRequest(faceset_id=faceset_id)
        return self.connection.call(self.facesets.GetFaceset, request)

    def model(self, model_id: str) -> model_pb2.Model:
        """One model."""
        return self.connection.call(self.models.GetModel, model_pb2.GetModelRequest(model_id=model_id))

    def identity(self, identity_id: str) -> identity_pb2.Identity:
        """One person."""
        request = identity_pb2.GetIdentityRequest(identity_id=identity_id)
        return self.connection.call(self.identities.GetIdentity, request)

    def every_identity(self) -> Iterator[identity_pb2.Identity]:
        """Everybody, the newest first."""
        request = identity_pb2.ListIdentitiesRequest()
        return self.connection.listed(self.identities.ListIdentities, request, "identities")

    def find_identity(self, name: str) -> identity_pb2.Identity:
        """A person by id, or by a name that only one has (UsageError)."""
        everybody = list(self.every_identity())
        people = [person for person in everybody if person.identity_id == name]
        people = people or [person for person in everybody if person.display_name == name]
        if len(people) != 1:
            raise UsageError(
                f"{len(people)} people at the engine are called {name!r}; give the id of one: "
                + ", ".join(person.identity_id for person in people)
                if people
                else f"there is no identity {name!r} at the engine; see: recaster identity show"
            )
        return people[0]

    def state_basis(self, name: str, basis: str) -> identity_pb2.Identity:
        """Register a person of whom no more than a basis is said: consent, self, licensed or synthetic."""
        request = identity_pb2.CreateIdentityRequest(
            display_name=safe_name(name), attestation=attestation(basis), request_id=str(uuid.uuid4())
        )
        return self.connection.call(self.identities.CreateIdentity, request)

    def attest(self, identity_id: str, attestation: identity_pb2.Attestation) -> identity_pb2.Identity:
        """State a person's right anew, instead of all that was stated before."""
        request = identity_pb2.AttestIdentityRequest(identity_id=identity_id, attestation=attestation)
        return self.connection.call(self.identities.AttestIdentity, request)

    def revoke(self, identity_id: str, reason: str = "") -> identity_pb2.Identity:
        """Take a person's right back."""
        request = identity_pb2.RevokeIdentityRequest(identity_id=identity_id, reason=reason)
        return self.connection.call(self.identities.RevokeIdentity, request)

    def delete_identity(
        self, identity_id: str, *, dry_run: bool = False
    ) -> identity_pb2.DeleteIdentityResponse:
        """Delete a person and all that shows them, or say what that would be."""
        request = identity_pb2.DeleteIdentityRequest(
            identity_id=identity_id, everything=True, dry_run=dry_run
        )
        return self.connection.call(self.identities.DeleteIdentity, request, timeout_s=LONG_CALL_TIMEOUT_S)

    def assign(self, identity_id: str, faceset_id: str = "", model_id: str = "") -> None:
        """Say whose face a faceset or a model holds."""
        which = {"faceset_id": faceset_id} if faceset_id else {"model_id": model_id}
        request = identity_pb2.AssignIdentityRequest(identity_id=identity_id, **which)
        self.connection.call(self.identities.AssignIdentity, request)

    def say_whose(self, name: str, basis: str, faceset_id: str = "", model_id: str = "") -> None:
        """State by what right a faceset's or model's face is used, unless it is known whose it is.

        A ``basis`` is "consent", "self", "licensed" or "synthetic"; "" states nothing.
        """
        holds = self.faceset(faceset_id) if faceset_id else self.model(model_id)
        if basis and not holds.identity_id:
            self.assign(self.state_basis(name, basis).identity_id, faceset_id, model_id)

    def verify(self, path: Path, report: Report = silent) -> provenance_pb2.VerifyFileResponse:
        """Verifies a file's own signed word; it is uploaded, unless it is there."""
        request = provenance_pb2.VerifyFileRequest(
            digest=self.transfer.upload(path, report), display_name=safe_name(path.name)
        )
        beside = path.with_suffix(".c2pa")
        if beside.is_file():
            request.manifest_digest = self.transfer.upload(beside)
        return self.connection.call(self.provenance.VerifyFile, request, timeout_s=LONG_CALL_TIMEOUT_S)

    def preview(
        self, request: swap_pb2.PreviewFrameRequest, check: Callable[[], None] = lambda: None
    ) -> swap_pb2.PreviewFrameResponse:
        """Swap one frame; the engine stops at it once ``check``, asked meanwhile, raises."""
        return self.connection.watched_call(
            self.swaps.PreviewFrame, request, check, timeout_s=LONG_CALL_TIMEOUT_S
        )

    def _ingest(self, path: Path, kind: job_pb2.IngestKind, report: Report) -> job_pb2.JobResult:
        digest = self.transfer.upload(path, report)
        work = job_pb2.IngestSpec(digest=digest, kind=kind, display_name=safe_name(path.name))
        return self.jobs.wait(self.jobs.create(job_pb2.JobSpec(ingest=work)).job_id, report).result
