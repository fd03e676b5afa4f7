"""Roles that methods need, and the client of the current call; what isn't listed is for operators alone."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.provenance.caller import acting_for
from recaster.service.rpc_errors import Code, RpcError
from recaster.store.tokens import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE: Final = "recaster.v1."
REFLECTION: Final = "grpc.reflection."
_BY_ROLE: Final[dict[Role, dict[str, tuple[str, ...]]]] = {
    Role.VIEWER: {
        "BlobService": ("ReadBlob",),
        "ClipService": ("GetClip", "GetThumbnail", "ListClips"),
        "FacesetService": ("GetFaceset", "ListFacesets"),
        "IdentityService": ("GetIdentity", "ListIdentities"),
        "JobService": ("GetJob", "ListJobs", "WatchJob"),
        "ModelService": ("GetLossCurves", "GetModel", "GetModelPreview", "ListModels"),
        "ProvenanceService": ("VerifyFile",),
        "ServerService": ("GetServerInfo",),
    },
    Role.EDITOR: {
        "BlobService": (
            "CancelUpload",
            "FindMissingBlobs",
            "GetUpload",
            "OpenDrop",
            "StartUpload",
            "TakeDrop",
            "TakeFile",
            "WriteUpload",
        ),
        "ClipService": ("DeleteClip", "FindPeople"),
        "FacesetService": ("DeleteFaceset", "DropFaces", "ListFaces"),
        "IdentityService": ("AssignIdentity", "CreateIdentity"),
        "JobService": ("CancelJob", "CreateJob", "DeleteJob", "PauseJob", "ResumeJob"),
        "ModelService": ("DeleteModel",),
        "SwapService": ("PreviewFrame",),
    },
    Role.CONSENT_OFFICER: {"IdentityService": ("AttestIdentity", "DeleteIdentity", "RevokeIdentity")},
    Role.OPERATOR: {"ServerService": ("DrainServer", "UndrainServer")},
}
MIN_ROLES: Final = {
    f"{service}/{method}": role
    for role, services in _BY_ROLE.items()
    for service, methods in services.items()
    for method in methods
}
"""By "Service/Method"; what a request holds may need more, see ``service.permissions``."""


@dataclass(frozen=True)
class Client:
    """Client that makes a call: ``token_id`` is empty for the engine's own token, a limit of None is none."""

    name: str
    role: Role
    token_id: str = ""
    quota_bytes: int | None = None
    max_jobs: int | None = None

    def require(self, role: Role, doing: str) -> None:
        """Refuse what this client's role isn't enough for (RpcError, PERMISSION_DENIED)."""
        if self.role < role:
            raise role_error(self, doing, f"needs the role {role.label}")


_CURRENT: Final[ContextVar[Client]] = ContextVar("client")


def current_client() -> Client:
    """Client of the call that is being answered (LookupError outside of one)."""
    return _CURRENT.get()


@contextlib.contextmanager
def acting_client(client: Client) -> Iterator[None]:
    """Answers a call of this client's for as long as the block lasts."""
    token = _CURRENT.set(client)
    try:
        with acting_for(client.name):
            yield
    finally:
        _CURRENT.reset(token)


def method_name(method: str) -> str:
    """A method as MIN_ROLES has it."""
    return method.removeprefix("/").removeprefix(PACKAGE)


def min_role(method: str) -> Role:
    """The least role that may call a method ("/recaster.v1.JobService/GetJob")."""
    name = method_name(method)
    return Role.VIEWER if name.startswith(REFLECTION) else MIN_ROLES.get(name, Role.OPERATOR)


def role_error(client: Client, doing: str, why: str) -> RpcError:
    """A client may not do something."""
    return RpcError(
        Code.PERMISSION_DENIED,
        "ROLE",
        f"{doing} {why}; {client.name} has the role {client.role.label}. "
        "Ask whoever runs the engine (recaster tokens)",
        metadata={"role": client.role.label},
    )
