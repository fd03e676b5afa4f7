"""Nodes that there is room on, those that work may never go to, and what is said of a wait."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("ray")

import ray

from recaster.cli.cluster_options import use_chosen_cluster
from recaster.cli.main import parser
from recaster.cluster import node_room, ray_connection
from recaster.cluster.node import describe_release
from recaster.cluster.node_room import RoomFinder
from recaster.cluster.ray_executor import RayExecutor
from recaster.cluster.ray_tasks import run_task
from recaster.errors import ClusterError
from recaster.progress import hear_notes, note
from recaster.settings.cluster import ClusterSettings
from recaster.settings.storage import StorageSettings
from recaster.storage.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GIB = 2**30


def node(address: str = "10.0.0.7", cores: int = 4, gib: int = 9, **others: Any) -> dict[str, Any]:
    resources = {"CPU": cores, "memory": gib * GIB}
    return {"Alive": True, "NodeManagerAddress": address, "Resources": resources, "Labels": {}} | others


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    monkeypatch.setattr(ray, "nodes", lambda: listed)
    return listed


@pytest.fixture
def executor(tmp_path: Path) -> RayExecutor:
    (tmp_path / "shared").mkdir()
    return RayExecutor(open_storage(str(tmp_path / "shared"), StorageSettings()), ClusterSettings("ray"))


def test_room_is_that_of_living_nodes(nodes: list[dict[str, Any]], executor: RayExecutor) -> None:
    assert executor.limit(9, 2, 3 * GIB) == 1  # work waits for the first node
    nodes += [node(), node(cores=16), node(Alive=False)]
    assert executor.limit(9, 2, 3 * GIB) == 2 + 3


def test_a_public_node_that_joins_later_is_refused(
    nodes: list[dict[str, Any]], executor: RayExecutor
) -> None:
    nodes.append(node())
    find = RoomFinder({"CPU": 1, "memory": GIB}, {}).find
    assert find() == 4
    nodes.append(node("8.8.8.8", Alive=False))
    assert find() == 4
    nodes.append(node("8.8.8.8"))
    for look in (find, lambda: executor.limit(9, 1, GIB)):
        with pytest.raises(ClusterError, match=r"8\.8\.8\.8: is a public address"):
            look()


def test_a_public_node_refuses_work_before_it_looks_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray may hand work to a node that the command hasn't seen yet."""
    monkeypatch.setattr(ray.util, "get_node_ip_address", lambda: "8.8.8.8")
    with pytest.raises(ClusterError, match="is a public address"):
        run_task(describe_release(), b"no task at all", 0, None)


@pytest.mark.parametrize(
    ("need", "labels", "says"),
    [
        ({"CPU": 2, "memory": 3 * GIB}, {}, "waiting for a node with 2 cores and 3 GiB"),
        (
            {"CPU": 1, "memory": GIB / 2, "GPU": 0.5},
            {"rack": "a"},
            "waiting for a node with 1 core, 0.5 GiB and 0.5 GPU, labelled rack=a",
        ),
    ],
)
def test_a_wait_is_said_once(
    nodes: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    need: dict[str, float],
    labels: dict[str, str],
    says: str,
) -> None:
    times = iter([0, 4, 5, 6, 60, 60, 61, 65, 66, 67])
    clock = SimpleNamespace(monotonic=lambda: next(times))
    monkeypatch.setattr(node_room, "time", clock)
    heard: list[str] = []
    finder = RoomFinder(need, labels)
    fitting = node(Labels=labels)
    fitting["Resources"]["GPU"] = 1
    with hear_notes(heard.append):
        assert [finder.find() for _ in range(5)] == [0] * 5
        assert heard == [says]
        nodes.append(fitting)
        assert finder.find() > 0
        nodes.clear()
        assert [finder.find() for _ in range(2)] == [0] * 2
        assert heard == [says]  # it may be over in a moment
        finder.find()
    finder.find()
    assert heard == [says, says]


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_a_command_says_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quiet: tuple[str, ...]
) -> None:
    @contextlib.contextmanager
    def use_cluster(*_: object, **__: object) -> Iterator[None]:
        note("waiting for a node")
        yield

    monkeypatch.setattr(ray_connection, "use_cluster", use_cluster)
    options = parser().parse_args(["evaluate", "a.mov", "b.mov", "--source", "faces", *quiet])
    with use_chosen_cluster(options):
        pass
    note("nobody hears that any more")
    assert capsys.readouterr().err == ("" if quiet else "waiting for a node\n")
