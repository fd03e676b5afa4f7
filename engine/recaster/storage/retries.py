"""Requests that are repeated with growing pauses while their trouble may pass, for a bounded time."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from recaster.errors import NotStoredError, RecasterError, StorageError
from recaster.progress import step
from recaster.storage.storage_errors import describe_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.storage.backend import Backend, StoredObject

P = ParamSpec("P")
R = TypeVar("R")

FIRST_PAUSE_S: Final = 0.2
MAX_PAUSE_S: Final = 10.0


class RetryingBackend:
    """Makes the requests of a backend, again where that may help, and says its errors in plain words.

    Args:
        patience_s: seconds, from the first try on, in which a request is repeated.
    """

    def __init__(self, backend: Backend, patience_s: float) -> None:
        self._backend = backend
        self._patience_s = patience_s

    def __str__(self) -> str:
        return str(self._backend)

    def read(self, name: str) -> bytes:
        """An object's bytes (NotStoredError, StorageError)."""
        return self._repeat(name, "read", self._backend.read, name)

    def write(self, name: str, data: bytes) -> None:
        """Writes an object (StorageError)."""
        self._repeat(name, "written", self._backend.write, name, data)

    def find(self, name: str) -> StoredObject | None:
        """Looks for an object; None where it isn't there (StorageError)."""
        return self._repeat(name, "looked for", self._backend.find, name)

    def touch(self, name: str) -> bool:
        """Makes an object as young as a new one; False where it has to be written again (StorageError)."""
        return self._repeat(name, "renewed", self._backend.touch, name)

    def list_objects(self, top: str) -> list[StoredObject]:
        """Lists the objects below a name (StorageError)."""
        return self._repeat(top, "listed", lambda: list(self._backend.list_objects(top)))

    def remove(self, name: str) -> None:
        """Removes an object, if it is there (StorageError)."""
        self._repeat(name, "removed", self._backend.remove, name)

    def _repeat(self, name: str, verb: str, request: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        end = time.monotonic() + self._patience_s
        pause_s = FIRST_PAUSE_S
        place = f"{self._backend}/{name}"
        while True:
            step()
            try:
                return request(*args, **kwargs)
            except RecasterError:
                raise
            except Exception as error:
                trouble = describe_error(error)
                is_over = time.monotonic() + pause_s > end
                if trouble.is_missing:
                    raise NotStoredError(
                        f"{place}: isn't in the storage; it was removed, or never stored: store it again"
                    ) from error
                if not trouble.is_passing or is_over:
                    tried = f", tried for {self._patience_s:.0f} s" if trouble.is_passing else ""
                    raise StorageError(
                        f"{place}: cannot be {verb}: {trouble.what}{tried}; {trouble.advice}",
                        is_transient=trouble.is_passing,
                    ) from error
            # Machines that lost one server together don't come back to it together.
            time.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311 - no secret
            pause_s = min(pause_s * 2, MAX_PAUSE_S)
