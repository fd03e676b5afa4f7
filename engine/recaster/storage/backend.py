"""The few requests that a storage is made of, whichever protocol it speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class StoredObject(NamedTuple):
    """An object as a listing has it.

    Attributes:
        size: its bytes.
        modified: when it was written, in seconds since 1970; None where the storage doesn't say.
    """

    name: str
    size: int
    modified: float | None


class Backend(Protocol):
    """Whole objects by their names; errors are the libraries' own, FileNotFoundError for what isn't there."""

    def read(self, name: str) -> bytes:
        """An object's bytes."""

    def write(self, name: str, data: bytes) -> None:
        """Writes an object; one that isn't whole after a crash has another size."""

    def find(self, name: str) -> StoredObject | None:
        """Looks for an object; None where it isn't there."""

    def touch(self, name: str) -> bool:
        """Makes an object as young as a new one; False where it has to be written again for that."""

    def list_objects(self, top: str) -> Iterator[StoredObject]:
        """Lists the objects below a name."""

    def remove(self, name: str) -> None:
        """Removes an object, if it is there."""
