"""What every test may use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recaster.client import Client
    from recaster.facesets.faceset import Faceset

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder of real test footage, which is not part of the project."""
    folder = Path(os.environ.get("RECASTER_FOOTAGE", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real footage is absent: {folder} (set RECASTER_FOOTAGE)")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep analyses of tests out of the user's cache."""
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def actors() -> Path:
    """The folder of the rendered actors' clips."""
    return ROOT / "scripts" / "actors"


@pytest.fixture(scope="session")
def actor_faceset(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Faceset:
    """Every third face of the likeness actor's first four seconds, really extracted."""
    from recaster.facesets.extract import ExtractSettings, extract

    folder = tmp_path_factory.mktemp("actor") / "faces"
    return extract([actors / "likeness.mp4"], folder, ExtractSettings(every=3, frames="0-99"))


class Served:
    """A real engine in a process of its own, that can be killed and started again."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.options = options
        self.address = ""
        self.token = ""
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Start it; where it was before, if it was."""
        listen = () if "--listen" in self.options else ("--listen", self.address or "127.0.0.1:0")
        with (self.data.parent / f"{self.data.name}.log").open("a") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "recaster.cli.main",
                    "serve",
                    "--data",
                    self.data,
                    *listen,
                    *self.options,
                ],
                stderr=log,
                stdout=subprocess.DEVNULL,
                text=True,
            )
        deadline = time.monotonic() + 60
        serving = re.compile(r"serving on (\S+)\n")
        while not (found := serving.findall(self.log())[self.starts :]):
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        self.starts += 1
        self.address = found[-1]
        self.token = (self.data / "token").read_text().strip()

    starts = 0

    def log(self) -> str:
        return (self.data.parent / f"{self.data.name}.log").read_text()

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As a user would."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(90)

    def client(self, **how: Any) -> Client:
        from recaster.client import Address, Client

        return Client(Address(self.address, self.token), **how)


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Served]]:
    """Starts an engine of its own; all are stopped at the end."""
    engines: list[Served] = []

    def start(*options: str) -> Served:
        engines.append(Served(tmp_path_factory.mktemp("engine") / "data", *options))
        return engines[-1]

    yield start
    for one in engines:
        if one.process is not None and one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture(scope="session")
def served(serve: Callable[..., Served]) -> Served:
    """An engine that many tests share; nobody may stop it."""
    return serve()


@pytest.fixture
def engine(served: Served) -> Iterator[Client]:
    """A client of the shared engine."""
    with served.client(patience_s=5) as client:
        yield client
