"""Work on a real Ray cluster: the same result as here, to the bit, whatever dies meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from recaster.cli.main import main
from recaster.facesets.extraction import extract
from recaster.facesets.faceset import Faceset
from recaster.settings.extract import ExtractSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.conftest import RayCluster
    from serving import Served

DRIVER = Path(__file__).with_name("driver.py")
EXTRACT_DRIVER = Path(__file__).with_name("extract_driver.py")


@pytest.fixture
def swap(
    cluster: RayCluster, storage: Path, actors: Path, few_faces: Faceset, tmp_path: Path
) -> Callable[..., subprocess.Popen[str]]:
    def start(name: str = "out") -> subprocess.Popen[str]:
        out = tmp_path / f"{name}.mp4"
        asked = (actors / "performer.mp4", few_faces.folder, out, cluster.address, storage)
        return cluster.start(DRIVER, *asked, cache=tmp_path / f"{name}-cache")

    return start


@pytest.fixture
def doctor(cluster: RayCluster, storage: Path, tmp_path: Path) -> Callable[..., dict[str, dict[str, Any]]]:
    """``recaster doctor --cluster`` after some lines of Python; findings by their names."""

    def look(lines: str = "", address: str = cluster.address, **environment: str) -> dict[str, Any]:
        script = f"{lines}\nimport sys; from recaster.cli.main import main; sys.exit(main())"
        asked = ("doctor", "--cluster", "--ray-address", address, "--storage", storage, "--json")
        process = cluster.start("-c", script, *asked, cache=tmp_path / "cache", **environment)
        said, _ = process.communicate(timeout=600)
        found = {one["what"]: one for one in json.loads(said[said.index("[") :])}
        assert process.returncode == (0 if all(one["ok"] for one in found.values()) else 1)
        return found

    return look


def test_the_doctor_looks_at_every_node(
    cluster: RayCluster, doctor: Callable[..., dict[str, Any]], storage: Path
) -> None:
    found = doctor()
    assert all(one["ok"] for one in found.values()), found
    nodes = [one["says"] for what, one in found.items() if what.startswith("node ")]
    assert len(nodes) == 1 + len(cluster.nodes)  # the head, too
    assert all(
        re.search(r"weights \w{12}\), clock [+-]0\.\d s, storage writes \d+ and", one) for one in nodes
    )
    assert sum("2 cores, 6.0 GiB" in one for one in nodes) == len(cluster.nodes)
    assert not [path for path in storage.rglob("*") if path.is_file()]


OLD = "from recaster.cluster import node; node.describe_release = lambda: 'Recaster 0 (weights of old)'"
LACKING = """
import sys
from types import ModuleType
from recaster.cluster import node_check
class NodeChecker(node_check.NodeChecker):
    __module__ = "lacking"
sys.modules["lacking"] = ModuleType("lacking")
sys.modules["lacking"].NodeChecker = node_check.NodeChecker = NodeChecker
"""
"""What nodes are to run is of a package that they don't have."""


@pytest.mark.parametrize(
    ("lines", "says", "mend"),
    [
        (OLD, "and this machine Recaster 0 (weights of old)", "install the same release"),
        (LACKING, "can't run Recaster (", "install the same release"),
    ],
)
def test_the_doctor_names_nodes_that_cannot_work(
    doctor: Callable[..., dict[str, Any]], lines: str, says: str, mend: str
) -> None:
    found = doctor(lines)
    assert found["cluster"]["ok"]
    nodes = {what: one for what, one in found.items() if what.startswith("node ")}
    assert len(nodes) >= 3
    for one in nodes.values():
        assert (one["ok"], says in one["says"], mend in one["mend"]) == (False, True, True), one


def test_the_doctor_says_at_once_why_a_cluster_cannot_be_joined(
    doctor: Callable[..., dict[str, Any]],
) -> None:
    (other,) = doctor(RAY_AUTH_TOKEN="0" * 64).values()
    assert re.search(r"the cluster \S+:\d+ has another token than this machine", other["says"])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (absent,) = doctor(address=f"127.0.0.1:{port}").values()
    assert re.search(rf"the cluster \S+:{port} can't be reached \(.*refused", absent["says"])


def test_the_doctor_refuses_an_open_cluster(doctor: Callable[..., dict[str, Any]]) -> None:
    (open_to_all,) = doctor(RAY_AUTH_MODE="disabled").values()
    assert "set RAY_AUTH_MODE=token on every machine" in open_to_all["says"]
    (public,) = doctor(address="8.8.8.8:6379").values()
    assert "8.8.8.8:6379: is a public address" in public["says"]


