"""Options that say by what right a face is put on, and how that is found out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.errors import UsageError
from recaster.provenance.policy import BASES

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from recaster.api.v1 import identity_pb2
    from recaster.client import Client
    from recaster.provenance.face_traces import FaceTraces
    from recaster.provenance.register import Register


def add_basis(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group(
        "whose face is put on",
        "said once: it is noted beside the faceset or model (see docs/responsible-use.md); RECASTER_BASIS "
        "says it for work here that nobody watches",
    )
    choice = group.add_mutually_exclusive_group()
    choice.add_argument("--identity", metavar="NAME", help="a registered person (see: recaster identity)")
    choice.add_argument("--basis", choices=BASES, help="or just by what right their face is used")


def whose(options: argparse.Namespace, register: Register, folder: Path) -> identity_pb2.Identity:
    """The person whose face a faceset or model holds, who may be put on now.

    Raises:
        ConsentError, UsageError, NotFoundError, OutputError: as ``provenance.identity_note.settle``.
    """
    from recaster.provenance.identity_note import settle

    return settle(register, folder, options.identity, options.basis, traces_of(folder))


def traces_of(folder: Path) -> FaceTraces:
    """By which content the face in a faceset or model is known again (FacesetError, ModelError)."""
    from recaster.facesets.faceset import INDEX, Faceset
    from recaster.facesets.faceset_traces import faceset_traces
    from recaster.models.model_folder import ModelFolder
    from recaster.provenance.face_traces import FaceTraces

    if (folder / INDEX).is_file():
        return faceset_traces(Faceset.open(folder))
    model = ModelFolder(folder)
    return model.traces() if model.exists() else FaceTraces()


def refuse_revoked(folder: Path) -> None:
    """Refuse a faceset or model of a face that was revoked here, whatever was noted beside it.

    Raises:
        ConsentError: it was.
    """
    from recaster.provenance.identity_note import owner
    from recaster.provenance.register import open_register

    with open_register() as register:
        register.refuse_revoked(owner(folder), traces_of(folder))


def authorize_extraction(options: argparse.Namespace, register: Register, folder: Path) -> None:
    """See to it that faces may be taken into a faceset.

    Raises:
        ConsentError: the person's face may not be put on; or the policy says which rights count, and nobody
            said any.
        UsageError, NotFoundError: as ``provenance.identity_note.found``.
    """
    from recaster.api.v1 import identity_pb2
    from recaster.errors import ConsentError
    from recaster.provenance.identity_note import found, owner
    from recaster.provenance.legal_basis import HOW, allowed, parse_basis

    person = found(register, folder, options.identity, options.basis)
    register.refuse_revoked(owner(folder), traces_of(folder))
    if options.basis is not None:
        allowed(identity_pb2.Attestation(basis=parse_basis(options.basis)), register.policy)
    elif person is not None:
        register.require(person.identity_id)
    elif register.policy.demands_basis:
        raise ConsentError(f"{folder}: the policy wants to know by what right these faces are used; {HOW}")


def remove_if_revoked(folder: Path) -> None:
    """Remove a faceset that was made just now, of a face that was revoked here.

    Raises:
        ConsentError: it was.
    """
    from recaster.errors import ConsentError
    from recaster.files import remove_folder

    try:
        refuse_revoked(folder)
    except ConsentError:
        remove_folder(folder)
        raise


def require_same_person(register: Register, model: Path, source: Path) -> None:
    """See to it that a model that is trained on is of whoever its faces are, and may still be put on.

    Raises:
        UsageError: it is somebody else's.
        ConsentError: their face may not be put on any more, whatever the faces say.
    """
    from recaster.provenance.identity_note import owner, settle

    if owner(model):
        settle(register, model, owner(source) or None, traces=traces_of(model))


def record_identity_remotely(
    options: argparse.Namespace, engine: Client, folder: Path, *, faceset: str = "", model: str = ""
) -> None:
    """Say at an engine whose face a faceset or model holds, as far as that is known here.

    What was noted here holds there too: a right that was revoked here isn't stated there.

    Args:
        options: the command line.
        engine: the engine.
        folder: what was sent; its name is that of a person of whom no more than a basis is said.
        faceset: its id there, of a faceset, or
        model: of a model.

    Raises:
        ConsentError: the noted person's face may not be put on.
        UsageError: no person there has the given name, or several; or it was somebody else before.
    """
    from recaster.provenance.identity_note import found, owner
    from recaster.provenance.legal_basis import basis_name
    from recaster.provenance.register import open_register

    if options.identity is not None:
        engine.assign(engine.find_identity(options.identity).identity_id, faceset, model)
        return
    refuse_revoked(folder)
    name, basis = folder.resolve().name, options.basis
    if owner(folder):
        with open_register() as register:
            noted = found(register, folder, None, options.basis)
            assert noted is not None  # noqa: S101 - there is a note
            register.require(noted.identity_id)
        name, basis = noted.display_name, basis_name(noted.attestation.basis)
    engine.say_whose(name, basis or "", faceset, model)
    if options.basis is not None:
        there = (engine.faceset(faceset) if faceset else engine.model(model)).identity_id
        stated = basis_name(engine.identity(there).attestation.basis)
        if stated != options.basis:
            raise UsageError(f"the engine has another basis for {name}: {stated or 'none'}")
