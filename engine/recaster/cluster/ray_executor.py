"""Work on many items by the nodes of a Ray cluster."""

from __future__ import annotations

import contextlib
import hashlib
import time
import uuid
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Final, Self

import ray
from ray.exceptions import (
    NodeDiedError,
    RayError,
    RayTaskError,
    TaskCancelledError,
    WorkerCrashedError,
)

from recaster.cluster.node import OUTPUT, Task, describe_release
from recaster.cluster.packing import pack_value
from recaster.cluster.ray_tasks import list_drivers, run_task, start_progress
from recaster.cluster.results import Result, Run, check_result
from recaster.errors import ClusterError, NotStoredError, StorageError
from recaster.files import remove_folder, write_error
from recaster.media.remote_files import stat_file
from recaster.media.stored_clip import describe_stored, store_files
from recaster.processes.own_folder import own_folder
from recaster.progress import step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from recaster.media.clip import Clip
    from recaster.media.stored_clip import StoredClip, StoredFiles
    from recaster.processes.executor import Work
    from recaster.settings.cluster import ClusterSettings
    from recaster.storage.storage import Storage

MAX_WAIT_FOR_ROOM_S: Final = 600.0
"""An autoscaler takes minutes to start a node."""
POLL_S: Final = 0.3
STOP_TIMEOUT_S: Final = 10.0
MAX_NODE_DEATHS: Final = 20
"""How often an item is begun anew because its node died: more often, and the item kills nodes."""
BEGUN_AHEAD: Final = 2
FETCHERS: Final = 4
MAX_LOST_RESULTS: Final = 3
"""How often an item is done again because what was made of it is no longer in the storage."""


