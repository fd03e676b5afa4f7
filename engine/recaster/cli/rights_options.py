"""Options that state by what right a face is put on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.errors import UsageError
from recaster.provenance.policy import BASES

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from recaster.cli.parsers import Options
    from recaster.client import Client
    from recaster.operations.face_rights import FaceClaim


def add_basis(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    group = parser.add_argument_group(
        "whose face is put on",
        "said once: it is noted beside the faceset or model (see docs/responsible-use.md); RECASTER_BASIS "
        "says it for work here that nobody watches",
    )
    choice = group.add_mutually_exclusive_group()
    choice.add_argument("--identity", metavar="NAME", help="a registered person (see: recaster identity)")
    choice.add_argument("--basis", choices=BASES, help="or just by what right their face is used")


def claim_of(options: Options) -> FaceClaim:
    """Reads the options' statement of whose face is used."""
    from recaster.operations.face_rights import FaceClaim

    return FaceClaim(options.identity, options.basis)


def record_identity_remotely(
    options: Options, engine: Client, folder: Path, *, faceset: str = "", model: str = ""
) -> None:
    """States at an engine whose face a faceset or model holds, as far as that is known here.

    What was noted here holds there too: a right that was revoked here isn't stated there.

    Args:
        folder: what was sent; its name is that of a person of whom no more than a basis is said.
        faceset: its id there, of a faceset; or ``model``, of a model.

    Raises:
        ConsentError: the noted person's face may not be put on.
        UsageError: no person there has the given name, or several; or it was somebody else before.
    """
    from recaster.operations.face_rights import refuse_revoked
    from recaster.provenance.identity_note import find_person, read_identity
    from recaster.provenance.legal_basis import basis_name
    from recaster.provenance.register import open_register

    if options.identity is not None:
        engine.assign(engine.find_identity(options.identity).identity_id, faceset, model)
        return
    refuse_revoked(folder)
    name = folder.resolve().name
    basis = options.basis
    if read_identity(folder):
        with open_register() as register:
            noted = find_person(register, folder, None, options.basis)
            assert noted is not None  # noqa: S101 - there is a note
            register.require(noted.identity_id)
        name = noted.display_name
        basis = basis_name(noted.attestation.basis)
    engine.say_whose(name, basis or "", faceset, model)
    if options.basis is not None:
        there = (engine.faceset(faceset) if faceset else engine.model(model)).identity_id
        stated = basis_name(engine.identity(there).attestation.basis)
        if stated != options.basis:
            raise UsageError(f"the engine has another basis for {name}: {stated or 'none'}")
