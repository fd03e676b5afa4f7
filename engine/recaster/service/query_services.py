"""Services whose calls query workers answer: previews of single frames, and what files say of themselves."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from recaster.api.internal.v1 import query_pb2
from recaster.api.v1 import provenance_pb2, provenance_pb2_grpc, swap_pb2, swap_pb2_grpc
from recaster.jobs.audit_records import digests_of
from recaster.jobs.grants import grant_to_proto
from recaster.jobs.rights import refuse_revoked, register_of, swapped_identity
from recaster.operations.face_rights import Grant
from recaster.processes.channel import path_of, path_to_bytes
from recaster.provenance.policy import apply_label_policy
from recaster.provenance.provenance_mark import ProvenanceMark
from recaster.provenance.signer import local_authority
from recaster.service.request_checks import (
    check_digest,
    check_id,
    check_name,
    check_numbers,
    kept_blob,
    read_corrections_blob,
    refuse_outdated,
)
from recaster.service.rpc_errors import Context, invalid_field, missing_blob
from recaster.service.threads import run_read, run_transfer, run_write

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.service.engine import Engine


class SwapService(swap_pb2_grpc.SwapServiceServicer):
    """See proto/recaster/v1/swap.proto."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def PreviewFrame(
        self, request: swap_pb2.PreviewFrameRequest, context: Context
    ) -> swap_pb2.PreviewFrameResponse:
        """Swap one frame."""
        question = await run_write(self._authorized_question, request)
        answer = (await self._engine.ask(query_pb2.Question(preview=question), context)).preview
        png = await run_transfer(_take_file, path_of(answer.path))
        await run_write(self._note_delivery, request, png)
        return swap_pb2.PreviewFrameResponse(png=png, warnings=answer.warnings)

    def _authorized_question(self, request: swap_pb2.PreviewFrameRequest) -> query_pb2.PreviewQuestion:
        """The question to a query worker, once it is permitted and noted in the audit log."""
        check_numbers(request)
        store = self._engine.store
        clip = store.catalog.clips.get(check_id("clip_id", request.clip_id))
        kind, name = _source(request)
        refuse_outdated(store.catalog.of(kind).get(name))
        person = request.options.person
        if person:
            kept_blob(store.blobs, check_digest("options.person", person))
        corrections = read_corrections_blob(store.blobs, request.options.corrections)
        register = register_of(store)
        request.options.CopyFrom(apply_label_policy(request.options, register.policy))
        refuse_revoked([(kind, name)], store)
        whose = register.require(swapped_identity(request, store))
        faces = digests_of(kind, name, store)
        shown = register.audit.add("swap.preview", identity=whose.identity_id, faces=faces, clip=clip.clip_id)
        mark = ProvenanceMark.of(register, whose, shown.hash).unstamped()  # which reaches no network
        return query_pb2.PreviewQuestion(
            clip=path_to_bytes(kept_blob(store.blobs, clip.digest)),
            name=clip.display_name,
            model=path_to_bytes(store.folder.model(name) if kind == "model" else None),
            faceset=path_to_bytes(store.folder.faceset(name) if kind == "faceset" else None),
            frame=request.frame,
            options=request.options,
            person=path_to_bytes(store.blobs.path(person) if person else None),
            grant=grant_to_proto(Grant(mark)),
            corrections=corrections,
        )

    def _note_delivery(self, request: swap_pb2.PreviewFrameRequest, png: bytes) -> None:
        """Note that a preview is handed out, if its face wasn't revoked meanwhile (ConsentError)."""
        refuse_revoked([_source(request)], self._engine.store)
        register = register_of(self._engine.store)
        whose = register.require(swapped_identity(request, self._engine.store))
        made = [hashlib.sha256(png).hexdigest()]
        register.audit.add("preview.deliver", clip=request.clip_id, made=made, identities=[whose.identity_id])


def _source(request: swap_pb2.PreviewFrameRequest) -> tuple[str, str]:
    """Kind and id of what is put on (RpcError where none is named)."""
    field = request.WhichOneof("source")
    if field is None:
        raise invalid_field("source", "must be a model or a faceset")
    return field.removesuffix("_id"), check_id(field, getattr(request, field))


def _take_file(path: Path) -> bytes:
    """The bytes of a file, which is gone afterwards."""
    try:
        return path.read_bytes()
    finally:
        path.unlink()


class ProvenanceService(provenance_pb2_grpc.ProvenanceServiceServicer):
    """See proto/recaster/v1/provenance.proto."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def VerifyFile(
        self, request: provenance_pb2.VerifyFileRequest, context: Context
    ) -> provenance_pb2.VerifyFileResponse:
        """Look at a file, in a process that may fall over it."""
        blobs = self._engine.store.blobs
        check_name("display_name", request.display_name)
        digests = {"digest": request.digest}
        if request.manifest_digest:
            digests["manifest_digest"] = request.manifest_digest
        for field, digest in digests.items():
            if not await run_read(blobs.has, check_digest(field, digest)):
                raise missing_blob(digest)
        data = self._engine.store.folder.path
        authority = local_authority(data)
        question = query_pb2.VerifyQuestion(
            path=path_to_bytes(blobs.path(request.digest)),
            name=request.display_name,
            beside=path_to_bytes(blobs.path(request.manifest_digest) if request.manifest_digest else None),
            data=path_to_bytes(data),
            authority=path_to_bytes(authority if authority.is_file() else None),
        )
        return (await self._engine.ask(query_pb2.Question(verify=question), context)).verify
