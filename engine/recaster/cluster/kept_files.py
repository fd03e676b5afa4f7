"""Files of long work that outlive the node where they were made: kept there, found again, brought home.

What was kept is one folder in the storage of the driver that had the work done, and one small object that
names it. So it is whole at any time, and a later one takes its place.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from recaster.cluster.results import Result, Run
from recaster.errors import NotStoredError, StorageError
from recaster.processes.throttle import Throttle
from recaster.storage.manifests import TreeManifest
from recaster.storage.transfers import put_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from recaster.cluster.node import Task
    from recaster.storage.manifests import StoredEntry

MAX_AGE_S: Final = 300.0
"""Age of objects that nothing needs any more, from which they go: time enough to fetch them."""
MAX_TRIES: Final = 5
"""How often what was kept may be gone, because something newer was, before it is taken for lost."""


def put_begun(run: Run, driver: str, name: str, folder: Path, files: Iterable[str], steps: int) -> Result:
    """Keeps what there is of work as it begins; ``files`` and ``steps`` as of ``Begun``."""
    names = list(files)
    tree = run.storage_of(driver).put_tree(folder, names) if names else ""
    result = Result(driver, tree, names, steps, None)
    if names:
        run.put_kept(name, result)
    return result


class NodeKeeper:
    """``Keeper`` on a node.

    Args:
        folder: of the work, on this node.
        tell: told how often something was kept here.
        say: as of ``Keeper``.
    """

    def __init__(
        self, task: Task, folder: Path, tell: Callable[[int], None], say: Callable[[Any], None]
    ) -> None:
        self.threads: int | None = task.threads
        self.say = say
        self._task = task
        self._folder = folder
        self._tell = tell
        self._run = Run(task.run)
        self._storage = task.own
        self._count = 0
        self._names: list[str] = []
        self._states: dict[str, tuple[int, int]] = {}
        self._entries: dict[str, StoredEntry] = {}
        self._sweeping = Throttle(MAX_AGE_S)

    def fetch(self) -> None:
        """Fetches what was kept furthest, whoever kept it, into the folder, which is made.

        Raises:
            NotStoredError: nothing of what was kept can be had any more; work doesn't begin from the start.
        """
        lost = None
        drivers = (self._task.driver, *self._task.predecessors)
        for result in self._run.list_kept(self._task.name, drivers):
            storage = self._run.storage_of(result.driver)
            try:
                files = storage.read_tree(result.tree).files
                storage.fetch_tree(result.tree, self._folder)
            except NotStoredError as error:  # of another driver, which has finished meanwhile
                lost = error
                continue
            self._names = result.names
            self._states = _read_states(self._folder)
            if result.driver == self._task.driver:
                self._entries = dict(files)
            return
        if lost is not None:
            raise lost
        self._folder.mkdir()

    def keep(self, steps: int) -> None:
        """Keeps what the folder has now; files that haven't changed aren't stored again."""
        states = _read_states(self._folder)
        changed = [name for name, state in states.items() if state != self._states.get(name)]
        # What stands for others gets its name after them, and has to arrive after them.
        changed.sort(key=lambda name: (self._folder / name).stat().st_ctime_ns)
        stays = [name for name in self._names if name in states and name not in changed]
        new = {name: self._folder / name for name in states if name in changed or name not in self._entries}
        self._entries = {name: entry for name, entry in self._entries.items() if name in states}
        self._entries |= put_files(self._storage, new, None)
        self._names = [*stays, *changed]
        self._states = states
        tree = self._storage.put_manifest(TreeManifest(self._entries))
        self._run.put_kept(self._task.name, Result(self._task.driver, tree, self._names, steps, None))
        if self._sweeping.is_due():
            self._storage.sweep([tree, self._task.shared], MAX_AGE_S)
        self._count += 1
        self._tell(self._count)


class KeptFiles:
    """Files that nodes keep, on their way into the work's folder on the driver's machine.

    Args:
        begun: what was kept as the work began.
        name: of what is kept of it.
        predecessors: as of ``Task``.
        move: puts a file to its place, in the stead of what is there.
    """

    def __init__(
        self,
        run: Run,
        begun: Result,
        name: str,
        predecessors: Sequence[str],
        folder: Path,
        move: Callable[[Path, Path], None],
    ) -> None:
        self._run = run
        self._drivers = (begun.driver, *predecessors)
        self._name = name
        self._folder = folder
        self._move = move
        self._tree = begun.tree
        self._names = begun.names
        self._steps = begun.steps
        self._here: Mapping[str, StoredEntry] = {}
        if begun.tree:
            self._here = run.storage_of(begun.driver).read_tree(begun.tree).files
        self._fetching = threading.Lock()

    def fetch(self, arriving: Path) -> None:
        """Brings the folder to what was kept furthest: new files in the order in which they were made.

        Args:
            arriving: folder for what isn't whole, on the same disk.

        Raises:
            OutputError: a file can't be written.
            StorageError: the storage can't be used.
        """
        with self._fetching:
            for attempt in range(1, MAX_TRIES + 1):
                kept = next(iter(self._run.list_kept(self._name, self._drivers)), None)
                if kept is None or kept.tree == self._tree:
                    return
                if kept.steps < self._steps:
                    raise StorageError(
                        f"{self._run.storage.url}: what was kept of this work is gone, and it began from the "
                        f"start; {self._folder} has it: go on from there"
                    )
                try:
                    self._bring(kept, arriving)
                except NotStoredError:
                    if attempt == MAX_TRIES:
                        raise
                else:
                    return

    def _bring(self, kept: Result, arriving: Path) -> None:
        storage = self._run.storage_of(kept.driver)
        files = storage.read_tree(kept.tree).files
        changed = [name for name in kept.names if files[name] != self._here.get(name)]
        for name in changed:
            storage.fetch_file(files[name].reference, arriving / name)
        for name in changed:
            self._move(arriving / name, self._folder / name)
        for name in reversed(self._names):
            if name not in files:
                (self._folder / name).unlink(missing_ok=True)
        self._tree = kept.tree
        self._names = kept.names
        self._steps = kept.steps
        self._here = files


def _read_states(folder: Path) -> dict[str, tuple[int, int]]:
    """The time of change in ns, and bytes, of a folder's files by their names, but for those with a dot."""
    states = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            status = path.stat()
            states[path.relative_to(folder).as_posix()] = status.st_mtime_ns, status.st_size
    return states
