"""Ray's tasks and actors: work on an item, and how far all items are."""

from __future__ import annotations

import socket
from typing import Any, Final

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from recaster.cluster.node import check_release, do_task
from recaster.cluster.packing import unpack_value
from recaster.errors import RecasterError

NAMESPACE: Final = "recaster"
"""That of all drivers, so that each sees how many others work."""
_PROGRESS: Final = "progress-"


class Progress:
    """Progress of each item; while it lives, its driver counts as one that works."""

    def __init__(self) -> None:
        self._done: dict[int, int] = {}

    def note(self, number: int, count: int) -> None:
        """Notes how far an item is; less than before where its node died."""
        self._done[number] = count

    def read(self) -> dict[int, int]:
        """Returns how far each item is."""
        return self._done


def run_task(release: str, task: bytes, number: int, progress: Any) -> dict[str, Any]:
    """Does the work of an item, as ``do_task``, on a node of the same release.

    Errors name the node: the files and settings that they speak of are there.

    Raises:
        ClusterError: the node has another release.
        Others: as ``do_task``.
    """
    check_release(release)  # before anything is unpacked that another release may have otherwise
    try:
        return do_task(unpack_value(task, {}), lambda count: progress.note.remote(number, count))
    except RecasterError as error:
        error.args = (f"on the node {socket.gethostname()}: {error}", *error.args[1:])
        raise


def start_progress(driver: str) -> Any:
    """Starts the actor of a driver, on its own node: it is of no use without the driver."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    chosen = {"num_cpus": 0, "name": f"{_PROGRESS}{driver}", "scheduling_strategy": here}
    return ray.remote(Progress).options(**chosen).remote()


def list_drivers() -> set[str]:
    """Lists the drivers that work."""
    names: list[str] = ray.util.list_named_actors()
    return {name.removeprefix(_PROGRESS) for name in names if name.startswith(_PROGRESS)}
