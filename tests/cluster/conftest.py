"""A real Ray cluster of several nodes on this machine."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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
        self._process = subprocess.Popen(
            [sys.executable, HOST],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.address = self._read()
        self.nodes: list[int] = []

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the cluster didn't start"
        return line

    def _say(self, line: str) -> str:
        assert self._process.stdin is not None
        print(line, file=self._process.stdin, flush=True)
        return self._read()

    def add(self, count: int = 1) -> None:
        """Start nodes."""
        self.nodes += [int(self._say("add")) for _ in range(count)]

    def kill(self) -> None:
        """End the node that has lived longest."""
        self._say(f"kill {self.nodes.pop(0)}")

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