class RayExecutor:
    """Nodes of a cluster that this process is connected to (``cluster.ray_connection``)."""

    is_local = False

    def __init__(self, storage: Storage, settings: ClusterSettings) -> None:
        self.storage = storage
        self.settings = settings
        self._labels = dict(label.split("=", 1) for label in settings.ray_labels)
        self._stored: dict[tuple[tuple[Path, int, int], ...], StoredFiles] = {}

    def limit(self, useful: int, cores_each: int, memory_each: int) -> int:
        """Limits a number of items to those that the cluster's nodes have room for; from 1."""
        return max(1, min(useful, self._find_room(cores_each, memory_each)))

    def _find_room(self, cores_each: float, memory_each: float) -> int:
        """Finds how many items the chosen nodes of the cluster have room for, all together."""
        need = self._need(cores_each, memory_each)
        labels = self._labels.items()
        return sum(
            min(int(node["Resources"].get(name, 0) // amount) for name, amount in need.items())
            for node in ray.nodes()
            if node["Alive"] and labels <= node["Labels"].items()
        )

    def _need(self, cores_each: float, memory_each: float) -> dict[str, float]:
        """Amounts of a node's resources, by Ray's names, that one item takes."""
        settings = self.settings
        own = None if settings.ray_memory_gib is None else settings.ray_memory_gib * 2**30
        need = {"CPU": settings.ray_cpus or cores_each, "memory": own or memory_each}
        return need | ({"GPU": settings.ray_gpus} if settings.ray_gpus else {})

    def run(
        self,
        work: Work,
        items: Sequence[Any],
        count: int,  # noqa: ARG002 - nodes come and go
        tick: Callable[[int], None],
    ) -> list[Any]:
        """Does work on every item, on whichever nodes are free; what was done before is found in the storage.

        Raises:
            ClusterError: an item's nodes died again and again, or no node has room for it.
            OutputError: its files can't be kept.
            StorageError: the storage can't be used.
            Others: as the work raises.
        """
        if not items:
            return []
        run = Run(self.storage.within(f"runs/{_digest(describe_release() + work.name)}"))
        driver = uuid.uuid4().hex
        progress = start_progress(driver)  # before there is anything that others might take for a dead one's
        try:
            return self._run(run, driver, progress, work, items, tick)
        finally:
            ray.kill(progress)

    def _run(
        self,
        run: Run,
        driver: str,
        progress: Any,
        work: Work,
        items: Sequence[Any],
        tick: Callable[[int], None],
    ) -> list[Any]:
        own = run.add_driver(driver)
        in_parts: list[StoredClip | StoredFiles] = [*map(self._store_clip, work.clips)]
        in_parts += [self._store_files(work.files)] if work.files else []
        inputs = {f"input{number}": path for number, path in enumerate(work.inputs)}
        stored = {name: self.storage.put_tree(path, tick=step) for name, path in inputs.items()}
        # Of a long clip the times of all frames are megabytes: too much for each task.
        packed = pack_value((in_parts, work.prepare, work.do, work.shared), inputs | {OUTPUT: work.folder})
        common = (self.storage, run.storage, driver, own.put_bytes(packed), stored)
        tasks = [Task(*common, pack_value(item, {}), _digest(work.key(item))) for item in items]
        need = self._need(work.cores, work.memory_bytes)
        options: dict[str, Any] = {"num_cpus": need["CPU"], "memory": int(need["memory"])}
        options |= {"num_gpus": need.get("GPU", 0), "max_retries": MAX_NODE_DEATHS}
        if self._labels:
            options["label_selector"] = self._labels
        remote = ray.remote(run_task).options(**options)
        with _Running(remote, tasks, run, progress, work.folder, tick) as running:
            results = running.finish(lambda: self._find_room(work.cores, work.memory_bytes))
        run.remove(driver, list_drivers())  # the files are here; unsigned pictures have no business there
        return results

    def _store_clip(self, clip: Clip) -> StoredClip:
        _ = clip.info  # what can't be used isn't sent
        return describe_stored(clip, self._store_files(clip.paths))

    def _store_files(self, paths: Sequence[Path]) -> StoredFiles:
        key = tuple((path, *stat_file(path)) for path in paths)
        if key not in self._stored:
            self._stored[key] = store_files(self.storage, paths, step)
        return self._stored[key]


class _Running:
    """Work on many items while it lasts: what is begun, what has come, what is to be done again."""

    def __init__(
        self,
        remote: Any,
        tasks: Sequence[Task],
        run: Run,
        progress: Any,
        folder: Path,
        tick: Callable[[int], None],
    ) -> None:
        self._remote = remote
        self._tasks = tasks
        self._run = run
        self._progress = progress
        self._folder = folder
        self._tick = tick
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
            stack.callback(self._cancel)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def _cancel(self) -> None:
        """Ends what was begun: it is asked to, and then made to."""
        for is_forced in (False, True):
            for reference in self._begun:
                with contextlib.suppress(RayError, ValueError):  # it has ended
                    ray.cancel(reference, force=is_forced)
            if self._begun and not is_forced:
                ray.wait(list(self._begun), num_returns=len(self._begun), timeout=STOP_TIMEOUT_S)

    def finish(self, find_room: Callable[[], int]) -> list[Any]:
        """Has all items done; returns what came back for each.

        Args:
            find_room: finds how many items the cluster has room for, which may change at any time.
        """
        self._find_results()
        while self._waiting or self._begun or self._coming:
            if self._waiting or self._begun:
                self._begin(find_room)
            if self._begun:
                ended, _ = ray.wait(list(self._begun), timeout=POLL_S)
                for reference in ended:
                    self._take(self._begun.pop(reference), reference)
            else:
                wait(self._coming, POLL_S)
            self._collect()
            self._tell()
            step()
        self._tick(max(0, sum(self._steps.values()) - self._told))
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
        room = find_room()
        if room:
            self._last_room = time.monotonic()
        elif time.monotonic() - self._last_room > MAX_WAIT_FOR_ROOM_S:
            raise ClusterError(
                f"for {MAX_WAIT_FOR_ROOM_S:.0f} s no node of the cluster has had the cores and memory that "
                "one piece of work takes; start nodes that have, or ask for less (--ray-cpus, "
                "--ray-memory-gib, --ray-labels)"
            )
        if not self._waiting:
            return
        share = max(1, BEGUN_AHEAD * room // max(1, len(list_drivers())))
        while self._waiting and len(self._begun) < share:
            number = self._waiting.popleft()
            task = pack_value(self._tasks[number], {})
            self._begun[self._remote.remote(self._release, task, number, self._progress)] = number

    def _take(self, number: int, reference: Any) -> None:
        try:
            self._fetch(number, check_result(ray.get(reference)))
        except RayTaskError as error:
            if isinstance(error.cause, StorageError) and error.cause.is_transient:
                self._begin_anew(number, error.cause)
                return
            if isinstance(error.cause, RayError | ImportError):
                raise ClusterError(
                    f"a node of the cluster can't do this work ({error.cause}); install the same release of "
                    "Recaster, with its engine, on all nodes"
                ) from error
            raise error.cause from error
        except (NodeDiedError, WorkerCrashedError) as error:
            raise ClusterError(
                f"a node of the cluster died {MAX_NODE_DEATHS + 1} times at the same piece of work (is there "
                "memory enough on it?); run the same command again to go on"
            ) from error
        except (RayError, TaskCancelledError) as error:
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
                _replace(made / name, self._folder / name)
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
            self._asked = self._progress.read.remote()
        if not ray.wait([self._asked], timeout=0)[0]:
            return
        noted = ray.get(self._asked)
        self._asked = None
        done = sum(self._steps.values()) + sum(noted.get(number, 0) for number in self._begun.values())
        if done > self._told:
            self._tick(done - self._told)
            self._told = done


def _replace(made: Path, place: Path) -> None:
    """Moves a file or folder to its place, in the stead of what is there (OutputError)."""
    try:
        if place.is_dir():
            remove_folder(place)
        made.replace(place)
    except OSError as error:
        raise write_error(place, error) from error


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
