"""Services whose calls query workers answer: previews of single frames, and what files say of themselves."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from recaster.api.internal.v1 import query_pb2
from recaster.api.v1 import provenance_pb2, provenance_pb2_grpc, swap_pb2, swap_pb2_grpc
from recaster.jobs.audit_records import digests_of
from recaster.jobs.grants import grant_to_proto
from recaster.jobs.rights import put_on_faces, refuse_revoked, register_of, swapped_identities
from recaster.operations.face_rights import Grant
from recaster.processes.channel import path_of, path_to_bytes
from recaster.provenance.audit_events import name_identities
from recaster.provenance.policy import apply_label_policy
from recaster.provenance.provenance_mark import ProvenanceMark
from recaster.provenance.signer import local_authority
from recaster.service.request_checks import (
    check_digest,
    check_id,
    check_name,
    check_numbers,
    check_sources,
    kept_blob,
    read_corrections_blob,
    refuse_outdated,
)
from recaster.service.rpc_errors import Context, missing_blob
from recaster.service.threads import run_read, run_transfer, run_write
from recaster.settings.swap import MASK_KINDS

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import job_pb2
    from recaster.jobs.job_resources import ResourceKey
    from recaster.service.engine import Engine
    from recaster.store.store import Store


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
        faces = _check_sources(request)
        for kind, name in faces:
            refuse_outdated(store.catalog.of(kind).get(name))
        person = request.options.person
        if person:
            kept_blob(store.blobs, check_digest("options.person", person))
        corrections = read_corrections_blob(store.blobs, request.options.corrections)
        for member in request.cast:
            if member.person:
                kept_blob(store.blobs, check_digest("cast.person", member.person))
        question = _ask_with_masks(request.options, store)
        register = register_of(store)
        request.options.CopyFrom(apply_label_policy(request.options, register.policy))
        refuse_revoked(faces, store, request)
        people = [register.require(one) for one in swapped_identities(request, store)]
        whose = name_identities(person.identity_id for person in people)
        digests = list(dict.fromkeys(digest for face in faces for digest in digests_of(*face, store)))
        shown = register.audit.add("swap.preview", **whose, faces=digests, clip=clip.clip_id)
        mark = ProvenanceMark.of(register, people, shown.hash).unstamped()  # which reaches no network
        asked = query_pb2.PreviewQuestion(
            clip=path_to_bytes(kept_blob(store.blobs, clip.digest)),
            name=clip.display_name,
            **({} if request.cast else _folders(faces[0], store)),
            frame=request.frame,
            options=request.options,
            person=path_to_bytes(store.blobs.path(person) if person else None),
            grant=grant_to_proto(Grant(mark)),
            corrections=corrections,
            cast=[
                query_pb2.CastFolder(
                    member=member,
                    **_folders(face, store),
                    person=path_to_bytes(store.blobs.path(member.person) if member.person else None),
                )
                for member, face in zip(request.cast, faces, strict=False)
            ],
        )
        question.MergeFrom(asked)
        return question

    def _note_delivery(self, request: swap_pb2.PreviewFrameRequest, png: bytes) -> None:
        """Note that a preview is handed out, if its face wasn't revoked meanwhile (ConsentError)."""
        refuse_revoked(put_on_faces(request), self._engine.store, request)
        register = register_of(self._engine.store)
        people = [register.require(one) for one in swapped_identities(request, self._engine.store)]
        ids = list(dict.fromkeys(person.identity_id for person in people))
        made = [hashlib.sha256(png).hexdigest()]
        register.audit.add("preview.deliver", clip=request.clip_id, made=made, identities=ids)


def _check_sources(request: swap_pb2.PreviewFrameRequest) -> list[ResourceKey]:
    """Lists what is put on (RpcError where nothing is named, or not so that it can be)."""
    check_sources(request, "")
    faces = put_on_faces(request)
    for kind, name in faces:
        check_id(f"{kind}_id", name)
    return faces


def _folders(face: ResourceKey, store: Store) -> dict[str, Any]:
    """The folder of a model or a faceset, by the field of a question."""
    folder = store.folder.model(face.id) if face.kind == "model" else store.folder.faceset(face.id)
    return {face.kind: path_to_bytes(folder)}


def _ask_with_masks(options: job_pb2.SwapOptions, store: Store) -> query_pb2.PreviewQuestion:
    """A question that names the masks of a swap, and nothing else yet."""
    question = query_pb2.PreviewQuestion()
    for kind in MASK_KINDS:
        if mask_id := getattr(options, kind):
            mask = store.catalog.clips.get(check_id(f"options.{kind}", mask_id))
            setattr(question, kind, path_to_bytes(kept_blob(store.blobs, mask.digest)))
            setattr(question, f"{kind}_name", mask.display_name)
    return question


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
