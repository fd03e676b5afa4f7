"""Room on the nodes of a Ray cluster for pieces of work, and word of what is waited for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import ray

from recaster.cluster.private_addresses import refuse_public
from recaster.progress import note

if TYPE_CHECKING:
    from collections.abc import Mapping

QUIET_WAIT_S: Final = 5.0
"""So long no node may have room before that is said: one that dies is replaced, work of others ends."""
_known_private: set[str] = set()


def list_nodes() -> list[dict[str, Any]]:
    """Lists the living nodes (ClusterError: the whole internet reaches one of them)."""
    nodes = [node for node in ray.nodes() if node["Alive"]]
    for address in {node["NodeManagerAddress"] for node in nodes} - _known_private:
        refuse_public(address)
        _known_private.add(address)
    return nodes


def count_room(need: Mapping[str, float], labels: Mapping[str, str]) -> int:
    """Counts the items that nodes with some labels have room for, all together.

    Args:
        need: amounts of a node's resources, by Ray's names, that one item takes.

    Raises:
        ClusterError: the whole internet reaches a node.
    """
    return sum(
        min(int(node["Resources"].get(name, 0) // amount) for name, amount in need.items())
        for node in list_nodes()
        if labels.items() <= node["Labels"].items()
    )


class RoomFinder:
    """Finder of room for items of one kind, which says so where there is none."""

    def __init__(self, need: Mapping[str, float], labels: Mapping[str, str]) -> None:
        self._need = need
        self._labels = labels
        self._none_since: float | None = None
        self._is_told = False

    def find(self) -> int:
        """Counts the items that there is room for now, as ``count_room``."""
        room = count_room(self._need, self._labels)
        now = time.monotonic()
        if room:
            self._none_since = None
            self._is_told = False
        elif self._none_since is None:
            self._none_since = now
        elif now - self._none_since >= QUIET_WAIT_S and not self._is_told:
            self._is_told = True
            note(f"waiting for {describe_need(self._need, self._labels)}")
        return room


def describe_need(need: Mapping[str, float], labels: Mapping[str, str]) -> str:
    """Describes the node that one item takes."""
    parts = [f"{need['CPU']:g} cores"] if need["CPU"] != 1 else ["1 core"]
    parts.append(f"{need['memory'] / 2**30:g} GiB")
    if need.get("GPU"):
        parts.append(f"{need['GPU']:g} GPU")
    text = f"a node with {', '.join(parts[:-1])} and {parts[-1]}"
    named = ", ".join(f"{name}={value}" for name, value in labels.items())
    return f"{text}, labelled {named}" if named else text
