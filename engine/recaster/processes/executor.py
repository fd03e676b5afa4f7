"""The seam by which work is shared out: among processes of this machine, or among machines of a cluster."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from recaster.processes.pool import limit_processes, run_in_processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Begun:
    """Files that long work goes on from.

    Attributes:
        files: by their names in the work's folder, with slashes, in the order in which they were made.
        steps: how far they are, in the work's own steps.
    """

    files: Sequence[str] = ()
    steps: int = 0


class Keeper(Protocol):
    """Counterpart of long work, wherever that is done."""

    threads: int | None
    """How many it may use; None for all."""

    def say(self, value: Any) -> None:
        """Passes a plain value on to whoever has the work done, which ``run`` calls ``hear`` with."""

    def keep(self, steps: int) -> None:
        """Keeps what the folder has now, as far as so many steps: it is whole, and nobody writes there.

        If this process dies, another one finds it in its folder, and goes on from it.
        """


@dataclass(frozen=True)
class Work:
    """Work of one kind on many items, each of which depends on nothing but itself and what all share.

    Doing an item twice gives the same files and does no harm.

    Attributes:
        prepare: makes of ``shared`` what a process needs for all of its items.
        do: is given that, an item, and what it calls whenever it has come one further; returns plain values
            as of JSON. Its files are whole once they are there.
        shared: can be pickled; its arrays may be mapped and can't be written to.
        folder: holds the files that ``do`` makes; ``shared`` names it. Files that end in ``.lock`` are none.
        clips: handles (``media.Clip``) of those that ``shared`` has, which are read in parts; processes get
            to know what is known of them.
        inputs: files and folders that ``shared`` names, which are read whole.
        files: read in parts, by the very paths that they have here.
        name: describes all that the files of every item depend on.
        key: describes what those of one item depend on besides.
        cores: that one process keeps busy.
        memory_bytes: that one process needs.
        begun: of long work, which has one item and doesn't begin that from the start again: what there is of
            it. ``do`` is given a ``Keeper`` in the place of its callback, and what it keeps comes into the
            folder meanwhile.
    """

    prepare: Callable[[Any], Any]
    do: Callable[[Any, Any, Any], Any]
    shared: Any
    folder: Path
    name: str
    key: Callable[[Any], str]
    cores: int
    memory_bytes: int
    clips: Sequence[Any] = ()
    inputs: Sequence[Path] = ()
    files: Sequence[Path] = ()
    begun: Begun | None = None


def ignore(value: Any) -> None:
    """Drops what long work says."""


class Executor(Protocol):
    """A way to do work on many items at once."""

    is_local: bool
    """Whether one process of it is as good as this very one."""

    def limit(self, useful: int, cores_each: int, memory_each: int) -> int:
        """Limits a number of items to those that there are cores and memory (bytes) for at once; from 1."""

    def run(
        self,
        work: Work,
        items: Sequence[Any],
        count: int,
        tick: Callable[[int], None],
        hear: Callable[[Any], None] = ignore,
    ) -> list[Any]:
        """Does work on every item.

        Args:
            count: how many at once, as ``limit`` said; nodes that come and go may do more, or fewer.
            tick: told every now and then by how much all have come further since the last time.
            hear: told what long work says.

        Returns:
            What came back for each item, in their order. The files of all are in the work's folder.

        Raises:
            OutputError: a process that did the work died. What the work raises is raised here, too, and ends
                the rest.
        """


class LocalKeeper:
    """Keeper of work in this process, whose folder has all that is to be kept."""

    threads = None

    def __init__(self, hear: Callable[[Any], None]) -> None:
        self.say = hear

    def keep(self, steps: int) -> None:
        """Does nothing."""


class LocalExecutor:
    """Processes of this machine."""

    is_local = True

    def limit(self, useful: int, cores_each: int, memory_each: int) -> int:
        """Limits a number of processes, as ``limit_processes``."""
        return limit_processes(useful, cores_each, memory_each)

    def run(
        self,
        work: Work,
        items: Sequence[Any],
        count: int,
        tick: Callable[[int], None],
        hear: Callable[[Any], None] = ignore,
    ) -> list[Any]:
        """Does work in processes, as ``run_in_processes``; long work in this very one."""
        if work.begun is not None:
            prepared = work.prepare(work.shared)
            return [work.do(prepared, item, LocalKeeper(hear)) for item in items]
        facts = [clip.facts for clip in work.clips]
        return run_in_processes(_prepare, work.do, (work.prepare, work.shared, facts), items, count, tick)


def _prepare(given: tuple[Callable[[Any], Any], Any, Sequence[Any]]) -> Any:
    """Prepares a process, which would else find out by itself what took its parent a pass over each clip."""
    prepare, shared, facts = given
    for each in facts:
        each.note()
    return prepare(shared)


_LOCAL: Final = LocalExecutor()
_in_use: list[Executor] = []
"""Of those blocks of ``use_executor`` that last, the innermost last."""


def current_executor() -> Executor:
    """The executor of the block that lasts; processes of this machine where there is none."""
    return _in_use[-1] if _in_use else _LOCAL


@contextlib.contextmanager
def use_executor(executor: Executor) -> Iterator[None]:
    """Lets an executor do the work of this process while the block lasts."""
    _in_use.append(executor)
    try:
        yield
    finally:
        _in_use.pop()
