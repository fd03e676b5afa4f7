"""What commands that work on this machine leave in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def record(event: str, **details: Any) -> None:
    """Add a record (OutputError, AuditError where that is impossible)."""
    from recaster.provenance.register import open_register

    with open_register() as register:
        register.audit.add(event, **details)


def digests_of(*folders: Path | None) -> list[str]:
    """Digests of facesets and models, those that are there (FacesetError)."""
    from recaster.facesets.faceset import INDEX, Faceset
    from recaster.models.model_folder import ModelFolder

    found = []
    for folder in folders:
        if folder is not None and (folder / INDEX).is_file():
            found.append(Faceset.open(folder).digest())
        elif folder is not None and ModelFolder(folder).exists():
            found.append(ModelFolder(folder).digest())
    return found


def noted_identities(*folders: Path | None) -> list[str]:
    """Ids of the people whose faces facesets and models hold, as far as somebody said (ConsentError)."""
    from recaster.provenance.identity_note import owner

    people = [owner(folder) for folder in folders if folder is not None]
    return [one for one in dict.fromkeys(people) if one]
