"""Rights of jobs: the people whose faces they use, the policy, and the grant that a worker gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.api.v1 import job_pb2
from recaster.errors import ConsentError, NotFoundError, UsageError
from recaster.jobs.audit_records import note_begun
from recaster.jobs.job_resources import SWAPPING, ResourceKey, kind_of, resources_of, swap_of
from recaster.jobs.proto_records import error_to_proto
from recaster.operations.face_rights import Grant, name_refused_face, register_synthetic
from recaster.provenance.policy import apply_policy
from recaster.provenance.provenance_mark import ProvenanceMark
from recaster.provenance.register import Register
from recaster.provenance.signer import resolve_signer
from recaster.provenance.vetting import VettingRules, authorize_edit, find_local_swaps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recaster.api.v1 import identity_pb2, swap_pb2
    from recaster.store.store import Store

    Asked = job_pb2.SwapSpec | swap_pb2.PreviewFrameRequest


def register_of(store: Store) -> Register:
    """The register of an engine."""
    return Register.of(store.folder, store.catalog)


def job_identities(spec: job_pb2.JobSpec, store: Store) -> list[str]:
    """Ids of those whose faces are put on, "" where nobody said, none for other work (NotFoundError)."""
    kind = kind_of(spec)
    if kind == "train":
        faces = resource_identity("faceset", spec.train.source_faceset_id, store)
        model = resource_identity("model", spec.train.model_id, store) if spec.train.model_id else ""
        return list(dict.fromkeys([faces, model or faces]))
    return swapped_identities(swap_of(spec), store) if kind in SWAPPING else []


def swapped_identities(asked: Asked, store: Store) -> list[str]:
    """Ids of the people whose faces a swap or a preview puts on, one for each member of its cast.

    "" where nobody said (NotFoundError).
    """
    faces = put_on_faces(asked)
    if not faces:  # where nobody must be known, one that comes with Recaster
        return [register_synthetic(register_of(store)).identity_id]
    return [resource_identity(kind, name, store) for kind, name in faces]


def put_on_faces(asked: Asked) -> list[ResourceKey]:
    """Lists the facesets and models that a swap or a preview puts on, one for each member of its cast."""
    return [
        ResourceKey("model", one.model_id) if one.model_id else ResourceKey("faceset", one.faceset_id)
        for one in asked.cast or [asked]
        if one.WhichOneof("source")
    ]


def trained_identity(spec: job_pb2.JobSpec, store: Store) -> str:
    """Id of the person whose face a training learns; "" where nobody said, or the faces are gone."""
    faceset = store.catalog.facesets.find(spec.train.source_faceset_id)
    return "" if faceset is None else faceset.identity_id


def resource_identity(kind: str, resource_id: str, store: Store) -> str:
    """Id of the person whose face a faceset or model holds, "" where nobody said (NotFoundError)."""
    record = store.catalog.of(kind).get(resource_id)
    if kind == "model" and not record.identity_id:  # trained before anybody said whose faces these are
        register = register_of(store)
        for faceset in store.catalog.facesets.list_all():
            traces = register.traces("faceset", faceset.faceset_id)
            if faceset.identity_id and record.source_digest in traces.digests:
                return faceset.identity_id
    return str(record.identity_id)


def face_resources(spec: job_pb2.JobSpec) -> list[ResourceKey]:
    """Lists the facesets and models whose face a job puts on, judges or hands out."""
    kind = kind_of(spec)
    if kind == "train":
        ids = {"faceset": [spec.train.source_faceset_id], "model": [spec.train.model_id]}
    elif kind in SWAPPING:
        return list(dict.fromkeys(put_on_faces(swap_of(spec))))
    elif kind == "evaluate":
        ids = {"faceset": [*resources_of(spec).facesets]}
    else:
        ids = {"faceset": [spec.export.faceset_id], "model": [spec.export.model_id]}
    return [ResourceKey(kind, name) for kind, names in ids.items() for name in names if name]


def refuse_revoked(resources: Iterable[tuple[str, str]], store: Store, asked: Asked | None = None) -> None:
    """Refuses faces that were revoked, whatever they are called now (ConsentError).

    ``asked`` is the swap that puts them on, whose cast has names for them.
    """
    named = zip(put_on_faces(asked), (member.name for member in asked.cast), strict=False) if asked else ()
    members = dict(named)
    register = register_of(store)
    for kind, resource_id in resources:
        record = store.catalog.of(kind).find(resource_id)
        if record is not None:
            identity_id = resource_identity(kind, resource_id, store)
            member = members.get(ResourceKey(kind, resource_id), "")
            with name_refused_face(record.display_name or resource_id, member):
                register.refuse_revoked(identity_id, register.traces(kind, resource_id))


def refuse_revoked_result(job: job_pb2.Job, digest: str, store: Store) -> None:
    """Refuses what a job has made, or painted on the way, of faces that were revoked (ConsentError)."""
    kind = kind_of(job.spec)
    if digest in {artifact.digest for artifact in job.result.artifacts}:
        refuse_revoked(face_resources(job.spec), store)
        register = register_of(store)
        swaps = find_local_swaps(register, [digest]) if kind == "sign" else {}
        for person in swaps.get(digest, ()):
            register.refuse_revoked(person, register.traces("identity", person))
    elif kind == "train" and digest not in resources_of(job.spec).blobs:
        refuse_revoked(face_resources(job.spec), store)


def require_rights(spec: job_pb2.JobSpec, store: Store) -> list[identity_pb2.Identity]:
    """Returns the people whose faces are put on, which may be, now; nobody for work that puts none on.

    Those of a cast are in its order; somebody may be there twice.

    Raises:
        ConsentError: it may not be put on, or a model and its faces are two people's.
        UsageError: the policy can't be read.
        NotFoundError: the faceset or the model is gone.
    """
    refuse_revoked(face_resources(spec), store, swap_of(spec) if kind_of(spec) in SWAPPING else None)
    people = authorize_faces(spec, store)
    if kind_of(spec) == "sign":
        return []
    if kind_of(spec) == "train" and len(people) > 1:
        raise ConsentError(
            f"the model holds the face of {people[1].identity_id}, the faces are of {people[0].identity_id}; "
            "train on with their own faces",
            "CONSENT_REFUSED",
        )
    return people


def authorize_faces(spec: job_pb2.JobSpec, store: Store) -> list[identity_pb2.Identity]:
    """Returns everybody whose face a job puts on or vouches for; each may be, now."""
    register = register_of(store)
    if kind_of(spec) == "sign":  # the faces of other work are at hand, see ``refuse_revoked``
        return authorize_edit(register, find_local_swaps(register, spec.sign.swaps))
    return [register.require(person) for person in job_identities(spec, store)]


def blocking_reason(spec: job_pb2.JobSpec, store: Store) -> job_pb2.JobError | None:
    """The reason for which a job must not begin or go on now: a right or a policy that can't be kept.

    None where it may, or finds out itself what is gone.
    """
    try:
        require_rights(spec, store)
        if kind_of(spec) in (*SWAPPING, "sign"):
            policy = register_of(store).policy
            apply_policy(swap_of(spec), policy)
            if not swap_of(spec).without_manifest:
                resolve_signer(policy, store.folder.path)
    except ConsentError as error:
        return error_to_proto(error)
    except UsageError as error:
        return job_pb2.JobError(reason="POLICY", message=str(error), exit_code=error.exit_code)
    except NotFoundError:
        pass
    return None


def begin(job: job_pb2.Job, store: Store) -> Grant:
    """Records that a job begins; returns what its worker may do.

    Raises:
        ConsentError, UsageError, NotFoundError: as ``require_rights``; or nobody can sign what it makes.
        OutputError, AuditError: the log or a certificate can't be written.
    """
    register = register_of(store)
    kind = kind_of(job.spec)
    signer = resolve_signer(register.policy, store.folder.path) if kind == "sign" else None
    people = require_rights(job.spec, store)
    begun = note_begun(job, store, people)
    if kind == "sign":
        rules = VettingRules.of(register, find_local_swaps(register, job.spec.sign.swaps))
        return Grant(signer=signer, vetting=rules)
    if kind not in SWAPPING or swap_of(job.spec).without_manifest:
        return Grant()
    return Grant(ProvenanceMark.of(register, people, begun.hash))
