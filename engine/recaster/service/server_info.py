"""Service of the engine itself: versions, devices, limits, draining."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from recaster import __version__
from recaster.api.v1 import job_pb2, server_pb2, server_pb2_grpc
from recaster.errors import UsageError
from recaster.jobs.job_resources import devices
from recaster.jobs.rights import register_of
from recaster.models.presets import PRESETS
from recaster.provenance.policy import Policy
from recaster.service.permissions import current_client, may_state
from recaster.service.threads import unary_read, unary_write

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
    def GetServerInfo(self, request: server_pb2.GetServerInfoRequest) -> server_pb2.ServerInfo:
        """Versions, devices, presets, limits."""
        return self._info()

    @unary_write
    def DrainServer(self, request: server_pb2.DrainServerRequest) -> server_pb2.ServerInfo:
        """Take and start no jobs."""
        register_of(self._engine.store).audit.add("server.drain")
        self._engine.supervisor.drain(True)
        return self._info()

    @unary_write
    def UndrainServer(self, request: server_pb2.UndrainServerRequest) -> server_pb2.ServerInfo:
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
            codecs=_list_codecs(),
            local_drops=self._engine.local_drops,
            basis_needed=basis_needed(policy),
            may_state_basis=policy is not None and may_state(client, policy),
            client_name=client.name,
            role=client.role.label,
            draining=self._engine.supervisor.draining,
            jobs_at_work=self._engine.supervisor.at_work,
            swap_options=[field.name for field in job_pb2.SwapOptions.DESCRIPTOR.fields],
        )


@functools.cache
def _list_codecs() -> list[str]:
    """Lists the codecs that FFmpeg can write; it is loaded when somebody asks."""
    from recaster.media.available_encoders import list_available_codecs

    return list_available_codecs()


def policy_of(data: Path) -> Policy | None:
    """The policy; None where it can't be read: whatever needs it says so."""
    try:
        return Policy.load(data)
    except UsageError:
        return None


def basis_needed(policy: Policy | None) -> bool:
    """Tells if there is no basis for faces of which nobody said any; also where the policy can't be read."""
    return policy is None or not policy.default
