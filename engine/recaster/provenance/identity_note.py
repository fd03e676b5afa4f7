"""Whose face a faceset or a model on disk holds: a note in its folder, which stays on this machine.

The note names a person of the register. It isn't packed with a faceset or model that goes elsewhere: a
right is stated where it is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from recaster.errors import ConsentError, NotFoundError, OutputError, UsageError
from recaster.files import parse_json, write_json
from recaster.provenance.face_traces import FaceTraces
from recaster.provenance.legal_basis import HOW, basis_name

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import identity_pb2
    from recaster.provenance.register import Register

NOTE: Final = "identity.json"


def owner(folder: Path) -> str:
    """Id of the person whose face a folder holds; empty where nobody said.

    Raises:
        ConsentError: the note is damaged.
    """
    path = folder / NOTE
    try:
        noted = parse_json(path.read_bytes())["identity_id"]
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConsentError(f"{path}: cannot be read ({error}); delete it and state the basis anew") from None
    if not isinstance(noted, str):
        raise ConsentError(f"{path}: names nobody; delete it and state the basis anew")
    return noted


def note(folder: Path, identity_id: str) -> None:
    """Note whose face a folder holds.

    Raises:
        UsageError: it holds somebody else's.
        OutputError: the folder can't be written.
    """
    noted = owner(folder)
    if noted not in ("", identity_id):
        raise _other(folder, noted, identity_id)
    if not noted:
        write_json(folder / NOTE, {"identity_id": identity_id})


def found(
    register: Register, folder: Path, identity: str | None = None, basis: str | None = None
) -> identity_pb2.Identity | None:
    """The person whose face a folder holds, by its note or by what is said now; None where neither says.

    Args:
        register: who is known.
        folder: a faceset's or a model's, or one that is still to be made.
        identity: id or name of a registered person.
        basis: or just by what right it is used.

    Raises:
        UsageError: it was noted to be somebody else, or of another basis.
        ConsentError: the noted person isn't known here.
        NotFoundError: there is no such person.
    """
    noted = owner(folder)
    if identity is not None:
        person = register.named(identity)
        if noted not in ("", person.identity_id):
            raise _other(folder, noted, person.identity_id)
        return person
    if not noted:
        return None
    try:
        person = register.get(noted)
    except NotFoundError:
        raise ConsentError(
            f"{folder}: holds the face of identity {noted}, which isn't known here; "
            f"delete {folder / NOTE} and state the basis anew"
        ) from None
    stated = basis_name(person.attestation.basis)
    if basis is not None and basis != stated:
        raise UsageError(
            f"{folder}: the basis of {noted} is {stated or 'not stated'}, "
            f"not {basis}; change it with: recaster identity attest {noted} --basis {basis}"
        )
    return person


def settle(
    register: Register,
    folder: Path,
    identity: str | None = None,
    basis: str | None = None,
    traces: FaceTraces | None = None,
) -> identity_pb2.Identity:
    """Find out whose face a folder holds, see to it that it may be put on now, and note what was said.

    Args:
        register: who is known.
        folder: a faceset's or a model's.
        identity: id or name of a registered person.
        basis: or just by what right it is used; somebody is registered under the folder's name.
        traces: by which content the face is known again, whatever was noted.

    Raises:
        UsageError, NotFoundError: as ``found``.
        ConsentError: nobody said whose it is, or it may not be put on now.
        OutputError: the note can't be written.
    """
    person = found(register, folder, identity, basis)
    register.refuse_revoked("" if person is None else person.identity_id, traces or FaceTraces())
    if person is None and basis is None:
        if register.policy.default:
            return register.require("")
        raise ConsentError(f"{folder}: by what right is this face used? Please {HOW}")
    if (person is None or not owner(folder)) and not os.access(folder, os.W_OK):
        raise OutputError(f"{folder}: whose face it is can't be noted there; copy it to where you may write")
    if person is None:
        person = register.stated(folder.resolve().name, basis or "")
    note(folder, person.identity_id)
    if traces:
        register.add_person_traces(person.identity_id, traces)
    return register.require(person.identity_id)


def _other(folder: Path, noted: str, given: str) -> UsageError:
    return UsageError(f"{folder}: was noted to hold the face of {noted}, not of {given}; use other faces")
