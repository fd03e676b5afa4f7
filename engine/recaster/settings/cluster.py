"""Options of work that the machines of a cluster do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from recaster.settings.choices import Bounds
from recaster.settings.options import option

EXECUTORS: Final = ("local", "ray")
MAX_AT_ONCE: Final = 64


@dataclass(frozen=True)
class BatchSettings:
    """Choices of how several clips are worked on.

    Attributes:
        at_once: None for one here, and on a cluster for as many as this machine has cores and memory for.
    """

    at_once: int | None = option(
        None,
        "of several clips, have so many in work at a time, each by a process of its own (default: one; with "
        "--executor ray one for each core of this machine and 4 GiB of its memory, at most 16)",
        bounds=Bounds(1, MAX_AT_ONCE),
        metavar="N",
    )


@dataclass(frozen=True)
class ClusterSettings:
    """Choices of what does the work, and of what each piece of it takes on a node.

    Attributes:
        ray_address: None for the cluster that this machine belongs to.
        ray_cpus: None for what each kind of work keeps busy.
        ray_memory_gib: None for what each kind of work needs.
        ray_labels: NAME=VALUE that nodes have to have.
    """

    executor: str = option(
        "local",
        "what does the work: this machine, or the nodes of a Ray cluster, which needs --storage",
        choices=EXECUTORS,
    )
    ray_address: str | None = option(
        None,
        "the cluster's head (default: the cluster that this machine belongs to)",
        metavar="HOST:PORT",
    )
    ray_cpus: float | None = option(
        None, "cores of a node for one piece of work", bounds=Bounds(0.1, 1024), metavar="N"
    )
    ray_gpus: float = option(0, "share of a GPU for one piece of work", bounds=Bounds(0, 64), metavar="N")
    ray_memory_gib: float | None = option(
        None, "memory of a node for one piece of work", bounds=Bounds(0.1, 2**20), metavar="N"
    )
    ray_labels: tuple[str, ...] = option((), "use only nodes with these labels", metavar="NAME=VALUE,...")
