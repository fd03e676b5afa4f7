"""Identity notes: the person whose face a faceset or model on disk holds, noted in its folder.

A note names a person of the register and stays on this machine: it isn't packed with a faceset or model that
goes elsewhere, since a right is stated where it is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from recaster.errors import ConsentError, NotFoundError, OutputError, UsageError
from recaster.files import parse_json, write_json
from recaster.locks import lock
from recaster.provenance.face_traces import NO_TRACES, FaceTraces
from recaster.provenance.legal_basis import STATE_BASIS, basis_name
from recaster.settings.paths import lock_path_of

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import identity_pb2
    from recaster.provenance.register import Register

NOTE_FILE: Final = "identity.json"


def read_identity(folder: Path) -> str:
    """Reads the id of the person whose face a folder holds; "" without a note (ConsentError)."""
    path = folder / NOTE_FILE
    try:
        identity_id = parse_json(path.read_bytes())["identity_id"]
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConsentError(f"{path}: cannot be read ({error}); delete it and state the basis anew") from None
    if not isinstance(identity_id, str):
        raise ConsentError(f"{path}: names nobody; delete it and state the basis anew")
    return identity_id


def write_identity(folder: Path, identity_id: str) -> None:
    """Notes whose face a folder holds (UsageError where it is somebody else's, OutputError)."""
    noted_id = read_identity(folder)
    if noted_id not in ("", identity_id):
        raise _other_person(folder, noted_id, identity_id)
    if not noted_id:
        write_json(folder / NOTE_FILE, {"identity_id": identity_id})


def find_person(
    register: Register, folder: Path, identity: str | None = None, basis: str | None = None
) -> identity_pb2.Identity | None:
    """Finds the person whose face a folder holds, by its note or by a claim; None where neither names one.

    Args:
        folder: a faceset's or a model's; it may still have to be made.
        identity: id or name of a registered person.
        basis: the legal basis alone.

    Raises:
        UsageError: the note names somebody else, or the person has another basis.
        ConsentError: the noted person isn't known here.
        NotFoundError: there is no such person.
    """
    noted_id = read_identity(folder)
    if identity is not None:
        person = register.find_named(identity)
        if noted_id not in ("", person.identity_id):
            raise _other_person(folder, noted_id, person.identity_id)
        return person
    if not noted_id:
        return None
    try:
        person = register.get(noted_id)
    except NotFoundError:
        raise ConsentError(
            f"{folder}: holds the face of identity {noted_id}, which isn't known here; "
            f"delete {folder / NOTE_FILE} and state the basis anew"
        ) from None
    stated = basis_name(person.attestation.basis)
    if basis is not None and basis != stated:
        raise UsageError(
            f"{folder}: the basis of {noted_id} is {stated or 'not stated'}, "
            f"not {basis}; change it with: recaster identity attest {noted_id} --basis {basis}"
        )
    return person


def resolve_and_record_identity(
    register: Register,
    folder: Path,
    identity: str | None = None,
    basis: str | None = None,
    traces: FaceTraces = NO_TRACES,
) -> identity_pb2.Identity:
    """Finds whose face a folder holds, checks that it may be put on now, and notes what was claimed.

    Args:
        folder: a faceset's or a model's.
        identity: id or name of a registered person.
        basis: the legal basis alone; somebody is registered under the folder's name.
        traces: content by which the face is known again, whatever the note says.

    Raises:
        UsageError, NotFoundError: as ``find_person``.
        ConsentError: nobody said whose it is, or it may not be put on now.
        OutputError: the note can't be written.
        LockedError: another process keeps working on the note.
    """
    with lock(lock_path_of(folder)):  # several who begin with a face at once are told of the same person
        person = find_person(register, folder, identity, basis)
        register.refuse_revoked("" if person is None else person.identity_id, traces)
        if person is None and basis is None:
            if register.policy.default:
                return register.require("")
            raise ConsentError(f"{folder}: by what right is this face used? Please {STATE_BASIS}")
        if (person is None or not read_identity(folder)) and not os.access(folder, os.W_OK):
            raise OutputError(
                f"{folder}: whose face it is can't be noted there; copy it to where you may write"
            )
        if person is None:
            person = register.add_stated(folder.resolve().name, basis or "")
        write_identity(folder, person.identity_id)
        if traces:
            register.add_person_traces(person.identity_id, traces)
        return register.require(person.identity_id)


def _other_person(folder: Path, noted_id: str, claimed_id: str) -> UsageError:
    return UsageError(
        f"{folder}: was noted to hold the face of {noted_id}, not of {claimed_id}; use other faces"
    )
