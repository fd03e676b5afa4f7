"""Upkeep of a storage: what lies there, what of it is damaged, and what nobody needs any more."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from recaster.cluster.results import DRIVERS, KEPT, RESULTS, Run, check_result
from recaster.errors import NotStoredError, StorageError
from recaster.progress import Report, Update, silent
from recaster.storage.manifests import is_digest
from recaster.storage.storage import MANIFESTS, OBJECTS
from recaster.storage.storage_check import CHECKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.storage.backend import StoredObject
    from recaster.storage.storage import Storage

RUNS: Final = "runs"
"""Name below which what nodes make lies, for each kind of work."""
DAY_S: Final = 86_400.0


@dataclass(frozen=True)
class KeptRun:
    """All that is kept of one kind of work.

    Attributes:
        name: of its storage within the whole one.
        objects: all of it; names are those in the whole storage.
        drivers: those that work on it now.
    """

    name: str
    objects: tuple[StoredObject, ...]
    drivers: tuple[str, ...]

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(each.size for each in self.objects)

    @property
    def modified(self) -> float:
        """Time at which the youngest of it was written, in seconds since 1970."""
        return max(_read_time(each) for each in self.objects)


class Contents(NamedTuple):
    """All that lies in a storage.

    Attributes:
        inputs: clips, models and facesets, and their manifests.
        checks: left by checks that were killed.
    """

    inputs: tuple[StoredObject, ...]
    runs: tuple[KeptRun, ...]
    checks: tuple[StoredObject, ...]


def list_contents(storage: Storage) -> Contents:
    """Lists all that lies in a storage (StorageError)."""
    by_run: dict[str, list[StoredObject]] = {}
    for each in storage.backend.list_objects(RUNS):
        by_run.setdefault("/".join(each.name.split("/")[:2]), []).append(each)
    runs = [KeptRun(name, tuple(found), _list_living(storage, name)) for name, found in by_run.items()]
    checks = tuple(storage.backend.list_objects(CHECKS))
    return Contents(tuple(storage.list_objects()), tuple(runs), checks)


def find_damaged(storage: Storage, contents: Contents, report: Report = silent) -> list[StoredObject]:
    """Reads everything, and finds what isn't what its name says, or says what can't be (StorageError)."""
    everything = [*contents.inputs, *(each for run in contents.runs for each in run.objects)]
    damaged = []
    for number, each in enumerate(everything, 1):
        try:
            if _is_damaged(each.name, storage.backend.read(each.name)):
                damaged.append(each)
        except NotStoredError:  # whoever made it has finished meanwhile
            pass
        report(Update("checking", number, len(everything), "files"))
    return damaged


def _is_damaged(name: str, data: bytes) -> bool:
    *_, top, _, last = name.split("/")
    if top in (OBJECTS, MANIFESTS):
        return is_digest(last) and hashlib.sha256(data).hexdigest() != last
    try:
        if top in (RESULTS, KEPT) and not last.startswith("."):  # that is one that is being written
            check_result(json.loads(data), is_nested=top == KEPT)
    except (ValueError, TypeError):
        return True
    return False


def find_unneeded(storage: Storage, contents: Contents, older_than_s: float) -> list[StoredObject]:
    """Finds what is older than that, and isn't part of a run that somebody works on now, nor its input.

    Raises:
        StorageError: the storage doesn't say when something was written, or an input of a run that somebody
            works on is missing or damaged.
    """
    newest = time.time() - older_than_s
    kept: set[str] = set()
    unneeded: list[StoredObject] = []
    for run in contents.runs:
        if run.drivers:
            kept |= Run(storage.within(run.name)).find_inputs(run.drivers)
        elif run.modified < newest:
            unneeded += run.objects
    needed = storage.list_needed(kept, {each.name for each in contents.inputs})
    others = [each for each in (*contents.inputs, *contents.checks) if each.name not in needed]
    return unneeded + [each for each in others if _read_time(each) < newest]


def remove_objects(storage: Storage, objects: Sequence[StoredObject], *, is_spared: bool = True) -> int:
    """Removes objects; returns their bytes.

    Args:
        is_spared: whether those of a run stay that somebody has begun to work on meanwhile.
    """
    runs = {"/".join(each.name.split("/")[:2]) for each in objects if each.name.startswith(f"{RUNS}/")}
    begun = {name for name in runs if is_spared and _list_living(storage, name)}
    removed = 0
    for each in objects:
        if not any(each.name.startswith(f"{name}/") for name in begun):
            storage.backend.remove(each.name)
            removed += each.size
    return removed


def _list_living(storage: Storage, run: str) -> tuple[str, ...]:
    listed: Sequence[StoredObject] = storage.backend.list_objects(f"{run}/{DRIVERS}")
    newest = time.time() - Run.MAX_SILENCE_S
    return tuple(each.name.rpartition("/")[2] for each in listed if _read_time(each) >= newest)


def _read_time(each: StoredObject) -> float:
    if each.modified is None:
        raise StorageError(
            f"{each.name}: this storage doesn't say when it was written, so nobody can tell if it is in use; "
            "clean the storage by hand"
        )
    return each.modified
