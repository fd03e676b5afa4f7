"""Permissions of calls: roles that methods need, owners of records, limits of clients, and who is calling.

A method that isn't listed is for operators alone. Editors see and use what all have, and change or end what
is their own.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from recaster.api.v1 import job_pb2
from recaster.errors import NotFoundError, QuotaError
from recaster.provenance.caller import acting_for
from recaster.provenance.policy import Policy
from recaster.service.rpc_errors import Code, RpcError
from recaster.service.threads import run_read, run_transfer, run_write
from recaster.store.blobs import is_digest
from recaster.store.tokens import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recaster.store.store import Store

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
        "ClipService": ("CorrectTracks", "DeleteClip", "FindPeople", "ListTracks"),
        "FacesetService": ("DeleteFaceset", "DropFaces", "ListFaces"),
        "IdentityService": ("AssignIdentity", "CreateIdentity"),
        "JobService": ("CancelJob", "CreateJob", "DeleteJob", "MoveJob", "PauseJob", "ResumeJob"),
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
"""By "Service/Method"; what a request holds may need more."""
_SHOWN: Final = (
    job_pb2.JOB_KIND_SWAP,
    job_pb2.JOB_KIND_ANONYMISE,
    job_pb2.JOB_KIND_SIGN,
    job_pb2.JOB_KIND_EVALUATE,
)
"""Jobs whose results are for viewers, too."""
_FACE_KINDS: Final = ("faceset", "model")


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


async def check_permission(method: str, request: Any, client: Client, store: Store) -> None:
    """Refuse a request, of a method as gRPC writes it, that its client may not make.

    Raises:
        RpcError: PERMISSION_DENIED (ROLE).
        QuotaError: the client has as much as it may have.
    """
    name = method_name(method)
    if name in _KEEPING and client.token_id:
        client = await run_read(_with_policy_limits, client, store)
    rule = _RULES.get(name)
    if rule is not None:
        await run_read(rule, request, client, store)
    if client.quota_bytes is not None and name in _KEEPING:
        size = int(getattr(request, "size", 0))
        used = await run_transfer(store.client_usage.used, client.name)
        if used + max(size, 1) > client.quota_bytes:
            raise QuotaError(
                f"{client.name} keeps {used} bytes here, and may keep {client.quota_bytes}; "
                "delete clips, models or jobs"
            )
    if name in _BRINGING and is_digest(request.digest):
        await run_write(store.client_usage.note, client.name, request.digest)


def _with_policy_limits(client: Client, store: Store) -> Client:
    """A client with the policy's limits where their token has none of its own."""
    limits = Policy.load(store.folder.path).limits_of(client.name)
    quota = None if limits.quota_gib is None else limits.quota_gib << 30
    return replace(
        client,
        quota_bytes=quota if client.quota_bytes is None else client.quota_bytes,
        max_jobs=limits.max_jobs if client.max_jobs is None else client.max_jobs,
    )


def _check_job(request: job_pb2.CreateJobRequest, client: Client, store: Store) -> None:
    spec = request.spec
    if spec.HasField("export"):
        client.require(Role.CONSENT_OFFICER, "taking faces or a model out of the engine")
    if spec.ingest.identity_id or spec.extract.identity_id:
        _check_may_state(client, store)
    for kind, name in (("faceset", spec.extract.faceset_id), ("model", spec.train.model_id)):
        if name:
            _check_owns_record(kind, name, client, store, Role.OPERATOR, "changing")
    if client.max_jobs is not None and store.jobs.count_unended(client.name) >= client.max_jobs:
        raise QuotaError(
            f"{client.name} has {client.max_jobs} jobs here that haven't ended, and may have no more; "
            "wait for one, or cancel one"
        )


def may_state(client: Client, policy: Policy) -> bool:
    """Tells if a client may say whose a face is, and by what right it is used, where nobody has."""
    return client.role >= (Role.EDITOR if policy.editors_attest else Role.CONSENT_OFFICER)


def _check_may_state(client: Client, store: Store) -> None:
    """Refuse to say whose a face is, or by what right it is used, unless the client may."""
    if not may_state(client, Policy.load(store.folder.path)):
        raise role_error(
            client,
            "saying whose a face is, and by what right it is used,",
            f"needs the role {Role.CONSENT_OFFICER.label} (or editors_attest in the engine's policy)",
        )


def _check_new_identity(request: Any, client: Client, store: Store) -> None:
    if request.HasField("attestation"):
        _check_may_state(client, store)


