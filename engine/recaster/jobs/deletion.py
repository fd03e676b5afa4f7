"""Deleting a person: what shows them, what of it can go, and what stays and why.

What is theirs is known by what was said (facesets and models), by what jobs name, and by the audit log, which
remembers faces that were deleted before. A result that was taken in as a clip is followed to what was made
of it. Faces that only look like theirs are reported, never deleted.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from recaster.api.v1 import identity_pb2
from recaster.errors import OutputError
from recaster.jobs.cleanup import withdraw
from recaster.jobs.job_resources import kind_of, resources_of, works_on
from recaster.jobs.rights import register_of, resource_identity
from recaster.store import analyses
from recaster.store.catalog import record_id
from recaster.store.job_store import ENDED, UNENDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from recaster.api.v1 import job_pb2
    from recaster.provenance.register import Register
    from recaster.store.store import Store

Thing = tuple[str, str]
"""Kind and id."""

LATER: Final = "cancel it, or wait for its end, and delete the person again"


def delete_person(
    store: Store, identity_id: str, *, alone: Callable[[], None] | None = None, dry_run: bool = False
) -> identity_pb2.DeleteIdentityResponse:
    """Delete a person, and all that shows them, as far as no job needs it that hasn't ended.

    Args:
        store: where.
        identity_id: the person.
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
            report = _Search(store, identity_id).report()
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
        self._store = store
        self._register = register_of(store)
        self._person = self._register.get(identity_id)
        self._faces = {
            (kind, name): thing
            for kind in ("faceset", "model")
            for name, thing in _every(store, kind)
            if resource_identity(kind, name, store) == identity_id
        }
        logged, self._logged_jobs = _logged(self._register, identity_id)
        self._known = {("identity", identity_id), *self._faces, *logged}
        jobs = store.jobs.in_states((*ENDED, *UNENDED))
        self._at_work = [job for job in jobs if job.state not in ENDED]
        self._needed = {
            thing: job.job_id
            for job in self._at_work
            for thing in (*resources_of(job.spec).named(), works_on(job))
            if thing is not None
        }
        self._clips = dict(_every(store, "clip"))
        self._results: set[str] = set()
        self._jobs = self._jobs_among(jobs)
        self._others = [job for job in jobs if job.job_id not in self._jobs]

    def _jobs_among(self, jobs: list[job_pb2.Job]) -> dict[str, job_pb2.Job]:
        """The jobs that made or used what is theirs, and those that worked on what came of that."""
        found: dict[str, job_pb2.Job] = {}
        made: set[str] = set()
        more = True
        while more:
            new = [job for job in jobs if job.job_id not in found and self._shows(job, made)]
            more = bool(new)
            for job in new:
                found[job.job_id] = job
                made |= {one.digest for one in job.result.artifacts}
            self._results |= {name for name, clip in self._clips.items() if clip.digest in made}
        return found

    def _shows(self, job: job_pb2.Job, made: set[str]) -> bool:
        needed = resources_of(job.spec)
        named = {*needed.named(), ("faceset", job.result.faceset_id), ("model", job.result.model_id)}
        refused = job.error.reason == "CONSENT_REVOKED" and self._person.identity_id in job.error.message
        return bool(
            refused  # their face was brought again
            or job.job_id in self._logged_jobs
            or named & self._known
            or made & {*needed.blobs}
            or self._results & {*needed.clips}
        )

    def _sources(self) -> set[str]:
        """The clips that their faces were taken from."""
        taken = [job for job in self._jobs.values() if kind_of(job.spec) == "extract"]
        return {one for job in taken for one in resources_of(job.spec).clips if one in self._clips}

    def report(self) -> identity_pb2.DeleteIdentityResponse:
        """Lists what would be deleted, and what would stay."""
        report = identity_pb2.DeleteIdentityResponse()
        for (kind, name), thing in self._faces.items():
            self._judge(report, kind, name, thing.display_name)
        for job in self._jobs.values():
            self._judge(
                report, "job", job.job_id, kind_of(job.spec), "" if job.state in ENDED else job.job_id
            )
        self._judge_clips(report)
        self._judge_person(report)
        for one in (*self._shared(), *self._alike(report)):
            report.kept.append(one)
        report.kept.append(_records())
        if self._register.revocations.is_revoked(self._person.identity_id):
            report.kept.append(_traces())
        return report

    def _judge(
        self, report: identity_pb2.DeleteIdentityResponse, kind: str, name: str, shown: str, job: str = ""
    ) -> None:
        """Note that something goes, or stays for a job that hasn't ended."""
        job = job or self._needed.get((kind, name), "")
        if job:
            what = "it hasn't ended" if job == name else f"job {job} needs it, and hasn't ended"
            report.kept.add(
                kind=kind, id=name, display_name=shown, reason="RUNNING_JOB", message=f"{what}; {LATER}"
            )
        else:
            report.deleted.add(kind=kind, id=name, display_name=shown)

    def _judge_clips(self, report: identity_pb2.DeleteIdentityResponse) -> None:
        sources = self._sources()
        for name in sorted(sources | self._results):
            shown = self._clips[name].display_name
            using = [one for one in self._others if name in resources_of(one.spec).clips]
            brought = [one for one in self._others if one.result.clip_id == name]
            if ("clip", name) not in self._needed and using:
                message = (
                    f"their faces were taken from it, and job {using[0].job_id} used it for other work; "
                    "delete it if it is to go"
                )
                report.kept.add(kind="clip", id=name, display_name=shown, reason="OTHERS", message=message)
                report.deleted.add(kind="analyses", id=name, display_name=shown)
                continue
            self._judge(report, "clip", name, shown)
            if ("clip", name) not in self._needed:
                for one in brought:
                    report.deleted.add(kind="job", id=one.job_id, display_name=kind_of(one.spec))

    def _judge_person(self, report: identity_pb2.DeleteIdentityResponse) -> None:
        """They go last, and with them their letter, unless something stays for a job."""
        name = self._person.identity_id
        shown = self._person.display_name
        waits = next((one.id for one in report.kept if one.reason == "RUNNING_JOB"), "")
        letter = self._person.attestation.document_digest
        if waits:
            message = f"there is still what a job needs that hasn't ended; {LATER}"
            report.kept.add(
                kind="identity", id=name, display_name=shown, reason="RUNNING_JOB", message=message
            )
            return
        others = [
            one.identity_id
            for one in self._register.list_people()
            if one.identity_id != name and one.attestation.document_digest == letter
        ]
        if letter and others:
            message = f"it is also what the right to the face of {others[0]} rests on"
            report.kept.add(kind="letter", id=letter, reason="OTHERS", message=message)
        elif letter:
            report.deleted.add(kind="letter", id=letter)
        until = self._register.held_until(self._person)
        if until:
            message = f"the policy holds what was stated of them, with the letter, until {until}"
            report.kept.add(kind="held", id=name, display_name=shown, reason="HOLD", message=message)
        report.deleted.add(kind="identity", id=name, display_name=shown)

    def _shared(self) -> Iterable[identity_pb2.KeptThing]:
        """Models of others that learnt their face, too."""
        theirs = self._register.all_traces(self._person.identity_id).digests
        for name, model in _every(self._store, "model"):
            if ("model", name) not in self._faces and model.target_digest in theirs:
                yield identity_pb2.KeptThing(
                    kind="model",
                    id=name,
                    display_name=model.display_name,
                    reason="OTHERS",
                    message="somebody else's model, which learnt their face as the one that is replaced; "
                    "delete it if it is to go",
                )

    def _alike(self, report: identity_pb2.DeleteIdentityResponse) -> Iterable[identity_pb2.KeptThing]:
        """Faces that look like theirs, whatever was said of them."""
        theirs = self._register.all_traces(self._person.identity_id).main()
        listed = {(one.kind, one.id) for one in (*report.kept, *report.deleted)}
        for kind in ("faceset", "model"):
            for name, thing in _every(self._store, kind):
                if (kind, name) not in listed and self._register.traces(kind, name).match(theirs):
                    whose = resource_identity(kind, name, self._store)
                    said = f"it was said to be of {whose}" if whose else "nobody said whose face it holds"
                    yield identity_pb2.KeptThing(
                        kind=kind,
                        id=name,
                        display_name=thing.display_name,
                        reason="LOOKS_ALIKE",
                        message=f"{said}, and it looks like theirs; delete it if it is",
                    )


