"""Deleting a person: what shows them, what of it can go, and what stays and why.

What is theirs is known by what was said (facesets and models), by what jobs name, and by the audit log, which
remembers faces that were deleted before. A result that was taken in as a clip is followed to what was made
of it. Faces that only look like theirs are reported, never deleted.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from recaster.api.v1 import identity_pb2
from recaster.errors import OutputError
from recaster.jobs.cleanup import withdraw
from recaster.jobs.job_resources import ResourceKey, kind_of, resources_of, works_on
from recaster.jobs.rights import register_of, resource_identity
from recaster.store import analyses
from recaster.store.catalog import record_id
from recaster.store.job_store import ENDED, UNENDED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.api.v1 import job_pb2
    from recaster.provenance.register import Register
    from recaster.store.store import Store

LATER: Final = "cancel it, or wait for its end, and delete the person again"
LOG_STAYS: Final = (
    "the audit log says what was done with their face, naming them by id, clips and faces by digest; it is "
    "never changed, and keeps who attested their right, and why it was revoked, as written"
)
TRACES_STAY: Final = (
    "their right was revoked: digests and a few embeddings stay in the list of revoked faces, by which their "
    "face is refused if it is brought again"
)


def delete_person(
    store: Store, identity_id: str, *, alone: Callable[[], None] | None = None, dry_run: bool = False
) -> identity_pb2.DeleteIdentityResponse:
    """Delete a person, and all that shows them, as far as no job needs it that hasn't ended.

    Args:
        alone: set where only they and their letter are to be deleted; called first, it may refuse that.
        dry_run: only say what would be deleted.

    Raises:
        NotFoundError: there is no such person.
        OutputError, AuditError: it can't be written.
    """
    with contextlib.ExitStack() as undoing:
        # Nothing may come to need it in between; whoever only looks keeps nobody waiting.
        with contextlib.nullcontext() if dry_run else store.database.transaction():
            if alone is not None:
                alone()
            report = _Search(store, identity_id).judge()
            if alone is not None:
                _leave(report)
            if not dry_run:
                _forget(store, identity_id, report, undoing)
        undoing.pop_all()  # it is kept
    if not dry_run:
        _clear(store, report)
    return report


class _Search:
    """Search for all that shows one person."""

    def __init__(self, store: Store, identity_id: str) -> None:
        self._report = identity_pb2.DeleteIdentityResponse()
        self._register = register_of(store)
        self._person = self._register.get(identity_id)
        self._catalog = {
            ResourceKey(kind, record_id(record)): record
            for kind in ("faceset", "model", "clip")
            for record in store.catalog.of(kind).list_all()
        }
        self._clips = {key.id: record for key, record in self._catalog.items() if key.kind == "clip"}
        self._owners = {key: resource_identity(*key, store) for key in self._catalog if key.kind != "clip"}
        self._faces = [key for key, owner in self._owners.items() if owner == identity_id]
        logged, self._logged_jobs = _logged(self._register, identity_id)
        self._known = {ResourceKey("identity", identity_id), *self._faces, *logged}
        jobs = store.jobs.in_states((*ENDED, *UNENDED))
        self._needed = {
            key: job.job_id
            for job in jobs
            if job.state not in ENDED
            for key in (*resources_of(job.spec).named(), works_on(job))
            if key is not None
        }
        self._results: set[str] = set()
        self._jobs = self._jobs_among(jobs)
        self._others = [job for job in jobs if job.job_id not in self._jobs]

    def _jobs_among(self, jobs: list[job_pb2.Job]) -> dict[str, job_pb2.Job]:
        """The jobs that made or used what is theirs, and those that worked on what came of that."""
        shown: dict[str, job_pb2.Job] = {}
        made: set[str] = set()
        while new := [job for job in jobs if job.job_id not in shown and self._shows(job, made)]:
            for job in new:
                shown[job.job_id] = job
                made |= {artifact.digest for artifact in job.result.artifacts}
            self._results |= {name for name, clip in self._clips.items() if clip.digest in made}
        return shown

    def _shows(self, job: job_pb2.Job, made: set[str]) -> bool:
        needed = resources_of(job.spec)
        result = job.result
        results = {ResourceKey("faceset", result.faceset_id), ResourceKey("model", result.model_id)}
        refused = job.error.reason == "CONSENT_REVOKED" and self._person.identity_id in job.error.message
        return bool(
            refused  # their face was brought again
            or job.job_id in self._logged_jobs
            or self._known & {*needed.named(), *results}
            or made & {*needed.blobs}
            or self._results & {*needed.clips}
        )

    def judge(self) -> identity_pb2.DeleteIdentityResponse:
        """Lists what would be deleted, and what would stay."""
        for key in self._faces:
            self._judge(key, self._catalog[key].display_name)
        for job in self._jobs.values():
            waiting = "" if job.state in ENDED else job.job_id
            self._judge(ResourceKey("job", job.job_id), kind_of(job.spec), waiting)
        self._judge_clips()
        self._judge_person()
        self._keep_shared()
        self._keep_alike()
        self._keep(ResourceKey("records", ""), "AUDIT_LOG", LOG_STAYS)
        if self._register.revocations.is_revoked(self._person.identity_id):
            self._keep(ResourceKey("traces", ""), "REVOCATION_LIST", TRACES_STAY)
        return self._report

    def _keep(self, key: ResourceKey, reason: str, message: str, name: str = "") -> None:
        """Note that something stays."""
        self._report.kept.add(kind=key.kind, id=key.id, display_name=name, reason=reason, message=message)

    def _judge(self, key: ResourceKey, name: str, job: str = "") -> None:
        """Note that something goes, or stays for a job that hasn't ended."""
        job = job or self._needed.get(key, "")
        if job:
            what = "it hasn't ended" if job == key.id else f"job {job} needs it, and hasn't ended"
            self._keep(key, "RUNNING_JOB", f"{what}; {LATER}", name)
        else:
            self._report.deleted.add(kind=key.kind, id=key.id, display_name=name)

    def _judge_clips(self) -> None:
        """Judges the clips that their faces were taken from, and those that came of them."""
        extractions = [job for job in self._jobs.values() if kind_of(job.spec) == "extract"]
        sources = {clip for job in extractions for clip in resources_of(job.spec).clips} & {*self._clips}
        for clip_id in sorted(sources | self._results):
            key = ResourceKey("clip", clip_id)
            name = self._clips[clip_id].display_name
            using = [job for job in self._others if clip_id in resources_of(job.spec).clips]
            if key not in self._needed and using:
                message = (
                    f"their faces were taken from it, and job {using[0].job_id} used it for other work; "
                    "delete it if it is to go"
                )
                self._keep(key, "OTHERS", message, name)
                self._report.deleted.add(kind="analyses", id=clip_id, display_name=name)
                continue
            self._judge(key, name)
            if key not in self._needed:
                for job in self._others:
                    if job.result.clip_id == clip_id:  # it brought the clip
                        self._report.deleted.add(kind="job", id=job.job_id, display_name=kind_of(job.spec))

    def _judge_person(self) -> None:
        """They go last, and with them their letter, unless something stays for a job."""
        person = ResourceKey("identity", self._person.identity_id)
        shown = self._person.display_name
        letter = self._person.attestation.document_digest
        if any(kept.reason == "RUNNING_JOB" for kept in self._report.kept):
            message = f"there is still what a job needs that hasn't ended; {LATER}"
            self._keep(person, "RUNNING_JOB", message, shown)
            return
        others = [
            other.identity_id
            for other in self._register.list_people()
            if other.identity_id != person.id and other.attestation.document_digest == letter
        ]
        if letter and others:
            message = f"it is also what the right to the face of {others[0]} rests on"
            self._keep(ResourceKey("letter", letter), "OTHERS", message)
        elif letter:
            self._report.deleted.add(kind="letter", id=letter)
        until = self._register.held_until(self._person)
        if until:
            message = f"the policy holds what was stated of them, with the letter, until {until}"
            self._keep(ResourceKey("held", person.id), "HOLD", message, shown)
        self._report.deleted.add(kind=person.kind, id=person.id, display_name=shown)

    def _keep_shared(self) -> None:
        """Notes models of others that learnt their face, too."""
        theirs = self._register.all_traces(self._person.identity_id).digests
        message = (
            "somebody else's model, which learnt their face as the one that is replaced; "
            "delete it if it is to go"
        )
        for key, record in self._catalog.items():
            if key.kind == "model" and key not in self._faces and record.target_digest in theirs:
                self._keep(key, "OTHERS", message, record.display_name)

    def _keep_alike(self) -> None:
        """Notes faces that look like theirs, whatever was said of them."""
        theirs = self._register.all_traces(self._person.identity_id).main()
        listed = {(item.kind, item.id) for item in (*self._report.kept, *self._report.deleted)}
        for key, owner in self._owners.items():
            if key not in listed and self._register.traces(*key).match(theirs):
                said = f"it was said to be of {owner}" if owner else "nobody said whose face it holds"
                message = f"{said}, and it looks like theirs; delete it if it is"
                self._keep(key, "LOOKS_ALIKE", message, self._catalog[key].display_name)


