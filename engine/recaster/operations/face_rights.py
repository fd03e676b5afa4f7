"""Rights to faces in facesets and models on this machine, and records of their use in its audit log.

Every operation asks for the rights and writes the records itself. A worker of an engine can reach neither
register nor log (``jobs.confinement``): its engine does both, before and after, and hands it a ``Grant``.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import ConsentError
from recaster.files import remove_folder
from recaster.provenance.face_traces import NO_TRACES, FaceTraces
from recaster.provenance.identity_note import find_person, read_identity, resolve_and_record_identity
from recaster.provenance.legal_basis import STATE_BASIS, check_attestation, parse_basis
from recaster.provenance.register import open_register

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recaster.api.v1 import identity_pb2
    from recaster.provenance.provenance_mark import ProvenanceMark
    from recaster.provenance.register import Register
    from recaster.provenance.signer import Signer
    from recaster.provenance.vetting import VettingRules


@dataclass(frozen=True)
class Grant:
    """An engine's permission for one job, given to the worker that does it.

    The engine has applied its policy, checked the rights to the faces and recorded that the job begins; it
    does so again before it hands out what the worker made (``jobs.rights``).

    Attributes:
        mark: provenance mark of a swap; None for no manifest.
        signer: signs an edit, whose swaps ``vetting`` is for; None for other work.
    """

    mark: ProvenanceMark | None = None
    signer: Signer | None = None
    vetting: VettingRules | None = None


@dataclass(frozen=True)
class FaceClaim:
    """A statement of whose face is used, or by what right; noted beside the faceset or model.

    Attributes:
        identity: id or name of a registered person; None for the one who is noted.
        basis: the legal basis alone; None for the one that was stated.
    """

    identity: str | None = None
    basis: str | None = None

    def __bool__(self) -> bool:
        return self.identity is not None or self.basis is not None

    def authorize(self, register: Register, folder: Path) -> identity_pb2.Identity:
        """Returns the person whose face a faceset or model holds, as ``resolve_and_record_identity``."""
        traces = folder_traces(folder)
        return resolve_and_record_identity(register, folder, self.identity, self.basis, traces)

    def check_extraction(self, register: Register, folder: Path) -> None:
        """Checks that faces may be taken into a faceset, which may still have to be made.

        Raises:
            ConsentError: the person's face may not be put on; or the policy says which rights count, and
                nobody stated any.
            UsageError, NotFoundError: as ``identity_note.find_person``.
        """
        person = find_person(register, folder, self.identity, self.basis)
        register.refuse_revoked(read_identity(folder), folder_traces(folder))
        if self.basis is not None:
            from recaster.api.v1 import identity_pb2

            check_attestation(identity_pb2.Attestation(basis=parse_basis(self.basis)), register.policy)
        elif person is not None:
            register.require(person.identity_id)
        elif register.policy.demands_basis:
            raise ConsentError(
                f"{folder}: the policy wants to know by what right these faces are used; {STATE_BASIS}"
            )


@contextlib.contextmanager
def name_refused_face(folder: Path | str, member: str = "") -> Iterator[None]:
    """Adds to a refusal which face it is about, as the user called it: a cast's member, and its folder."""
    try:
        yield
    except ConsentError as error:
        text = str(error)
        if text.startswith(f"{folder}: "):
            called = member
        else:
            called = f"{member} ({folder})" if member else str(folder)
        raise ConsentError(f"{called}: {text}" if called else text, error.reason) from error


NO_CLAIM: Final = FaceClaim()
SYNTHETIC_NAME: Final = "Recaster's synthetic faces"
SYNTHETIC_ORIGIN: Final = "recaster synthetic faces"


def register_synthetic(register: Register) -> identity_pb2.Identity:
    """Registers whose faces come with Recaster, nobody's, if need be; the same one again (ConsentError)."""
    return register.add_stated(SYNTHETIC_NAME, "synthetic", SYNTHETIC_ORIGIN)


def require_same_person(register: Register, model: Path, source: Path) -> None:
    """Checks that a model that is trained on is of whoever its faces are, and may still be put on.

    Raises:
        UsageError: it is somebody else's.
        ConsentError: the face may not be put on any more, whatever the faces say.
    """
    if read_identity(model):
        traces = folder_traces(model)
        resolve_and_record_identity(register, model, read_identity(source) or None, traces=traces)


def refuse_revoked(*folders: Path | None) -> None:
    """Refuses facesets and models of a face that was revoked here (ConsentError), whatever its note says."""
    with open_register() as register:
        for folder in folders:
            if folder is not None:
                register.refuse_revoked(read_identity(folder), folder_traces(folder))


def remove_if_revoked(folder: Path) -> None:
    """Removes a faceset that was made just now if its face was revoked here (ConsentError)."""
    try:
        refuse_revoked(folder)
    except ConsentError:
        remove_folder(folder)
        raise


def record(event: str, **details: Any) -> None:
    """Adds a record to this machine's audit log (OutputError, AuditError where that is impossible)."""
    with open_register() as register:
        register.audit.add(event, **details)


def folder_traces(folder: Path) -> FaceTraces:
    """Reads by which content the face in a faceset or model is known again (FacesetError, ModelError)."""
    from recaster.facesets.faceset import INDEX, Faceset
    from recaster.facesets.faceset_traces import remember_traces
    from recaster.models.model_folder import ModelFolder

    if (folder / INDEX).is_file():
        return remember_traces(Faceset.open(folder))
    model = ModelFolder(folder)
    return model.traces() if model.exists() else NO_TRACES


def folder_digests(*folders: Path | None) -> list[str]:
    """Reads the digests of facesets and models, of those that are there (FacesetError)."""
    from recaster.facesets.faceset import INDEX, Faceset
    from recaster.models.model_folder import ModelFolder

    digests = []
    for folder in folders:
        if folder is not None and (folder / INDEX).is_file():
            digests.append(Faceset.open(folder).digest())
        elif folder is not None and ModelFolder(folder).exists():
            digests.append(ModelFolder(folder).digest())
    return digests


def noted_identities(*folders: Path | None) -> list[str]:
    """Reads the ids of the people whose faces facesets and models hold, where noted (ConsentError)."""
    people = [read_identity(folder) for folder in folders if folder is not None]
    return [person for person in dict.fromkeys(people) if person]
