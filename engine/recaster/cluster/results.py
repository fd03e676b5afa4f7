"""Drivers and results of one kind of work, as the storage keeps them.

Two drivers may do the same work at once. Each has a storage of its own within the work's, which goes when it
has finished, or when another one finishes and it is no more; until then both take what either has finished.
"""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from recaster.errors import NotStoredError, StorageError
from recaster.storage.manifests import check_name, is_digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from recaster.storage.storage import Storage

DRIVERS: Final = "drivers"
RESULTS: Final = "results"
KEPT: Final = "kept"


class Result(NamedTuple):
    """Outcome of an item, or of what was kept of long work so far, as plain values of JSON.

    Attributes:
        driver: whose storage has the files.
        tree: reference of what was made, "" for nothing.
        names: of files and folders in it, in the order in which they were made; of files kept of long work
            those with slashes.
        steps: how many there were.
        value: of the work.
    """

    driver: str
    tree: str
    names: list[str]
    steps: int
    value: Any


class Run:
    """All that is kept of one kind of work."""

    RENEWAL_S: Final = 600.0
    MAX_SILENCE_S: Final = 7200.0
    """A driver that works says so every ``RENEWAL_S``; one that hasn't for so long is no more."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def add_driver(self, driver: str) -> Storage:
        """Notes that a driver works, and returns the storage of its own."""
        self._note_driver(driver, ())
        return self.storage_of(driver)

    @contextlib.contextmanager
    def keep_driver(self, driver: str, inputs: Sequence[str]) -> Iterator[None]:
        """Notes again and again, while the block lasts, that a driver works, and on what.

        Args:
            inputs: references in the whole storage.
        """
        is_over = threading.Event()

        def renew() -> None:
            while not is_over.wait(self.RENEWAL_S):
                with contextlib.suppress(StorageError):  # the work itself says what is wrong
                    self._note_driver(driver, inputs)

        self._note_driver(driver, inputs)
        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def find_inputs(self, drivers: Iterable[str]) -> set[str]:
        """Finds what drivers work on: references in the whole storage (StorageError: a note is damaged)."""
        found: set[str] = set()
        for driver in drivers:
            with contextlib.suppress(NotStoredError):  # it has finished
                try:
                    inputs = json.loads(self.storage.backend.read(_driver_place(driver))).get("inputs", [])
                    found |= {each for each in inputs if is_digest(each)}
                except (ValueError, TypeError, AttributeError):
                    raise StorageError(f"{self.storage.url}: the note of {driver} is damaged") from None
        return found

    def _note_driver(self, driver: str, inputs: Sequence[str]) -> None:
        note = json.dumps({"inputs": list(inputs)}).encode()
        self.storage.backend.write(_driver_place(driver), note)

    def storage_of(self, driver: str) -> Storage:
        """The storage of one driver."""
        return self.storage.within(driver)

    def put_result(self, name: str, result: Result) -> None:
        """Keeps what came of an item, once all that it names is kept."""
        self._write(RESULTS, name, result)

    def find_results(self) -> dict[str, str]:
        """Finds the items that are done: drivers by the items' names."""
        return dict(self._list(RESULTS))

    def get_result(self, name: str, driver: str) -> Result:
        """Reads what came of an item (NotStoredError: it is gone; StorageError: it is damaged)."""
        return self._read(RESULTS, name, driver)

    def put_kept(self, name: str, result: Result) -> None:
        """Keeps what was made of long work so far, once all that it names is kept; the last one goes."""
        self._write(KEPT, name, result)

    def list_kept(self, name: str, drivers: Sequence[str]) -> list[Result]:
        """Lists what drivers have kept of long work, the furthest first; of equals in the drivers' order."""
        found = []
        for kept, owner in self._list(KEPT):
            if kept == name and owner in drivers:
                with contextlib.suppress(NotStoredError):  # its driver has finished meanwhile
                    found.append(self._read(KEPT, name, owner))
        return sorted(found, key=lambda each: (-each.steps, drivers.index(each.driver)))

    def find_drivers(self) -> dict[str, str]:
        """Finds all drivers that are noted; the names of the notes by theirs."""
        listed = self.storage.backend.list_objects(DRIVERS)
        return {each.name.rpartition("/")[2]: each.name for each in listed}

    def _list(self, top: str) -> list[tuple[str, str]]:
        """Names of items, and drivers."""
        found = (each.name.rpartition("/")[2] for each in self.storage.backend.list_objects(top))
        return [(name, driver) for name, _, driver in (each.partition("-") for each in found) if driver]

    def _write(self, top: str, name: str, result: Result) -> None:
        place = _place(top, name, result.driver)
        self.storage.backend.write(place, json.dumps(result._asdict()).encode())

    def _read(self, top: str, name: str, driver: str) -> Result:
        try:
            values = json.loads(self.storage.backend.read(_place(top, name, driver)))
            return check_result(values, is_nested=top == KEPT)
        except (ValueError, TypeError):
            raise StorageError(
                f"{self.storage.url}: has a damaged result; remove all that is there"
            ) from None

    def remove(self, driver: str, living: Collection[str]) -> None:
        """Removes what is kept of a driver that has finished, and of all those that are no more."""
        known = self.find_drivers()
        gone = {each for each in known if each == driver or each not in living}
        for top in (RESULTS, KEPT):
            for result in self.storage.backend.list_objects(top):
                # One that was being written when its writer died has a temporary name, which goes on.
                if result.name.rpartition("-")[2].partition(".")[0] in gone:
                    self.storage.backend.remove(result.name)
        for each in gone:
            self.storage_of(each).sweep(older_than_s=0)
            self.storage.backend.remove(known[each])


def check_result(values: Mapping[str, Any], *, is_nested: bool = False) -> Result:
    """Makes a result of plain values (ValueError, TypeError: they are none, or reach out of their folder).

    Args:
        is_nested: whether names may be those of files in folders.
    """
    result = Result(**values)
    for name in result.names:
        check_name(name)
        if "/" in name and not is_nested:
            raise ValueError(name)
    if result.tree and not is_digest(result.tree):
        raise ValueError(result.tree)
    if not isinstance(result.steps, int) or not isinstance(result.driver, str) or "/" in result.driver:
        raise ValueError(result.driver)
    return result


def _driver_place(driver: str) -> str:
    return f"{DRIVERS}/{driver[:2]}/{driver}"


def _place(top: str, name: str, driver: str) -> str:
    return f"{top}/{name[:2]}/{name}-{driver}"