def _check_owns_job(request: Any, client: Client, store: Store) -> None:
    try:
        job = store.jobs.get(request.job_id)
    except NotFoundError:
        return  # as the method itself will say
    if client.role < Role.OPERATOR and job.created_by != client.name:
        whose = f"that is {job.created_by}'s" if job.created_by else "that another client asked for"
        raise role_error(client, f"ending, pausing or deleting a job {whose}", f"needs the role {_OPERATOR}")


def _check_owns_record(
    kind: str, name: str, client: Client, store: Store, otherwise: Role, doing: str
) -> None:
    record = store.catalog.of(kind).find(name)
    if record is None or client.role >= otherwise or record.created_by == client.name:
        return
    whose = f"that is {record.created_by}'s" if record.created_by else "that another client brought"
    raise role_error(client, f"{doing} a {kind} {whose}", f"needs the role {otherwise.label}")


def _owner_rule(kind: str, otherwise: Role, doing: str = "deleting") -> Callable[[Any, Client, Store], None]:
    def check(request: Any, client: Client, store: Store) -> None:
        _check_owns_record(kind, getattr(request, f"{kind}_id"), client, store, otherwise, doing)

    return check


def _check_cancelled_upload(request: Any, client: Client, store: Store) -> None:
    known = store.client_usage.brought_by(request.digest)
    if client.role < Role.OPERATOR and known and client.name not in known:
        raise role_error(client, "giving up another client's upload", f"needs the role {_OPERATOR}")


def _check_read_blob(request: Any, client: Client, store: Store) -> None:
    """Results and clips are for everybody, packed faces and models for consent officers."""
    if client.role >= Role.CONSENT_OFFICER:
        return
    owners = store.blobs.owners_of(request.digest)
    jobs = [job for job in (_owning_job(owner, store) for owner in owners) if job is not None]
    if any(_packs_faces(job) for job in jobs) or any(
        store.catalog.of(kind).find_by_origin(request.digest) is not None for kind in _FACE_KINDS
    ):
        client.require(Role.CONSENT_OFFICER, "taking faces or a model out of the engine")
    shown = any(owner.startswith("clip ") for owner in owners) or any(
        job.kind == job_pb2.JOB_KIND_TRAIN  # whose only blobs are previews
        or (
            job.kind in _SHOWN and any(artifact.digest == request.digest for artifact in job.result.artifacts)
        )
        for job in jobs
    )
    if not shown:
        client.require(Role.EDITOR, "reading what isn't a clip or a result")


def _owning_job(owner: str, store: Store) -> job_pb2.Job | None:
    if not owner.startswith("job "):
        return None
    try:
        return store.jobs.get(owner.removeprefix("job "))
    except NotFoundError:
        return None


def _packs_faces(job: job_pb2.Job) -> bool:
    taken = job.spec.ingest.kind in (job_pb2.INGEST_KIND_FACESET, job_pb2.INGEST_KIND_MODEL)
    return job.kind == job_pb2.JOB_KIND_EXPORT or (job.kind == job_pb2.JOB_KIND_INGEST and taken)


_OPERATOR: Final = Role.OPERATOR.label
_BRINGING: Final = ("BlobService/StartUpload", "BlobService/OpenDrop", "BlobService/TakeFile")
_KEEPING: Final = (*_BRINGING, "JobService/CreateJob")
_RULES: Final[dict[str, Callable[[Any, Client, Store], None]]] = {
    "BlobService/CancelUpload": _check_cancelled_upload,
    "BlobService/ReadBlob": _check_read_blob,
    "ClipService/DeleteClip": _owner_rule("clip", Role.OPERATOR),
    "FacesetService/DeleteFaceset": _owner_rule("faceset", Role.CONSENT_OFFICER),
    "FacesetService/DropFaces": _owner_rule("faceset", Role.OPERATOR, "changing"),
    "IdentityService/AssignIdentity": lambda _, client, store: _check_may_state(client, store),
    "IdentityService/CreateIdentity": _check_new_identity,
    "JobService/CancelJob": _check_owns_job,
    "JobService/CreateJob": _check_job,
    "JobService/DeleteJob": _check_owns_job,
    "JobService/MoveJob": _check_owns_job,
    "JobService/PauseJob": _check_owns_job,
    "JobService/ResumeJob": _check_owns_job,
    "ModelService/DeleteModel": _owner_rule("model", Role.CONSENT_OFFICER),
}
