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
    from recaster.provenance.register import Register
    from recaster.provenance.traces import Traces


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
        ConsentError, UsageError, NotFoundError, OutputError: as ``provenance.owner.settle``.
    """
    from recaster.provenance.owner import settle

    return settle(register, folder, options.identity, options.basis, traces_of(folder))


def traces_of(folder: Path) -> Traces:
    """By which content the face in a faceset or model is known again (FacesetError, ModelError)."""
    from recaster.facesets.faceset import INDEX, Faceset
    from recaster.facesets.faceset_traces import faceset_traces
    from recaster.models.model_folder import ModelFolder
    from recaster.provenance.traces import Traces

    if (folder / INDEX).is_file():
        return faceset_traces(Faceset.open(folder))
    model = ModelFolder(folder)
    return model.traces() if model.exists() else Traces()


def heed(folder: Path) -> None:
    """Refuse a faceset or model of a face that was revoked here, whatever was noted beside it.

    Raises:
        ConsentError: it was.
    """
    from recaster.provenance.owner import owner
    from recaster.provenance.register import opened

    with opened() as register:
        register.heed(owner(folder), traces_of(folder))


def check_taking(options: argparse.Namespace, register: Register, folder: Path) -> None:
    """See to it that faces may be taken into a faceset.

    Raises:
        ConsentError: the person's face may not be put on; or the policy says which rights count, and nobody
            said any.
        UsageError, NotFoundError: as ``provenance.owner.found``.
    """
    from recaster.api.v1 import identity_pb2
    from recaster.errors import ConsentError
    from recaster.provenance.basis import HOW, allowed, basis_of
    from recaster.provenance.owner import found, owner

    person = found(register, folder, options.identity, options.basis)
    register.heed(owner(folder), traces_of(folder))
    if options.basis is not None:
        allowed(identity_pb2.Attestation(basis=basis_of(options.basis)), register.policy)
    elif person is not None:
        register.require(person.identity_id)
    elif register.policy.demands_basis:
        raise ConsentError(f"{folder}: the policy wants to know by what right these faces are used; {HOW}")


def keep_unrevoked(folder: Path) -> None:
    """Remove a faceset that was made just now, of a face that was revoked here.

    Raises:
        ConsentError: it was.
    """
    from recaster.errors import ConsentError
    from recaster.files import remove_folder

    try:
        heed(folder)
    except ConsentError:
        remove_folder(folder)
        raise


def same_person(register: Register, model: Path, source: Path) -> None:
    """See to it that a model that is trained on is of whoever its faces are, and may still be put on.

    Raises:
        UsageError: it is somebody else's.
        ConsentError: their face may not be put on any more, whatever the faces say.
    """
    from recaster.provenance.owner import owner, settle

    if owner(model):
        settle(register, model, owner(source) or None, traces=traces_of(model))


def settle_there(
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
    from recaster.provenance.basis import basis_name
    from recaster.provenance.owner import found, owner
    from recaster.provenance.register import opened

    if options.identity is not None:
        engine.assign(engine.find_identity(options.identity).identity_id, faceset, model)
        return
    heed(folder)
    name, basis = folder.resolve().name, options.basis
    if owner(folder):
        with opened() as register:
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