def _every(store: Store, kind: str) -> list[tuple[str, Any]]:
    return [(record_id(thing), thing) for thing in store.catalog.of(kind).list_all()]


def _logged(register: Register, identity_id: str) -> tuple[set[Thing], set[str]]:
    """Facesets and models that were once said to be theirs, and jobs that put on their face."""
    things = set[Thing]()
    jobs = set[str]()
    for record in register.audit.records():
        said = record.details
        if identity_id in (said.get("identity"), *said.get("identities", ())):
            things |= {(kind, str(said[kind])) for kind in ("faceset", "model") if kind in said}
            jobs |= {str(said["job"])} if "job" in said else set()
    return things, jobs


def _records() -> identity_pb2.KeptThing:
    return identity_pb2.KeptThing(
        kind="records",
        reason="AUDIT_LOG",
        message="the audit log says what was done with their face, naming them by id, clips and faces by "
        "digest; it is never changed, and keeps who attested their right, and why it was revoked, as written",
    )


def _traces() -> identity_pb2.KeptThing:
    return identity_pb2.KeptThing(
        kind="traces",
        reason="REVOCATION_LIST",
        message="their right was revoked: digests and a few embeddings stay in the list of revoked faces, by "
        "which their face is refused if it is brought again",
    )


def _leave(report: identity_pb2.DeleteIdentityResponse) -> None:
    """Turn a report into that of deleting nobody but the person."""
    for one in [one for one in report.deleted if one.kind not in ("letter", "identity")]:
        report.deleted.remove(one)
        report.kept.add(
            kind=one.kind,
            id=one.id,
            display_name=one.display_name,
            reason="NOT_ASKED",
            message="the person alone was to be deleted",
        )


