"""Ray's tasks and actors: work on an item, and how far all items are."""

from __future__ import annotations

import contextlib
import socket
from typing import Any, Final

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from recaster.cluster.node import check_release, do_task
from recaster.cluster.packing import unpack_value
from recaster.cluster.private_addresses import refuse_public
from recaster.errors import RecasterError
from recaster.processes.cpu_cores import assume_cores
from recaster.processes.spawn import heed_interrupts

NAMESPACE: Final = "recaster"
"""That of all drivers, so that each sees how many others work."""
ANSWER_TIMEOUT_S: Final = 5.0
_PROGRESS: Final = "progress-"


class Progress:
    """Progress of each item; while it lives, its driver counts as one that works."""

    def __init__(self) -> None:
        self._done: dict[int, int] = {}
        self._said: list[Any] = []
        self._is_starving = False

    def note(self, number: int, count: int) -> None:
        """Notes how far an item is; less than before where its node died."""
        self._done[number] = count

    def forget(self, number: int) -> None:
        """Forgets how far an item is, which begins anew."""
        self._done.pop(number, None)

    def say(self, value: Any) -> None:
        """Takes what long work says."""
        self._said.append(value)

    def read(self) -> tuple[dict[int, int], list[Any]]:
        """Returns how far each item is that was begun, and what was said since the last time."""
        said = self._said
        self._said = []
        return self._done, said

    def set_starving(self, is_starving: bool) -> None:
        """Notes whether the driver's work finds no place on any node."""
        self._is_starving = is_starving

    def is_starving(self) -> bool:
        """Tells whether the driver's work finds no place on any node."""
        return self._is_starving


def run_task(release: str, task: bytes, number: int, progress: Any) -> dict[str, Any]:
    """Does the work of an item, as ``do_task``, on a node of the same release.

    Errors name the node: the files and settings that they speak of are there.

    Raises:
        ClusterError: the node has another release, or a public address.
        Others: as ``do_task``.
    """
    heed_interrupts()  # Ray cancels by them
    refuse_public(ray.util.get_node_ip_address())  # one that has joined since the driver looked
    progress.note.remote(number, 0)
    check_release(release)  # before anything is unpacked that another release may have otherwise
    try:
        unpacked = unpack_value(task, {})
        with assume_cores(unpacked.threads):
            return do_task(unpacked, lambda count: progress.note.remote(number, count), progress.say.remote)
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


def is_anybody_starving(but: str) -> bool:
    """Tells whether the work of any other driver than this one finds no place on any node."""
    asked = []
    for driver in list_drivers() - {but}:
        with contextlib.suppress(ValueError):  # it has just ended
            asked.append(ray.get_actor(f"{_PROGRESS}{driver}").is_starving.remote())
    answered = ray.wait(asked, num_returns=len(asked), timeout=ANSWER_TIMEOUT_S)[0] if asked else []
    for answer in answered:
        with contextlib.suppress(RayError):
            if ray.get(answer):
                return True
    return False
