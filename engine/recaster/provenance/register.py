"""The register of identities: people, the rights to their faces, and the log of what was done with those.

One data folder holds one register: an engine's, or that of the command line's own work (the same folder,
unless one of them is given another).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.api.v1 import identity_pb2
from recaster.errors import ConsentError, InputError, NotFoundError, UsageError
from recaster.files import user_name, write_secret
from recaster.locks import lock
from recaster.provenance import legal_basis
from recaster.provenance.audit_log import AuditLog
from recaster.provenance.documents import DOCUMENTS, Documents
from recaster.provenance.face_traces import FaceTraces
from recaster.provenance.legal_basis import MAX_NAME_LENGTH, STATE_BASIS
from recaster.provenance.policy import Policy
from recaster.provenance.revocations import REVOCATIONS_FILE, Revocations
from recaster.store import learned_faces
from recaster.store.catalog import Catalog, record_id
from recaster.store.database import AuditHead, Database
from recaster.store.folder import DataFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

AUDIT_FILE: Final = "audit.jsonl"
"""Name of the log in a data folder."""
MIN_SECRET_BYTES: Final = 32


@dataclass(frozen=True)
class Register:
    """One register; its revocations are those known here, and those of the user's own register."""

    folder: DataFolder
    catalog: Catalog
    audit: AuditLog
    revocations: Revocations

    @classmethod
    def of(cls, folder: DataFolder, catalog: Catalog) -> Register:
        """Makes the register of a data folder that is open already."""
        listed = Revocations(folder.path / REVOCATIONS_FILE, [DataFolder.default().path / REVOCATIONS_FILE])
        return cls(folder, catalog, AuditLog(folder.path / AUDIT_FILE, AuditHead(catalog.database)), listed)

    @property
    def documents(self) -> Documents:
        """Consents and licences."""
        return Documents(self.folder.path / DOCUMENTS)

    @property
    def policy(self) -> Policy:
        """The rules as they are now (UsageError)."""
        return Policy.load(self.folder.path)

    def add(
        self,
        name: str,
        attestation: identity_pb2.Attestation | None = None,
        note: str = "",
        origin: str | None = None,
    ) -> identity_pb2.Identity:
        """Registers a person; with the ``origin`` of an earlier one, that one is returned.

        Raises:
            ConsentError: the policy doesn't take that basis.
            UsageError: the right would end before it begins, or a text is too long.
            InputError: the document isn't there.
        """
        if origin is not None and (known := self.catalog.identities.find_by_origin(origin)) is not None:
            return known
        if not name.strip() or len(name) > MAX_NAME_LENGTH or not name.isprintable():
            raise UsageError(
                f"{name[:40]!r} can't be a person's name; give 1 to {MAX_NAME_LENGTH} printable letters"
            )
        identity = identity_pb2.Identity(display_name=name, note=note)
        if attestation is not None:
            legal_basis.put_attestation(identity, attestation, self.policy, self.documents)
        with self.catalog.transaction():  # nothing is done that the log doesn't say
            kept: identity_pb2.Identity = self.catalog.identities.add(identity, origin)
            self.audit.add("identity.add", **legal_basis.audit_terms(kept))
        return kept

    def attest(self, identity_id: str, attestation: identity_pb2.Attestation) -> identity_pb2.Identity:
        """States a person's right anew; a revocation is over (NotFoundError; other errors as ``add``)."""
        with self.catalog.transaction():  # nobody else changes the person meanwhile
            identity = self.get(identity_id)
            before = identity.attestation.document_digest
            if before and before != attestation.document_digest:
                self._hold(identity)
            legal_basis.put_attestation(identity, attestation, self.policy, self.documents)
            identity.ClearField("revocation")
            self.catalog.identities.put(identity)
            self.audit.add("identity.attest", **legal_basis.audit_terms(identity))
            self.revocations.lift(identity.identity_id)
        self._drop_document(before)
        return identity

    def revoke(self, identity_id: str, reason: str = "") -> identity_pb2.Identity:
        """Takes a right back; the face is known by its content from now on (NotFoundError)."""
        with self.catalog.transaction():
            identity = self.get(identity_id)
            if not identity.HasField("revocation"):
                identity.revocation.reason = reason
                identity.revocation.time.GetCurrentTime()
                self.catalog.identities.put(identity)
                self.audit.add("identity.revoke", identity=identity.identity_id, reason=reason)
            self.revocations.revoke(identity_id, self.all_traces(identity_id).main())
        return identity

    def refuse_revoked(self, identity_id: str, traces: FaceTraces, but: str = "") -> None:
        """Refuses a face that was revoked (ConsentError): as this person's, or by its content as anybody's.

        Args:
            identity_id: whose it is said to be; "" for nobody's.
            but: the person whose revocation doesn't count.
        """
        if identity_id:
            known = self.catalog.identities.find(identity_id)
            if self.revocations.is_revoked(identity_id) or (known and known.HasField("revocation")):
                raise legal_basis.revocation_error(identity_id, known)
        self.revocations.refuse(traces, but)

    def traces(self, kind: str, thing_id: str) -> FaceTraces:
        """Reads by which content the face in a resource is known: all that it ever was."""
        value = self.catalog.of(kind).traces(thing_id)
        kept = FaceTraces() if value is None else FaceTraces.from_json(value)
        thing = self.catalog.of(kind).find(thing_id)
        digest = getattr(thing, "digest", "") or getattr(thing, "source_digest", "")
        return kept | FaceTraces(frozenset({digest} - {""}))

    def add_traces(self, kind: str, thing_id: str, traces: FaceTraces) -> None:
        """Adds to the traces of the face in a faceset or model, and to those of its person."""
        with self.catalog.transaction():
            self.catalog.of(kind).keep_traces(thing_id, (self.traces(kind, thing_id) | traces).to_json())
            thing = self.catalog.of(kind).find(thing_id)
            if thing is not None and thing.identity_id:
                self.add_person_traces(thing.identity_id, traces)

    def add_person_traces(self, identity_id: str, traces: FaceTraces) -> None:
        """Adds to a person's traces; one who was revoked is known by them from now on, too."""
        with self.catalog.transaction():
            known = self.traces("identity", identity_id) | traces
            self.catalog.identities.keep_traces(identity_id, known.to_json())
            if self.revocations.known().get(identity_id) is not None:
                self.revocations.revoke(identity_id, known.main())

    def all_traces(self, identity_id: str) -> FaceTraces:
        """Reads a person's traces, in all that is theirs."""
        traces = self.traces("identity", identity_id)
        for kind in ("faceset", "model"):
            for thing in self.catalog.of(kind).list_all():
                if thing.identity_id == identity_id:
                    traces |= self.traces(kind, record_id(thing))
        return traces

    def reconcile(self) -> list[str]:
        """Takes over revocations that the store lost, from the list and the log; returns whose they are."""
        listed = {name: traces is not None for name, traces in self.revocations.known().items()}
        logged: dict[str, bool] = {}
        for record in self.audit.mentioning("identity."):
            if record.event in ("identity.revoke", "identity.attest"):
                logged[str(record.details.get("identity"))] = record.event == "identity.revoke"
        lost = []
        for identity in self.list_people():
            name = identity.identity_id
            is_listed = listed.get(name, False)
            is_revoked = is_listed or logged.get(name, False)
            if is_revoked and not (is_listed and identity.HasField("revocation")):
                lost.append(name)
                if not identity.HasField("revocation"):
                    identity.revocation.time.GetCurrentTime()
                    self.catalog.identities.put(identity)
                self.revocations.revoke(name, self.all_traces(name).main())
        return lost

    def now(self) -> dt.datetime:
        """Returns the time, which the log's newest record is never after: an older clock revives no right."""
        newest = self.audit.newest()
        now = dt.datetime.now(dt.UTC)
        return now if newest is None else max(now, dt.datetime.fromisoformat(newest.time))

    def assign(self, identity_id: str, kind: str, thing: Any) -> None:
        """Notes whose face a faceset or model of an engine holds; with a faceset, of models made of it.

        Raises:
            ConsentError: it is known to be somebody's who was revoked.
        """
        thing_id = record_id(thing)
        traces = self.traces(kind, thing_id)
        self.revocations.refuse(traces, but=identity_id)
        thing.identity_id = identity_id
        with self.catalog.transaction():
            self.catalog.of(kind).put(thing)
            self.audit.add("identity.assign", identity=identity_id, **{kind: thing_id})
            self.add_person_traces(identity_id, traces)
            for model in self.catalog.models.list_all() if kind == "faceset" else ():
                if not model.identity_id and model.source_digest in traces.digests:
                    self.assign(identity_id, "model", model)

    def delete(self, identity_id: str, **gone: list[str]) -> str:
        """Forgets a person, and their document where it is nobody else's (NotFoundError).

        Args:
            **gone: ids of what was deleted with them, by kind, for the log.

        Returns:
            Until when the policy holds what was stated of them, as 2036-12-31; "" where it doesn't.
        """
        identity = self.get(identity_id)
        held_until = self._hold(identity)
        with self.catalog.transaction():
            self.catalog.identities.delete(identity_id)
            held = {"held": held_until} if held_until else {}
            self.audit.add("identity.delete", identity=identity_id, **gone, **held)
            document = identity.attestation.document_digest
            self.catalog.database.on_commit(lambda: self._drop_document(document))
            self.catalog.database.on_commit(learned_faces.clear)
        return held_until

    def held_until(self, identity: identity_pb2.Identity) -> str:
        """Computes until when the policy holds what was stated of a person who is deleted now; "" for not."""
        years = self.policy.letters_years
        if not years or not identity.HasField("attestation"):
            return ""
        return str((self.now() + dt.timedelta(days=round(365.25 * years))).date())

    def _hold(self, identity: identity_pb2.Identity) -> str:
        """Holds what was stated of a person for as long as the policy says; returns until when, or ""."""
        until = self.held_until(identity)
        if until:
            self.documents.hold(identity, dt.date.fromisoformat(until))
        return until

    def _drop_document(self, digest: str) -> None:
        """Removes a document that is nobody's any more."""
        if digest and all(each.attestation.document_digest != digest for each in self.list_people()):
            self.documents.path(digest).unlink(missing_ok=True)

    def get(self, identity_id: str) -> identity_pb2.Identity:
        """Reads one person (NotFoundError)."""
        person: identity_pb2.Identity = self.catalog.identities.get(identity_id)
        return person

    def list_people(self) -> list[identity_pb2.Identity]:
        """Lists everybody, the newest first."""
        return list(reversed(self.catalog.identities.list_all()))

    def find_named(self, name: str) -> identity_pb2.Identity:
        """Finds a person by id, or by a name that only one has.

        Raises:
            NotFoundError: there is none.
            UsageError: several have that name.
        """
        person = self.catalog.identities.find(name)
        if person is not None:
            return person
        namesakes = [each for each in self.catalog.identities.list_all() if each.display_name == name]
        if not namesakes:
            raise NotFoundError(f"there is no identity {name!r}; register one with: recaster identity add")
        if len(namesakes) > 1:
            ids = ", ".join(each.identity_id for each in namesakes)
            raise UsageError(f"{len(namesakes)} people are called {name!r}; give the id of one: {ids}")
        return namesakes[0]

    def add_stated(self, name: str, basis: str, origin: str | None = None) -> identity_pb2.Identity:
        """Registers a person by a basis alone; an ``origin`` gives the same one again."""
        attestation = identity_pb2.Attestation(basis=legal_basis.parse_basis(basis), attested_by=user_name())
        return self.add(name, attestation, origin=origin)

    def require(self, identity_id: str) -> identity_pb2.Identity:
        """Returns a person whose face may be put on, now; without an id, the policy's default.

        Raises:
            ConsentError: it may not; nobody is known, the right was revoked, or is over.
        """
        policy = self.policy
        if identity_id:
            identity = self.catalog.identities.find(identity_id)
            if identity is None:
                raise ConsentError(f"identity {identity_id} isn't known here; {STATE_BASIS}")
        elif policy.default:
            name = f"faces of which nothing was said ({policy.default})"
            identity = self.add_stated(name, policy.default, origin=f"default {policy.default}")
        else:
            raise ConsentError(
                f"nobody has said whose face this is, and by what right it is used; {STATE_BASIS}"
            )
        if self.revocations.is_revoked(identity.identity_id):
            raise legal_basis.revocation_error(identity.identity_id, identity)
        legal_basis.require(identity, policy, self.now())
        return identity

    def salted_hash(self, *values: str) -> str:
        """Hashes values as only this register can: it tells strangers nothing, and its owner all.

        HMAC-SHA-256 with the register's secret, as hex digits.

        Raises:
            InputError: the secret is shorter than it was made.
        """
        path = self.folder.path / "secret"
        if not path.is_file():
            with lock(self.folder.path / "secret.lock"):
                if not path.is_file():  # else another process has just made it
                    write_secret(path, secrets.token_hex(32))
        secret = path.read_bytes()
        if len(secret) < MIN_SECRET_BYTES:
            raise InputError(
                f"{path}: the register's secret is damaged ({len(secret)} bytes); put it back from a backup, "
                "or delete it: then a new one is made, and manifests name nobody that they named before"
            )
        return hmac.new(secret, "\n".join(values).encode(), hashlib.sha256).hexdigest()


@contextlib.contextmanager
def open_register(folder: DataFolder | None = None) -> Iterator[Register]:
    """Opens the register of a data folder, by default the user's own (OutputError where it can't be kept).

    Revocations that an older store has lost hold again (``Register.reconcile``).
    """
    with _unchecked(folder or DataFolder.default()) as register:
        register.reconcile()
        register.documents.end_holds()
        yield register


@contextlib.contextmanager
def _unchecked(folder: DataFolder) -> Iterator[Register]:
    folder.make()
    database = Database(folder.database)
    try:
        yield Register.of(folder, Catalog(database))
    finally:
        database.close()


@contextlib.contextmanager
def open_audit_log(folder: DataFolder) -> Iterator[AuditLog]:
    """Opens the audit log of a data folder, compared with its store where there is one (OutputError)."""
    if not folder.database.is_file():
        yield AuditLog(folder.path / AUDIT_FILE)
        return
    with _unchecked(folder) as register:  # a damaged log is to be looked at all the same
        yield register.audit