def _forget(
    store: Store, identity_id: str, report: identity_pb2.DeleteIdentityResponse, undoing: contextlib.ExitStack
) -> None:
    """Take all that goes off the store, and its folders out of sight."""
    store.database.mark_unscrubbed()
    gone: dict[str, list[str]] = {}
    for one in report.deleted:
        gone.setdefault(f"{one.kind}s", []).append(one.id)
        if one.kind == "job":
            store.jobs.delete(one.id)
        elif one.kind in ("faceset", "model", "clip"):
            store.catalog.of(one.kind).delete(one.id)
        if one.kind in ("job", "faceset", "model"):
            undoing.callback(store.hide(_folder(store, one)))
    whole = gone.pop("identitys", None)
    said = {kind: ids for kind, ids in gone.items() if kind in ("facesets", "models", "jobs", "clips")}
    if whole:
        register_of(store).delete(identity_id, **said)
    else:
        register_of(store).audit.add("identity.clear", identity=identity_id, **said)


def _clear(store: Store, report: identity_pb2.DeleteIdentityResponse) -> None:
    """Remove the files of what was forgotten, and what the store's own file still holds of it."""
    for one in report.deleted:
        if one.kind in ("job", "clip"):
            store.blobs.release_all(f"{one.kind} {one.id}")
        if one.kind in ("job", "faceset", "model"):
            store.remove(_folder(store, one))
        elif one.kind == "analyses":
            analyses.purge(store.catalog.clips.get(one.id).digest)
        elif one.kind == "letter":
            withdraw(store, one.id)
    try:
        store.database.scrub()
    except OutputError as error:
        message = f"its file still holds what was deleted, in freed room ({error}); the engine tries again"
        report.kept.add(kind="records", reason="STORE", message=message)


def _folder(store: Store, one: identity_pb2.DeletedThing) -> Any:
    place = {"job": store.folder.job, "faceset": store.folder.faceset, "model": store.folder.model}
    return place[one.kind](one.id)