def _logged(register: Register, identity_id: str) -> tuple[set[ResourceKey], set[str]]:
    """Facesets and models that were once said to be theirs, and jobs that put on their face."""
    faces = set[ResourceKey]()
    jobs = set[str]()
    for record in register.audit.records():
        details = record.details
        if identity_id in (details.get("identity"), *details.get("identities", ())):
            faces |= {
                ResourceKey(kind, str(details[kind])) for kind in ("faceset", "model") if kind in details
            }
            jobs |= {str(details["job"])} if "job" in details else set()
    return faces, jobs


def _leave(report: identity_pb2.DeleteIdentityResponse) -> None:
    """Turn a report into that of deleting nobody but the person."""
    message = "the person alone was to be deleted"
    for item in [item for item in report.deleted if item.kind not in ("letter", "identity")]:
        report.deleted.remove(item)
        name = item.display_name
        report.kept.add(kind=item.kind, id=item.id, display_name=name, reason="NOT_ASKED", message=message)


def _forget(
    store: Store, identity_id: str, report: identity_pb2.DeleteIdentityResponse, undoing: contextlib.ExitStack
) -> None:
    """Take all that goes off the store, and its folders out of sight."""
    store.database.mark_unscrubbed()
    gone: dict[str, list[str]] = {}
    for item in report.deleted:
        gone.setdefault(f"{item.kind}s", []).append(item.id)
        if item.kind == "job":
            store.jobs.delete(item.id)
        elif item.kind in ("faceset", "model", "clip"):
            store.catalog.of(item.kind).delete(item.id)
        if item.kind in ("job", "faceset", "model"):
            undoing.callback(store.hide(_folder(store, item)))
    whole = gone.pop("identitys", None)
    named = {kind: ids for kind, ids in gone.items() if kind in ("facesets", "models", "jobs", "clips")}
    if whole:
        register_of(store).delete(identity_id, **named)
    else:
        register_of(store).audit.add("identity.clear", identity=identity_id, **named)


def _clear(store: Store, report: identity_pb2.DeleteIdentityResponse) -> None:
    """Remove the files of what was forgotten, and what the store's own file still holds of it."""
    for item in report.deleted:
        if item.kind in ("job", "clip"):
            store.blobs.release_all(f"{item.kind} {item.id}")
        if item.kind in ("job", "faceset", "model"):
            store.remove(_folder(store, item))
        elif item.kind == "analyses":
            analyses.purge(store.catalog.clips.get(item.id).digest)
        elif item.kind == "letter":
            withdraw(store, item.id)
    try:
        store.database.scrub()
    except OutputError as error:
        message = f"its file still holds what was deleted, in freed room ({error}); the engine tries again"
        report.kept.add(kind="records", reason="STORE", message=message)


def _folder(store: Store, item: identity_pb2.DeletedThing) -> Path:
    place = {"job": store.folder.job, "faceset": store.folder.faceset, "model": store.folder.model}
    return place[item.kind](item.id)
