"""Work on many items by the nodes of a Ray cluster."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any

import ray

from recaster.cluster.kept_files import KeptFiles, put_begun
from recaster.cluster.node import OUTPUT, Task, describe_release
from recaster.cluster.node_room import RoomFinder, count_room
from recaster.cluster.packing import pack_value
from recaster.cluster.ray_tasks import list_drivers, run_task, start_progress
from recaster.cluster.results import Run
from recaster.cluster.running_work import MAX_NODE_DEATHS, Listener, RunningWork, replace_path
from recaster.media.remote_files import stat_file
from recaster.media.stored_clip import describe_stored, store_files
from recaster.processes.executor import ignore
from recaster.progress import step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from recaster.media.clip import Clip
    from recaster.media.stored_clip import StoredClip, StoredFiles
    from recaster.processes.executor import Work
    from recaster.settings.cluster import ClusterSettings
    from recaster.storage.storage import Storage


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
        return max(1, min(useful, count_room(self._need(cores_each, memory_each), self._labels)))

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
        hear: Callable[[Any], None] = ignore,
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
            return self._run(run, driver, Listener(progress, tick, hear), work, items)
        finally:
            ray.kill(progress)

    def _run(
        self,
        run: Run,
        driver: str,
        listener: Listener,
        work: Work,
        items: Sequence[Any],
    ) -> list[Any]:
        own = run.add_driver(driver)
        in_parts: list[StoredClip | StoredFiles] = [*map(self._store_clip, work.clips)]
        in_parts += [self._store_files(work.files)] if work.files else []
        inputs = {f"input{number}": path for number, path in enumerate(work.inputs)}
        stored = {name: self.storage.put_tree(path, tick=step) for name, path in inputs.items()}
        # A file is stored as a folder of it.
        places = {name: path if path.is_dir() else path.parent for name, path in inputs.items()}
        # Of a long clip the times of all frames are megabytes: too much for each task.
        packed = pack_value((in_parts, work.prepare, work.do, work.shared), places | {OUTPUT: work.folder})
        common = (self.storage, run.storage, driver, own.put_bytes(packed), stored)
        need = self._need(work.cores, work.memory_bytes)
        predecessors = tuple(sorted(run.find_drivers().keys() - list_drivers()))
        long = (work.begun is not None, max(1, int(need["CPU"])), predecessors)
        tasks = [Task(*common, item, _digest(work.key(item)), *long) for item in items]
        kept = None
        if work.begun is not None:
            name = tasks[0].name
            begun = put_begun(run, driver, name, work.folder, work.begun.files, work.begun.steps)
            kept = KeptFiles(run, begun, name, predecessors, work.folder, replace_path)
        remote = self._describe_task(need, is_long=kept is not None)
        used = [*(each.reference for each in in_parts), *stored.values()]
        with (
            RunningWork(remote, tasks, run, listener, work.folder, kept) as running,
            run.keep_driver(driver, used),  # ends first: what is removed isn't noted again
        ):
            results = running.finish(RoomFinder(need, self._labels).find)
        run.remove(driver, list_drivers())  # the files are here; unsigned pictures have no business there
        return results

    def _describe_task(self, need: Mapping[str, float], *, is_long: bool) -> Any:
        """Makes a task of Ray with what it takes of a node."""
        options: dict[str, Any] = {"num_cpus": need["CPU"], "memory": int(need["memory"])}
        options |= {"num_gpus": need.get("GPU", 0), "max_retries": MAX_NODE_DEATHS}
        if is_long:  # in a process of its own: what computes there is chosen once, and keeps its memory
            options["max_calls"] = 1
        if self._labels:
            options["label_selector"] = self._labels
        return ray.remote(**options)(run_task)

    def _store_clip(self, clip: Clip) -> StoredClip:
        _ = clip.info  # what can't be used isn't sent
        return describe_stored(clip, self._store_files(clip.paths))

    def _store_files(self, paths: Sequence[Path]) -> StoredFiles:
        key = tuple((path, *stat_file(path)) for path in paths)
        if key not in self._stored:
            self._stored[key] = store_files(self.storage, paths, step)
        return self._stored[key]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
