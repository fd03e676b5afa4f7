"""A real Ray cluster of several nodes on this machine."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from drawn_people import draw_person

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = Path(__file__).with_name("ray_host.py")
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


class RayCluster:
    """Nodes that can be added and killed."""

    def __init__(self, cache: Path) -> None:
        self.environment = {
            **os.environ,
            **TOKEN,
            "RECASTER_CACHE": str(cache),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_raylet_start_wait_time_s": "300",  # on a busy machine
        }
        # Nodes ignore SIGINT as those do that a script starts in its background.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._process = subprocess.Popen(
            [sys.executable, HOST],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        signal.signal(signal.SIGINT, before)
        self.address = self._read()
        self.nodes: list[int] = []

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the cluster isn't there"
        return line.strip()

    def _say(self, line: str) -> str:
        assert self._process.stdin is not None
        print(line, file=self._process.stdin, flush=True)
        return self._read()

    def add(self, count: int = 1) -> None:
        """Start nodes."""
        self.nodes += [int(self._say("add")) for _ in range(count)]

    def kill(self, node: int | None = None) -> None:
        """End a node, or the one that has lived longest."""
        chosen = self.nodes[0] if node is None else node
        self.nodes.remove(chosen)
        self._say(f"kill {chosen}")

    def find_busy(self) -> list[int]:
        """Find the nodes that work."""
        return [node for node in map(int, self._say("busy").split()) if node in self.nodes]

    def close(self) -> None:
        """End all."""
        self._process.communicate(timeout=120)

    def start(self, *command: object, cache: Path, **variables: str) -> subprocess.Popen[str]:
        """Start a program of Python on this machine, which belongs to the cluster."""
        return subprocess.Popen(
            [sys.executable, *map(str, command)],
            env={**self.environment, "RECASTER_CACHE": str(cache), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    """Two nodes."""
    made = RayCluster(tmp_path_factory.mktemp("node_cache"))
    made.add(2)
    yield made
    made.close()


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """A folder that all nodes see."""
    folder = tmp_path / "storage"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(scope="session")
def drawn_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Facesets of two people, the source's and the target's."""
    folder = tmp_path_factory.mktemp("drawn")
    source = draw_person(folder / "light", (225, 180, 150), seed=1)
    target = draw_person(folder / "dark", (150, 105, 80), seed=2)
    return source.folder, target.folder
