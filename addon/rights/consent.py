# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights to faces: looked up, stated and revoked at the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import messages
from ..engine import catalog, session
from ..state import addon_state
from ..translations import translate

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.client import Client

    from ..engine.connection import BackgroundWork, EngineState

LATER = "later"
"""Stands for a basis that is still to be stated."""


def describe_right(person: Any) -> tuple[str, bool]:
    """The state of a right in a few words, and whether the face may be put on now."""
    from recaster.errors import ConsentError
    from recaster.provenance.legal_basis import described as words
    from recaster.provenance.legal_basis import require
    from recaster.provenance.policy import Policy

    try:
        require(person, Policy())
    except ConsentError:
        return words(person, translate=translate), False
    return words(person, translate=translate), True


def blocking_reason(found: EngineState, face: str) -> str:
    """Says why a face can't be put on or learned now; "" where nothing is known against it."""
    from recaster.errors import ConsentError
    from recaster.provenance.legal_basis import require
    from recaster.provenance.policy import Policy

    if not face:
        return translate("Choose a face first: Sidebar > Recaster > Face")
    holder = catalog.holder_of(found, face)
    if holder is None:
        return translate("The engine doesn't have this face any more: choose another")
    person = catalog.person_of(found, holder)
    if person is None:
        needed = found.info is not None and found.info.basis_needed
        return translate(messages.OF_REASON["CONSENT_MISSING"]) if needed else ""
    try:
        require(person, Policy())
    except ConsentError as error:
        return messages.of_error(error)
    return ""


def count_shared(found: EngineState, person: Any) -> int:
    """Counts the models and facesets that hold the face of a person."""
    holders = (*found.models, *found.facesets)
    return sum(one.identity_id == person.identity_id for one in holders)


def state_right(face: str, basis: str) -> bool:
    """Says at the engine by what right a face is used, instead of what was said before, in a thread.

    Returns whether there is such a face to say it of.
    """
    found = session.engine_state()
    holder = catalog.holder_of(found, face)
    if holder is None:
        return False
    person = catalog.person_of(found, holder)
    name = catalog.display_name(holder)
    kind, _, holder_id = face.partition(":")

    def do(client: Client, _work: BackgroundWork) -> None:
        from recaster.client.client import attestation

        if person is None:
            client.say_whose(name, basis, **{f"{kind}_id": holder_id})
        else:
            client.attest(person.identity_id, attestation(basis))

    _change_right(face, translate("Stating a basis"), do)
    return True


def state_new_right(client: Client, name: str, basis: str, faceset: str) -> str:
    """States by what right a new faceset is used, for threads; returns why that failed, and else "".

    ``basis``: LATER leaves it to be stated.
    """
    from recaster.errors import RecasterError

    if basis == LATER:
        return ""
    try:
        client.say_whose(name, basis, faceset_id=faceset)
    except RecasterError as error:
        return messages.of_error(error)
    return ""


def note_new_right(faceset: str, trouble: str) -> None:
    """Lets panels show why the right to a new faceset couldn't be stated."""
    if trouble:
        addon_state.stating.line = f"faceset:{faceset}"
        addon_state.stating.trouble = trouble


def revoke_right(face: str) -> bool:
    """Takes back the right to a face, in a thread; returns whether there is one to take back."""
    found = session.engine_state()
    person = catalog.person_of(found, catalog.holder_of(found, face))
    if person is None:
        return False
    title = translate("Revoking a basis")
    _change_right(face, title, lambda client, _work: client.revoke(person.identity_id))
    return True


def _change_right(face: str, title: str, do: Callable[[Client, BackgroundWork], object]) -> None:
    connection = addon_state.connection
    if addon_state.stating.work is not None:
        return  # pressed twice
    if connection is None:
        addon_state.stating.trouble = session.engine_state().trouble
        return

    def done(_: object) -> None:
        addon_state.stating.work = None
        connection.refresh()

    def failed(error: Exception) -> None:
        addon_state.stating.work = None
        addon_state.stating.trouble = messages.of_error(error)

    addon_state.stating.trouble = ""
    addon_state.stating.line = face
    addon_state.stating.work = connection.run(title, do, done, failed)
