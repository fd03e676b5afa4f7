"""Check of the nodes of a Ray cluster: what each has, and whether it can do this machine's work."""

from __future__ import annotations

import contextlib
import importlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from recaster.cluster.node import describe_release
from recaster.cluster.ray_connection import INSTALL
from recaster.errors import RecasterError, StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.storage.storage import Storage

MAX_CLOCK_DIFFERENCE_S: Final = 5.0
"""Between two machines: the date of a signature, and the age by which a storage is swept, go by clocks."""
ANSWER_TIMEOUT_S: Final = 120.0
"""For the start of a process on a busy node, and what it imports; the storage's patience comes on top."""
CLOCK_READINGS: Final = 3
MODULES: Final = ("numpy", "av", "cv2", "ai_edge_litert", "c2pa")
"""Imported by every node that analyses and renders."""
_SAME_RELEASE: Final = f"install the same release of Recaster there ({INSTALL.replace('[ray]', '[cpu,ray]')})"


@dataclass(frozen=True)
class NodeReport:
    """Statement of a node about itself.

    Attributes:
        release: of Recaster and its weights, as ``describe_release``.
        missing: modules of the engine that can't be imported, with the reason.
        storage: how fast the storage is from there, or why it can't be used.
        is_storage_usable: whether the node may read and write there.
    """

    release: str
    missing: tuple[str, ...]
    storage: str
    is_storage_usable: bool


@dataclass(frozen=True)
class NodeState:
    """A node as seen from this machine.

    Attributes:
        name: its host's, with a part of Ray's identifier where several nodes share a host.
        memory: bytes that Ray may hand out.
        report: None where it didn't say anything.
        clock_ahead_s: its clock minus this machine's, as far as the way there lets that be known.
        error: why there is no report.
    """

    name: str
    address: str
    cores: float
    memory: float
    report: NodeReport | None = None
    clock_ahead_s: float = 0.0
    error: str = ""

    def list_faults(self, wanted: str) -> list[tuple[str, str]]:
        """Lists what is wrong with it, and what to do about each.

        Args:
            wanted: the release of this machine.
        """
        report = self.report
        if report is None:
            return [(self.error, f"{_SAME_RELEASE}, and look whether Ray is well there (ray status)")]
        faults = []
        if report.release != wanted:
            faults.append((f"has {report.release}, and this machine {wanted}", _SAME_RELEASE))
        if report.missing:
            faults.append((f"can't import {'; '.join(report.missing)}", _SAME_RELEASE))
        if abs(self.clock_ahead_s) > MAX_CLOCK_DIFFERENCE_S:
            where = "ahead of" if self.clock_ahead_s > 0 else "behind"
            says = f"its clock is {abs(self.clock_ahead_s):.0f} s {where} this machine's"
            faults.append((says, "set both clocks (NTP)"))
        if not report.is_storage_usable:
            mend = "mount the storage there, or give the node its credentials and rights (docs/scale.md)"
            faults.append((report.storage, mend))
        return faults

    def describe(self) -> str:
        """Describes it in a line."""
        about = f"{self.address}, {self.cores:g} cores, {self.memory / 2**30:.1f} GiB"
        if self.report is None:
            return about
        clock = f"clock {self.clock_ahead_s:+.1f} s"
        speed = f", {self.report.storage}" if self.report.is_storage_usable else ""
        return f"{about}, {self.report.release}, {clock}{speed}"


class NodeChecker:
    """A process on a node that looks at it; an actor, so that its clock is read without a start between."""

    def check(self, storage: Storage) -> NodeReport:
        """Looks at everything that work needs there."""
        is_usable = True
        try:
            says = describe_speed(storage)
        except RecasterError as error:
            is_usable = False
            says = str(error)
        return NodeReport(describe_release(), _find_missing(), says, is_usable)

    def read_clock(self) -> float:
        """Returns the seconds since 1970 there."""
        return time.time()


def describe_speed(storage: Storage) -> str:
    """Tries a storage's rights, and describes its speed from this machine (StorageError: no right)."""
    try:
        figures = storage.check()
    except (OSError, ImportError) as error:
        raise StorageError(f"{storage.url}: can't be used ({error})") from error
    return (
        f"storage writes {figures.write_mb_s:.0f} and reads {figures.read_mb_s:.0f} MB/s, "
        f"{figures.latency_ms:.1f} ms a request"
    )


def _find_missing() -> tuple[str, ...]:
    missing = []
    for module in MODULES:
        try:
            importlib.import_module(module)
        except (ImportError, OSError) as error:  # OSError: a library that its machine lacks
            missing.append(f"{module} ({error})")
    return tuple(missing)


def check_nodes(storage: Storage) -> list[NodeState]:
    """Looks at all living nodes of the cluster at the same time; they share the storage's speed meanwhile."""
    nodes = sorted(
        (node for node in ray.nodes() if node["Alive"]),
        key=lambda node: (node["NodeManagerHostname"], node["NodeID"]),
    )
    hosts = [node["NodeManagerHostname"] for node in nodes]
    checkers = [_start_checker(node["NodeID"]) for node in nodes]
    try:
        asked = [checker.check.remote(storage) for checker in checkers]
        patience = ANSWER_TIMEOUT_S + storage.settings.storage_patience_s
        ray.wait(asked, num_returns=len(asked), timeout=patience)
        states = []
        for node, checker, answer in zip(nodes, checkers, asked, strict=True):
            host = node["NodeManagerHostname"]
            name = host if hosts.count(host) == 1 else f"{host}/{node['NodeID'][:6]}"
            states.append(_find_state(name, node, checker, answer))
        return states
    finally:
        for checker in checkers:
            with contextlib.suppress(RayError):
                ray.kill(checker)


def _start_checker(node_id: str) -> Any:
    there = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return ray.remote(NodeChecker).options(num_cpus=0, scheduling_strategy=there).remote()


def _find_state(name: str, node: Mapping[str, Any], checker: Any, answer: Any) -> NodeState:
    resources = node["Resources"]
    about = (name, node["NodeManagerAddress"], resources.get("CPU", 0), resources.get("memory", 0))
    try:
        report = ray.get(answer, timeout=0)
        return NodeState(*about, report, _measure_clock(checker))
    except GetTimeoutError:
        return NodeState(*about, error="didn't answer in time")
    except RayTaskError as error:
        return NodeState(*about, error=f"can't run Recaster ({error.cause})")
    except RayActorError as error:
        return NodeState(*about, error=f"can't run Recaster ({_last_line(error)})")
    except RayError as error:
        return NodeState(*about, error=f"can't be asked ({_last_line(error)})")


def _last_line(error: Exception) -> str:
    """The line of Ray's report that says what happened: the last of a traceback."""
    return str(error).strip().rpartition("\n")[2].strip()


def _measure_clock(checker: Any) -> float:
    """Measures how far a node's clock is ahead of this machine's, in s, by the quickest answer of a few."""
    readings: list[tuple[float, float]] = []
    for _ in range(CLOCK_READINGS):
        begin = time.time()
        there = ray.get(checker.read_clock.remote(), timeout=ANSWER_TIMEOUT_S)
        end = time.time()
        readings.append((end - begin, there - (begin + end) / 2))
    return min(readings)[1]
