"""Service of the engine itself: versions, devices, limits, draining."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from recaster import __version__
from recaster.api.internal.v1 import query_pb2
from recaster.api.v1 import clip_pb2, server_pb2, server_pb2_grpc, swap_pb2, swap_pb2_grpc
from recaster.errors import UsageError
from recaster.jobs.audit_records import digests_of
from recaster.jobs.devices import devices
from recaster.jobs.rights import refuse_revoked, register_of, swapped_identity
from recaster.models.presets import PRESETS
from recaster.processes.channel import path_of, path_to_bytes
from recaster.provenance.policy import Policy, apply_label_policy
from recaster.provenance.provenance_mark import ProvenanceMark
from recaster.service.job_specs import check_numbers
from recaster.service.permissions import may_state
from recaster.service.request_checks import check_digest, check_id, kept_blob, refuse_outdated
from recaster.service.roles import current_client
from recaster.service.rpc_errors import Context, invalid_field, unary_read, unary_write
from recaster.service.threads import run_transfer, run_write
from recaster.settings.encoding import CODECS

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.service.engine import Engine

MAX_MESSAGE_BYTES: Final = 4 << 20
MAX_RESPONSE_BYTES: Final = 64 << 20
"""A preview of an 8K frame is a large picture."""


class ServerService(server_pb2_grpc.ServerServiceServicer):
    """See proto/recaster/v1/server.proto."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @unary_read
    def GetServerInfo(
        self, request: server_pb2.GetServerInfoRequest, context: Context
    ) -> server_pb2.ServerInfo:
        """Versions, devices, presets, limits."""
        return self._info()

    @unary_write
    def DrainServer(self, request: server_pb2.DrainServerRequest, context: Context) -> server_pb2.ServerInfo:
        """Take and start no jobs."""
        register_of(self._engine.store).audit.add("server.drain")
        self._engine.supervisor.drain(True)
        return self._info()

    @unary_write
    def UndrainServer(
        self, request: server_pb2.UndrainServerRequest, context: Context
    ) -> server_pb2.ServerInfo:
        """Take and start jobs again."""
        register_of(self._engine.store).audit.add("server.undrain")
        self._engine.supervisor.drain(False)
        return self._info()

    def _info(self) -> server_pb2.ServerInfo:
        blobs = self._engine.store.blobs
        client = current_client()
        policy = policy_of(self._engine.store.folder.path)
        return server_pb2.ServerInfo(
            version=__version__,
            api_version="v1",
            devices=devices(),
            presets=[
                server_pb2.PresetInfo(name=name, family=preset.family) for name, preset in PRESETS.items()
            ],
            max_blob_bytes=blobs.quota.blob,
            quota_bytes=blobs.quota.total,
            used_bytes=blobs.used(),
            free_bytes=self._engine.store.folder.free_bytes(),
            max_message_bytes=MAX_MESSAGE_BYTES,
            codecs=CODECS,
            local_drops=self._engine.local_drops,
            basis_needed=basis_needed(policy),
            may_state_basis=policy is not None and may_state(client, policy),
            client_name=client.name,
            role=client.role.label,
            draining=self._engine.supervisor.draining,
            jobs_at_work=self._engine.supervisor.at_work,
        )


def policy_of(data: Path) -> Policy | None:
    """The policy; None where it can't be read: whatever needs it says so."""
    try:
        return Policy.load(data)
    except UsageError:
        return None


def basis_needed(policy: Policy | None) -> bool:
    """Tells if there is no basis for faces of which nobody said any; also where the policy can't be read."""
    return policy is None or not policy.default


class SwapService(swap_pb2_grpc.SwapServiceServicer):
    """See proto/recaster/v1/swap.proto."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @unary_read
    async def PreviewFrame(
        self, request: swap_pb2.PreviewFrameRequest, context: Context
    ) -> swap_pb2.PreviewFrameResponse:
        """Swap one frame."""
        clip, thing, name, mark = await run_write(self._permitted, request)
        return await self._preview(request, context, clip, thing, name, mark)

    def _permitted(
        self, request: swap_pb2.PreviewFrameRequest
    ) -> tuple[clip_pb2.Clip, str, str, ProvenanceMark]:
        """The clip, the kind and id of what is put on, and how it is marked; noted in the audit log."""
        check_numbers("", request)
        check_numbers("options", request.options)
        store = self._engine.store
        clip = store.catalog.clips.get(check_id("clip_id", request.clip_id))
        kind = request.WhichOneof("source")
        if kind is None:
            raise invalid_field("source", "must be a model or a faceset")
        name = check_id(kind, getattr(request, kind))
        thing = "model" if kind == "model_id" else "faceset"
        refuse_outdated(store.catalog.of(thing).get(name))
        person = request.options.person
        if person:
            kept_blob(store.blobs, check_digest("options.person", person))
        register = register_of(store)
        request.options.CopyFrom(apply_label_policy(request.options, register.policy))
        refuse_revoked([(thing, name)], store)
        whose = register.require(swapped_identity(request, store))
        faces = digests_of(thing, name, store)
        shown = register.audit.add("swap.preview", identity=whose.identity_id, faces=faces, clip=clip.clip_id)
        mark = ProvenanceMark.of(register, whose, shown.hash).unstamped()  # which reaches no network
        return clip, thing, name, mark

    async def _preview(
        self,
        request: swap_pb2.PreviewFrameRequest,
        context: Context,
        clip: clip_pb2.Clip,
        thing: str,
        name: str,
        mark: ProvenanceMark,
    ) -> swap_pb2.PreviewFrameResponse:
        store = self._engine.store
        person = request.options.person
        question = query_pb2.PreviewQuestion(
            clip=path_to_bytes(kept_blob(store.blobs, clip.digest)),
            name=clip.display_name,
            model=path_to_bytes(store.folder.model(name) if thing == "model" else None),
            faceset=path_to_bytes(store.folder.faceset(name) if thing == "faceset" else None),
            frame=request.frame,
            options=request.options,
            person=path_to_bytes(store.blobs.path(person) if person else None),
            mark=json.dumps(mark.to_json()),
        )
        answer = (await self._engine.ask(query_pb2.Question(preview=question), context)).preview
        png = await run_transfer(_taken, path_of(answer.path))
        await run_write(self._delivered, request, thing, name, png)
        return swap_pb2.PreviewFrameResponse(png=png, warnings=answer.warnings)

    def _delivered(self, request: swap_pb2.PreviewFrameRequest, thing: str, name: str, png: bytes) -> None:
        """Note that a preview is handed out, if its face wasn't revoked meanwhile (ConsentError)."""
        refuse_revoked([(thing, name)], self._engine.store)
        register = register_of(self._engine.store)
        whose = register.require(swapped_identity(request, self._engine.store))
        made = [hashlib.sha256(png).hexdigest()]
        register.audit.add("preview.deliver", clip=request.clip_id, made=made, identities=[whose.identity_id])


def _taken(path: Path) -> bytes:
    """The bytes of a file, which is gone afterwards."""
    try:
        return path.read_bytes()
    finally:
        path.unlink()
