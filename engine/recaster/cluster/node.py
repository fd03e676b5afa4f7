"""Work on one item by a process of a node, between storage and storage."""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import importlib.metadata
import socket
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.cluster.kept_files import NodeKeeper
from recaster.cluster.packing import unpack_value
from recaster.cluster.results import Result, Run
from recaster.errors import ClusterError
from recaster.files import remove_folder
from recaster.processes.own_folder import work_folder
from recaster.store import learned_faces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from recaster.storage.storage import Storage

OUTPUT: Final = "output"
"""Name of the place of the files that are made."""
REPORT_INTERVAL_S: Final = 0.5
LIBRARIES: Final = (
    ("NumPy", "numpy", "numpy"), ("PyAV", "av", "av"), ("OpenCV", "cv2", None),
    ("LiteRT", "ai_edge_litert", "ai-edge-litert"),
)  # fmt: skip
"""Name, module and package of what every node decodes, computes and encodes with."""


@dataclass(frozen=True)
class Task:
    """Work on one item.

    Attributes:
        shared: digest of what all items share, packed, and of the files that are read in parts.
        inputs: references of the files and folders that are read whole, by the names of their places.
        run: storage of this kind of work.
        driver: who asks for it.
        item: what is to be done; of many tasks it isn't packed before each of them is: all at once may be
            gigabytes.
        name: of the item's result.
        is_long: whether it goes on from what was kept of it.
        threads: that it may use.
        predecessors: drivers that are no more, whose kept work it goes on with.
    """

    storage: Storage
    run: Storage
    driver: str
    shared: str
    inputs: Mapping[str, str]
    item: Any
    name: str
    is_long: bool
    threads: int
    predecessors: tuple[str, ...]

    @property
    def own(self) -> Storage:
        """Storage of what is made for this driver."""
        return Run(self.run).storage_of(self.driver)


class _Prepared:
    """One kind of work, ready in this process: fetched, unpacked and prepared."""

    def __init__(self, task: Task) -> None:
        self.shared = task.shared
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(work_folder())
            self.output = folder / OUTPUT
            places = {OUTPUT: self.output}
            for name, reference in task.inputs.items():
                places[name] = folder / name
                task.storage.fetch_tree(reference, places[name])
                stack.callback(learned_faces.purge, places[name])  # where it is a faceset
            in_parts, prepare, self.do, shared = unpack_value(task.own.get_bytes(task.shared), places)
            for each in in_parts:
                stack.callback(each.close)
                each.open(task.storage)
            self.value = prepare(shared)
            self._stack = stack.pop_all()  # where anything fails, nothing of it stays

    def close(self) -> None:
        """Removes its files, and lets go of its clips."""
        self._stack.close()


_prepared: list[_Prepared] = []
"""The last of this process: most of its items are of one kind."""


def do_task(task: Task, tell: Callable[[int], None], say: Callable[[Any], None]) -> dict[str, Any]:
    """Works on an item; returns the ``Result`` as plain values, which whoever gets them checks.

    Args:
        tell: told every now and then how far it is; of long work, how often something was kept.
        say: told what long work says.

    Raises:
        Errors of the storage, and as the work raises.
    """
    prepared = _prepare(task)
    remove_folder(prepared.output, quietly=True)  # of an item that was cancelled as it was cleared
    if task.is_long:
        return _do_long(prepared, task, NodeKeeper(task, prepared.output, tell, say))
    prepared.output.mkdir()
    try:
        counter = _StepCounter(tell)
        value = prepared.do(prepared.value, task.item, counter.step)
        made = [path for path in prepared.output.iterdir() if path.suffix != ".lock"]
        # What stands for others gets its name after them, and has to arrive after them.
        made.sort(key=lambda path: path.stat().st_ctime_ns)
        files = [file.relative_to(prepared.output).as_posix() for path in made for file in _list_files(path)]
        reference = task.own.put_tree(prepared.output, files) if files else ""
    finally:
        remove_folder(prepared.output, quietly=True)
    result = Result(task.driver, reference, [path.name for path in made], counter.count, value)
    Run(task.run).put_result(task.name, result)
    return result._asdict()


def _do_long(prepared: _Prepared, task: Task, keeper: NodeKeeper) -> dict[str, Any]:
    """Goes on with long work; all that it made is kept by then, so the result names no files."""
    try:
        keeper.fetch()
        value = prepared.do(prepared.value, task.item, keeper)
    finally:
        remove_folder(prepared.output, quietly=True)
    return Result(task.driver, "", [], 0, value)._asdict()


def _list_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


def check_release(wanted: str) -> None:
    """Refuses work of another release of Recaster, or of other weights (ClusterError)."""
    own = describe_release()
    if own != wanted:
        raise ClusterError(
            f"the node {socket.gethostname()} has {own}, and this machine {wanted}; install the same "
            "release of Recaster, with the same libraries, on all nodes"
        )


@functools.cache
def describe_release() -> str:
    """Describes all that the bits of a result follow from, which all machines of a cluster have to share.

    That is the release of Recaster, its weights, and the libraries that decode, compute and encode.
    """
    import hashlib

    from recaster import __version__
    from recaster.weights_registry import ALL

    weights = hashlib.sha256("".join(sorted(each.sha256 for each in ALL)).encode()).hexdigest()
    libraries = ", ".join(f"{name} {_find_version(module, package)}" for name, module, package in LIBRARIES)
    return f"Recaster {__version__} for {sys.platform} with {libraries} (weights {weights[:12]})"


def _find_version(module: str, package: str | None) -> str:
    """Finds a library's version: of its package, or its own word where several packages have it."""
    try:
        if package is not None:
            return importlib.metadata.version(package)
        return str(importlib.import_module(module).__version__)
    except (ImportError, OSError):  # OSError: a library that its machine lacks
        return "missing"


def _prepare(task: Task) -> _Prepared:
    if not _prepared or _prepared[0].shared != task.shared:
        while _prepared:
            _prepared.pop().close()
        prepared = _Prepared(task)
        atexit.register(prepared.close)
        _prepared.append(prepared)
    return _prepared[0]


class _StepCounter:
    """Steps of work; passes their number on now and then."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self.count = 0
        self._tell = tell
        self._last = time.monotonic()

    def step(self) -> None:
        """Counts a step."""
        self.count += 1
        now = time.monotonic()
        if now - self._last >= REPORT_INTERVAL_S:
            self._last = now
            self._tell(self.count)
