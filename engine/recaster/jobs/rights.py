"""Whose face a job puts on, and whether it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.api.v1 import job_pb2
from recaster.errors import ConsentError, UsageError
from recaster.jobs.tasks import kind_of
from recaster.provenance.marking import Marking
from recaster.provenance.register import Register
from recaster.store.jobs import UnknownError

if TYPE_CHECKING:
    from recaster.api.v1 import identity_pb2, swap_pb2
    from recaster.provenance.policy import Policy
    from recaster.store.store import Store


def source_of(spec: job_pb2.JobSpec, store: Store) -> str | None:
    """Id of the person whose face is put on; "" for one that nobody named, None for work that puts none on.

    Raises:
        UnknownError: the faceset or model is gone.
    """
    kind = kind_of(spec)
    if kind == "train":
        return _owner("faceset", spec.train.source_faceset_id, store)
    return swapped_in(spec.swap, store) if kind == "swap" else None


def swapped_in(asked: job_pb2.SwapSpec | swap_pb2.PreviewFrameRequest, store: Store) -> str:
    """The same for a swap, or a preview of one."""
    if asked.model_id:
        return _owner("model", asked.model_id, store)
    return _owner("faceset", asked.faceset_id, store)


def whose_model(spec: job_pb2.JobSpec, store: Store) -> str:
    """Whose face the model holds that a training makes; "" where nobody said, or their faces are gone."""
    found = store.things.find("faceset", spec.train.source_faceset_id)
    return "" if found is None else str(found.identity_id)


def _owner(kind: str, thing_id: str, store: Store) -> str:
    return str(store.things.get(kind, thing_id).identity_id)


def person_of(spec: job_pb2.JobSpec, store: Store) -> identity_pb2.Identity | None:
    """The person whose face is put on, who may be, now; None for work that puts none on.

    Raises:
        ConsentError: it may not be put on.
        UnknownError: the faceset or the model is gone.
    """
    named = source_of(spec, store)
    return None if named is None else Register.of(store.folder, store.things).require(named)


def hindrance(job: job_pb2.Job, store: Store) -> job_pb2.JobError | None:
    """Why a job must not begin or go on now; None where it may, or finds out itself what is gone."""
    try:
        person_of(job.spec, store)
    except (ConsentError, UsageError) as error:
        reason = error.reason if isinstance(error, ConsentError) else "CONSENT_REFUSED"
        return job_pb2.JobError(reason=reason, message=str(error), exit_code=error.exit_code)
    except UnknownError:
        return None
    return None


def marking_of(job: job_pb2.Job, store: Store) -> Marking | None:
    """How what a job makes is marked, and a note in the audit log that it begins; None for nothing.

    Raises:
        ConsentError, UnknownError: as ``person_of``.
        UsageError, OutputError: nobody can sign, or the log can't be written.
    """
    person = person_of(job.spec, store)
    if person is None:
        return None
    register, kind = Register.of(store.folder, store.things), kind_of(job.spec)
    begun = register.audit.add(
        f"{kind}.start", job=job.job_id, attempt=job.attempts, identity=person.identity_id
    )
    if kind != "swap" or job.spec.swap.without_manifest:
        return None
    return Marking.of(register, person, begun.hash)


def governed(spec: job_pb2.SwapSpec, policy: Policy) -> None:
    """Bring a swap in line with the policy; what it leaves open is filled in.

    Raises:
        UsageError: the policy forbids what it says.
    """
    if policy.manifest_required and spec.without_manifest:
        raise UsageError("the policy asks for a manifest in every swap; don't leave it out")
    label_by(spec.options, policy)


def label_by(options: job_pb2.SwapOptions, policy: Policy) -> None:
    """The same for the label alone."""
    if policy.label_required and not options.HasField("label"):
        options.label = policy.label_kind
    if policy.label_required and options.label == "none":
        raise UsageError("the policy asks for a label in every swap; don't leave it out")
    if not options.HasField("label_language"):
        options.label_language = policy.label_language
