"""People, and by what right their faces are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.api.v1 import identity_pb2, identity_pb2_grpc
from recaster.jobs.cleanup import needed_by, withdraw
from recaster.jobs.deletion import delete_person
from recaster.provenance.legal_basis import basis_name
from recaster.provenance.register import Register
from recaster.service.request_checks import (
    MAX_REQUEST_ID_LETTERS,
    check_digest,
    check_id,
    check_name,
    check_text,
)
from recaster.service.resources import ResourceService
from recaster.service.rpc_errors import Context, invalid_field, missing_blob, precondition_error
from recaster.service.threads import run_read, run_write, unary_write
from recaster.store.catalog import record_id

if TYPE_CHECKING:
    from recaster.service.engine import Engine


class IdentityService(ResourceService, identity_pb2_grpc.IdentityServiceServicer):
    """See proto/recaster/v1/identity.proto."""

    kind = "identity"
    page = identity_pb2.ListIdentitiesResponse
    GetIdentity = ResourceService.get_record
    ListIdentities = ResourceService.list_page

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._register = Register.of(engine.store.folder, engine.store.catalog)

    @unary_write
    def CreateIdentity(self, request: identity_pb2.CreateIdentityRequest) -> identity_pb2.Identity:
        """A new person."""
        if not request.display_name.strip():
            raise invalid_field("display_name", "must not be empty")
        check_name("display_name", request.display_name)
        check_text("note", request.note)
        check_text("request_id", request.request_id, MAX_REQUEST_ID_LETTERS)
        attestation = None
        if request.HasField("attestation"):
            attestation = self._checked_attestation(request.attestation)
        origin = f"request {request.request_id}" if request.request_id else None  # it may be made again
        return self._register.add(request.display_name, attestation, request.note, origin)

    @unary_write
    def AttestIdentity(self, request: identity_pb2.AttestIdentityRequest) -> identity_pb2.Identity:
        """State a person's right anew."""
        name = check_id("identity_id", request.identity_id)
        self._catalog.identities.get(name)
        identity = self._register.attest(name, self._checked_attestation(request.attestation))
        self._engine.supervisor.wake()  # jobs may have waited for it
        return identity

    async def RevokeIdentity(
        self, request: identity_pb2.RevokeIdentityRequest, context: Context
    ) -> identity_pb2.Identity:
        """Take a right back; first of all it holds, then everything that is known of the face is noted."""
        name = check_id("identity_id", request.identity_id)
        check_text("reason", request.reason)
        await run_write(self._register.revoke, name, request.reason)
        self._engine.supervisor.rights_changed()
        await self._engine.fill_in_traces(name)
        return await run_write(self._register.revoke, name)

    async def AssignIdentity(
        self, request: identity_pb2.AssignIdentityRequest, context: Context
    ) -> identity_pb2.AssignIdentityResponse:
        """Say whose face something holds."""
        kind = request.WhichOneof("what")
        if kind is None:
            raise invalid_field("what", "must be a faceset or a model")
        whose = check_id("identity_id", request.identity_id)
        holder_id = check_id(kind, getattr(request, kind))
        kind = kind.removesuffix("_id")
        if await run_read(self._catalog.of(kind).traces, holder_id) is None:  # an earlier release took it in
            await self._engine.fill_in_traces("")
        await run_write(self._assign, whose, kind, holder_id)
        self._engine.supervisor.wake()
        return identity_pb2.AssignIdentityResponse()

    def _assign(self, whose: str, kind: str, holder_id: str) -> None:
        with self._catalog.transaction():
            self._catalog.identities.get(whose)
            holder = self._catalog.of(kind).get(holder_id)
            if holder.identity_id not in ("", whose):
                raise precondition_error(
                    "OTHER_IDENTITY",
                    f"{kind} {holder_id} holds the face of {holder.identity_id}; "
                    "state the right anew there (AttestIdentity), or use other faces",
                    identity_id=holder.identity_id,
                )
            if not holder.identity_id:
                self._register.assign(whose, kind, holder)

    @unary_write
    def DeleteIdentity(
        self, request: identity_pb2.DeleteIdentityRequest
    ) -> identity_pb2.DeleteIdentityResponse:
        """Forget a person, and what is theirs where that is asked for."""
        name = check_id("identity_id", request.identity_id)
        alone = None if request.everything else lambda: self._refuse_needed(name)
        report = delete_person(self._engine.store, name, alone=alone, dry_run=request.dry_run)
        self._engine.supervisor.wake()
        return report

    def _refuse_needed(self, name: str) -> None:
        """Refuse to forget a person whom a job, faceset or model needs."""
        self._engine.refuse_in_use("identity", name)
        for kind in ("faceset", "model"):
            for holder in self._catalog.of(kind).list_all():
                if holder.identity_id == name:
                    holder_id = record_id(holder)
                    why = f"{kind} {holder_id} is theirs; delete that first, or everything of theirs"
                    raise precondition_error("IN_USE", why, **{f"{kind}_id": holder_id})

    def _checked_attestation(self, attestation: identity_pb2.Attestation) -> identity_pb2.Attestation:
        """An attestation that can be kept, its document where no client reads it."""
        if not basis_name(attestation.basis):
            raise invalid_field("attestation.basis", "must be set")
        check_text("attestation.scope", attestation.scope)
        check_name("attestation.attested_by", attestation.attested_by)
        if attestation.document_digest:
            self._take_document(check_digest("attestation.document_digest", attestation.document_digest))
        return attestation

    def _take_document(self, digest: str) -> None:
        """Move an uploaded document to where no client reads it."""
        store = self._engine.store
        documents = self._register.documents
        needing = needed_by(store, digest)
        if needing:
            raise precondition_error(
                "IN_USE",
                f"the document is a file that {needing} works with, which clients can read; delete or cancel "
                "that first, or give the letter as another file",
            )
        if not documents.path(digest).is_file():
            if not store.blobs.has(digest):
                raise missing_blob(digest)
            documents.keep(store.blobs.path(digest))
        withdraw(store, digest)
