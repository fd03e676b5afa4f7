"""Work on many items by the nodes of a Ray cluster while it lasts."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import ray
from ray.exceptions import NodeDiedError, RayError, RayTaskError, WorkerCrashedError

from recaster.cluster.node import describe_release
from recaster.cluster.packing import pack_value
from recaster.cluster.ray_tasks import list_drivers
from recaster.cluster.results import check_result
from recaster.cluster.turns import Turns
from recaster.errors import ClusterError, NotStoredError, StorageError
from recaster.files import remove_folder, write_error
from recaster.processes.own_folder import own_folder
from recaster.progress import step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from recaster.cluster.kept_files import KeptFiles
    from recaster.cluster.node import Task
    from recaster.cluster.results import Result, Run

MAX_WAIT_FOR_ROOM_S: Final = 600.0
"""An autoscaler takes minutes to start a node."""
POLL_S: Final = 0.3
STOP_TIMEOUT_S: Final = 10.0
LONG_STOP_TIMEOUT_S: Final = 45.0
"""For a step of long work, and to keep what it made; an engine waits for a minute."""
MAX_NODE_DEATHS: Final = 20
"""How often an item is begun anew because its node died: more often, and the item kills nodes."""
BEGUN_AHEAD: Final = 2
FETCHERS: Final = 4
MAX_LOST_RESULTS: Final = 3
"""How often an item is done again because what was made of it is no longer in the storage."""


class Listener(NamedTuple):
    """Actor that nodes report to, and those who want to know: as of ``Executor.run``."""

    progress: Any
    tick: Callable[[int], None]
    hear: Callable[[Any], None]


class RunningWork:
    """Work on many items while it lasts: what is begun, what has come, what is to be done again.

    Args:
        kept: of long work.
    """

    def __init__(
        self,
        remote: Any,
        tasks: Sequence[Task],
        run: Run,
        listener: Listener,
        folder: Path,
        kept: KeptFiles | None,
    ) -> None:
        self._remote = remote
        self._tasks = tasks
        self._run = run
        self._listener = listener
        self._folder = folder
        self._kept = kept
        self._kept_count = 0
        self._bringing: Future[None] | None = None
        self._turns = Turns(tasks[0].driver, listener.progress)
        self._is_leaving = False
        self._room = 0
        self._release = describe_release()
        self._told = 0
        self._results: dict[int, Any] = {}
        self._waiting = deque(range(len(tasks)))
        self._begun: dict[Any, int] = {}
        self._coming: dict[Future[Any], int] = {}
        self._lost = [0] * len(tasks)
        self._steps: dict[int, int] = {}
        self._asked: Any = None
        self._last_room = time.monotonic()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            # Beside the folder: what isn't whole has no business in it.
            arriving = own_folder(self._folder.parent, f".{self._folder.name}.arriving-")
            self._arriving = stack.enter_context(arriving)
            self._fetchers = ThreadPoolExecutor(FETCHERS)
            stack.callback(self._fetchers.shutdown, wait=True, cancel_futures=True)
            stack.callback(self._bring_last)
            stack.callback(self._cancel)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def _cancel(self) -> None:
        """Ends what was begun: it is asked to, and then made to."""
        patience = STOP_TIMEOUT_S if self._kept is None else LONG_STOP_TIMEOUT_S
        begun = list(self._begun)
        for is_forced in (False, True):
            for reference in begun:
                with contextlib.suppress(RayError, ValueError):  # it has ended
                    ray.cancel(reference, force=is_forced)
            if begun and not is_forced:
                # Ray may abort this process where a task is made to end that has.
                begun = ray.wait(begun, num_returns=len(begun), timeout=patience)[1]

    def _bring_last(self) -> None:
        """Brings what was kept of long work, however that ended; then nobody needs it there any more."""
        if self._kept is not None:
            self._kept.fetch(self._arriving)
            self._run.remove(self._tasks[0].driver, list_drivers())

    def finish(self, find_room: Callable[[], int]) -> list[Any]:
        """Has all items done; returns what came back for each.

        Args:
            find_room: finds how many items the cluster has room for, which may change at any time.
        """
        self._find_results()
        while self._waiting or self._begun or self._coming:
            if self._waiting or self._begun:
                self._begin(find_room)
                self._give_way()
            if self._begun:
                ended, _ = ray.wait(list(self._begun), timeout=POLL_S)
                for reference in ended:
                    self._take(self._begun.pop(reference), reference)
            elif self._coming:
                wait(self._coming, POLL_S)
            else:
                time.sleep(POLL_S)
            self._collect()
            self._tell()
            step()
        if self._kept is not None:
            self._hear_last()
        self._listener.tick(max(0, sum(self._steps.values()) - self._told))
        return [self._results[number] for number in range(len(self._tasks))]

    def _find_results(self) -> None:
        """Finds what was done before, by a driver that is no more."""
        drivers = self._run.find_results()
        for number in [number for number in self._waiting if self._tasks[number].name in drivers]:
            name = self._tasks[number].name
            with contextlib.suppress(NotStoredError):  # another driver has just finished
                result = self._run.get_result(name, drivers[name])
                self._waiting.remove(number)
                self._fetch(number, result)

    def _begin(self, find_room: Callable[[], int]) -> None:
        """Begins items: twice as many as this driver's share of the cluster has room for.

        So no node waits for the next one, and an autoscaler sees that more nodes would be of use.
        """
        room = self._room = find_room()
        if room:
            self._last_room = time.monotonic()
        elif time.monotonic() - self._last_room > MAX_WAIT_FOR_ROOM_S:
            raise ClusterError(
                f"for {MAX_WAIT_FOR_ROOM_S:.0f} s no node of the cluster has had the cores and memory that "
                "one piece of work takes; start nodes that have, or ask for less (--ray-cpus, "
                "--ray-memory-gib, --ray-labels)"
            )
        if not self._waiting or self._turns.is_to_wait():
            return
        share = max(1, BEGUN_AHEAD * room // max(1, len(list_drivers())))
        while self._waiting and len(self._begun) < share:
            number = self._waiting.popleft()
            task = pack_value(self._tasks[number], {})
            progress = self._listener.progress
            progress.forget.remote(number)
            self._begun[self._remote.remote(self._release, task, number, progress)] = number

    def _give_way(self) -> None:
        """Ends long work, which goes on later, where others find no place."""
        if self._kept is not None and self._begun and not self._is_leaving and self._turns.is_over():
            self._is_leaving = True
            for reference in self._begun:
                ray.cancel(reference)

    def _take(self, number: int, reference: Any) -> None:
        try:
            self._fetch(number, check_result(ray.get(reference)))
        except RayError as error:
            if self._is_leaving:
                self._is_leaving = False
                self._waiting.append(number)
            else:
                self._take_error(number, error)

    def _take_error(self, number: int, error: RayError) -> None:
        """Begins an item anew where that may help; raises what became of it otherwise."""
        if isinstance(error, RayTaskError):
            if isinstance(error.cause, StorageError) and error.cause.is_transient:
                self._begin_anew(number, error.cause)
                return
            if isinstance(error.cause, RayError | ImportError):
                raise ClusterError(
                    f"a node of the cluster can't do this work ({error.cause}); install the same release of "
                    "Recaster, with its engine, on all nodes"
                ) from error
            raise error.cause from error
        if isinstance(error, NodeDiedError | WorkerCrashedError):
            raise ClusterError(
                f"a node of the cluster died {MAX_NODE_DEATHS + 1} times at the same piece of work (is there "
                "memory enough on it?); run the same command again to go on"
            ) from error
        raise ClusterError(
            f"the cluster lost a piece of work ({error}); run the same command again"
        ) from error

    def _begin_anew(self, number: int, error: StorageError) -> None:
        """Lets an item be done again; raises the error where that was tried often enough."""
        self._lost[number] += 1
        if self._lost[number] > MAX_LOST_RESULTS:
            raise error
        self._waiting.append(number)

    def _fetch(self, number: int, result: Result) -> None:
        self._steps[number] = result.steps
        self._coming[self._fetchers.submit(self._deliver, number, result)] = number

    def _deliver(self, number: int, result: Result) -> Any:
        """Puts what was made of an item into the folder, each whole, in the order in which it was made."""
        if result.names:
            made = self._arriving / str(number)
            self._run.storage_of(result.driver).fetch_tree(result.tree, made)
            for name in result.names:
                replace_path(made / name, self._folder / name)
            remove_folder(made, quietly=True)
        return result.value

    def _collect(self) -> None:
        """Takes over what has arrived; what was swept from the storage meanwhile is done again."""
        for future in [future for future in self._coming if future.done()]:
            number = self._coming.pop(future)
            try:
                self._results[number] = future.result()
            except NotStoredError as error:  # of another driver, which has finished meanwhile
                del self._steps[number]
                self._begin_anew(number, error)

    def _tell(self) -> None:
        """Tells how far all are; a node that died doesn't take back what was told."""
        if self._asked is None:
            self._asked = self._listener.progress.read.remote()
        if not ray.wait([self._asked], timeout=0)[0]:
            return
        noted, said = ray.get(self._asked)
        self._asked = None
        for value in said:
            self._listener.hear(value)
        is_on_a_node = not noted.keys().isdisjoint(self._begun.values())
        is_waiting = bool(self._room and self._begun) and not is_on_a_node
        self._turns.note(is_on_a_node=is_on_a_node, is_waiting=is_waiting)
        if self._kept is not None:
            self._bring_kept(self._kept, noted.get(0, 0))
            return
        done = sum(self._steps.values()) + sum(noted.get(number, 0) for number in self._begun.values())
        if done > self._told:
            self._listener.tick(done - self._told)
            self._told = done

    def _hear_last(self) -> None:
        """Hears what was said since the last answer."""
        for _ in range(2):  # one may be on its way that was asked for before
            self._asked = self._asked or self._listener.progress.read.remote()
            ray.wait([self._asked], timeout=STOP_TIMEOUT_S)
            self._tell()

    def _bring_kept(self, kept: KeptFiles, count: int) -> None:
        """Begins to bring what was kept of long work, where that is new, and nothing is being brought."""
        if self._bringing is not None:
            if not self._bringing.done():
                return
            try:
                self._bringing.result()
            except StorageError as error:
                if not (error.is_transient or isinstance(error, NotStoredError)):
                    raise
                self._kept_count = -1  # once more: the work itself goes on meanwhile
            self._bringing = None
        if count != self._kept_count:
            self._kept_count = count
            self._lost[0] = 0
            self._bringing = self._fetchers.submit(kept.fetch, self._arriving)


def replace_path(made: Path, place: Path) -> None:
    """Moves a file or folder to its place, in the stead of what is there (OutputError)."""
    try:
        if place.is_dir():
            remove_folder(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        made.replace(place)
    except OSError as error:
        raise write_error(place, error) from error
