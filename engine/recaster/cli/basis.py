"""Options that say by what right a face is put on, and how that is found out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from recaster.errors import UsageError
from recaster.provenance.basis import basis_name
from recaster.provenance.policy import BASES

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from recaster.api.v1 import identity_pb2
    from recaster.client import Client
    from recaster.provenance.register import Register


def add_basis(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group(
        "whose face is put on",
        "said once: it is noted beside the faceset or model (see docs/responsible-use.md); RECASTER_BASIS "
        "says it for work that nobody watches",
    )
    choice = group.add_mutually_exclusive_group()
    choice.add_argument("--identity", metavar="NAME", help="a registered person (see: recaster identity)")
    choice.add_argument("--basis", choices=BASES, help="or just by what right their face is used")


def whose(options: argparse.Namespace, register: Register, folder: Path) -> identity_pb2.Identity:
    """The person whose face a faceset or model holds, who may be put on now; noted beside it.

    Raises:
        ConsentError, UsageError, UnknownError: as ``provenance.owner.settle``.
    """
    from recaster.provenance.owner import note, settle

    person = settle(register, folder, options.identity, options.basis)
    if options.identity is not None or options.basis is not None:
        note(folder, person.identity_id)
    return person


def settle_there(
    options: argparse.Namespace, engine: Client, name: str, *, faceset: str = "", model: str = ""
) -> None:
    """Say at an engine whose face a faceset or model holds, where the options do; the engine judges it.

    Args:
        options: the command line.
        engine: the engine.
        name: what to call a person of whom no more than a basis is said.
        faceset: id of the faceset, or
        model: of the model.

    Raises:
        UsageError: no person there has the given name, or several; or it was somebody else before.
    """
    if options.identity is not None:
        engine.assign(engine.find_identity(options.identity).identity_id, faceset, model)
        return
    engine.say_whose(name, options.basis or os.environ.get("RECASTER_BASIS", ""), faceset, model)
    if options.basis is not None:
        noted = (engine.faceset(faceset) if faceset else engine.model(model)).identity_id
        stated = basis_name(engine.identity(noted).attestation.basis)
        if stated != options.basis:
            raise UsageError(f"the engine has another basis for {name}: {stated or 'none'}")