@pytest.fixture(scope="module")
def expected(actors: Path, few_faces: Faceset, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("here")
    command = [sys.executable, DRIVER, actors / "performer.mp4", few_faces.folder, folder / "out.mp4"]
    own = {**os.environ, "RECASTER_CACHE": str(folder / "cache")}
    subprocess.run(command, env=own, check=True, capture_output=True)
    return (folder / "out.mp4").read_bytes()


def finish(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return said


def wait_for(process: subprocess.Popen[str], wanted: str) -> str:
    """Read what a command prints until something is in it."""
    assert process.stdout is not None
    said = ""
    while not re.search(wanted, said):
        letter = process.stdout.read(1)
        assert letter, said
        said += letter
    return said


def times_of(paths: list[Path]) -> dict[Path, int]:
    """Times at which files were written; those that are gone are left out."""
    times = {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            times[path] = path.stat().st_mtime_ns
    return times


def test_the_result_is_the_same(
    swap: Callable[..., subprocess.Popen[str]], storage: Path, expected: bytes, tmp_path: Path
) -> None:
    said = finish(swap())
    assert (tmp_path / "out.mp4").read_bytes() == expected
    assert "scanned by nodes True" in said
    assert "swapped 96 resumed 0" in said
    done = [float(number) for number in re.findall(r"^swapping (\S+)$", said, re.MULTILINE)]
    assert done == sorted(done)
    assert done[-1] == 96
    assert not [path for path in (storage / "runs").rglob("*") if path.is_file()]  # no picture stays there
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out-cache", "out.mp4", "storage"]


def test_two_commands_do_the_same_at_once(
    swap: Callable[..., subprocess.Popen[str]], storage: Path, expected: bytes, tmp_path: Path
) -> None:
    both = [swap("one"), swap("other")]
    for process in both:
        finish(process)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "other.mp4").read_bytes() == expected
    assert not [path for path in (storage / "runs").rglob("*") if path.is_file()]


def test_a_node_that_dies_costs_nothing(
    cluster: RayCluster, swap: Callable[..., subprocess.Popen[str]], expected: bytes, tmp_path: Path
) -> None:
    process = swap()
    wait_for(process, r"swapping [1-9]")
    cluster.kill()
    cluster.add()
    finish(process)
    assert (tmp_path / "out.mp4").read_bytes() == expected


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_command_that_is_stopped_goes_on(
    swap: Callable[..., subprocess.Popen[str]],
    storage: Path,
    expected: bytes,
    tmp_path: Path,
    how: signal.Signals,
) -> None:
    process = swap()
    wait_for(process, r"swapping [1-9]")
    while not (made := list(storage.glob("runs/*/results/*/*"))):
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, how)
    process.communicate()
    for note in storage.glob("runs/*/drivers/*/*"):  # by which a sweep spares what it needs
        assert (inputs := json.loads(note.read_bytes())["inputs"])
        assert all((storage / "manifests" / each[:2] / each).is_file() for each in inputs)
    written = times_of(made)
    again = swap()
    wait_for(again, r"swapping [1-9]")
    # What was made isn't made again, and what wasn't is.
    assert times_of(made).items() <= written.items()
    finish(again)
    assert (tmp_path / "out.mp4").read_bytes() == expected
    assert not list(tmp_path.glob(".*"))  # nothing half-fetched stays
    assert not [path for path in (storage / "runs").rglob("*") if path.is_file()]


def test_an_engine_on_a_cluster(
    cluster: RayCluster,
    storage: Path,
    actors: Path,
    few_faces: Faceset,
    serve: Callable[..., Served],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An engine hands its jobs on; one that is killed meanwhile goes on when it is back."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, cluster.environment[name])
    asked = ["swap", str(actors / "performer.mp4"), "--source", str(few_faces.folder)]
    asked += ["--range", "0-95", "--no-manifest", "-o"]
    assert main([*asked, str(tmp_path / "here.mp4"), "--local"]) == 0
    served = serve("--executor", "ray", "--ray-address", cluster.address, "--storage", str(storage))
    there = ["-m", "recaster.cli.main", *asked, tmp_path / "there.mp4", "--engine", served.address]
    process = cluster.start(*there, cache=tmp_path / "cache", RECASTER_TOKEN=served.token)
    said = wait_for(process, r"swapping \d")
    served.kill()
    served.start()
    said += finish(process)
    assert (tmp_path / "there.mp4").read_bytes() == (tmp_path / "here.mp4").read_bytes(), said
    assert not [path for path in (storage / "runs").rglob("*") if path.is_file()]


def test_extracted_faces_are_the_same(
    cluster: RayCluster, storage: Path, actors: Path, tmp_path: Path
) -> None:
    here = extract([actors / "performer.mp4"], tmp_path / "here", ExtractSettings(size=128, frames="0-95"))
    asked = (actors / "performer.mp4", tmp_path / "there", cluster.address, storage)
    finish(cluster.start(EXTRACT_DRIVER, *asked, cache=tmp_path / "cache"))
    there = Faceset.open(tmp_path / "there")
    assert len(there) == len(here) == 96
    assert there.digest() == here.digest()
    assert sorted(path.name for path in there.folder.iterdir()) == ["faces", "faceset.sqlite"]
    assert not [path for path in (storage / "runs").rglob("*") if path.is_file()]  # no face stays there
