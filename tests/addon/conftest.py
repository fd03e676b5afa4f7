"""Real Blenders with the extension installed, as it is built."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pytest

from recaster.locks import lock
from recaster.media.reader import read_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from serving import Served


ROOT = Path(__file__).resolve().parents[2]
RUN = Path(__file__).parent / "inside" / "run.py"
LIMIT_S = 600
"""Seconds that a Blender may take for one scenario."""
WANTED = os.environ.get("RECASTER_BLENDERS")
FOUND = sorted(path.parent.name for path in (ROOT / ".blender").glob("*/installed"))
BLENDERS = [name for name in FOUND if WANTED is None or name in WANTED.split()]
PLATFORMS = {
    ("Linux", "x86_64"): "linux-x64",
    ("Darwin", "arm64"): "macos-arm64",
    ("Darwin", "x86_64"): "macos-x64",
    ("Windows", "AMD64"): "windows-x64",
}


@dataclass
class Blender:
    """One version of Blender with the extension installed."""

    version: str
    home: Path
    shared: subprocess.Popen[str] | None = None
    """The Blender that scenarios share which don't close it, end it or look at its start."""

    def begin(self, scenario: str, facts: Path, **values: Any) -> subprocess.Popen[str]:
        """Start a scenario of ``inside`` in a Blender of its own."""
        _write_facts(facts, values)
        return self._start(scenario, str(facts), cwd=facts.parent)

    def _start(self, *arguments: str, cwd: Path, **streams: Any) -> subprocess.Popen[str]:
        temporary = self.home / "temporary"
        temporary.mkdir(exist_ok=True)
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RECASTER_")},
            "BLENDER_USER_RESOURCES": str(self.home),
            "TMPDIR": str(temporary),  # Blender's folder for its session outlives one that is killed
            "RECASTER_TEST_CACHE": str(self.home / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        python = ROOT / ".blender" / self.version / "bin" / "python"
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **streams}
        return subprocess.Popen([python, RUN, *arguments], env=env, text=True, cwd=cwd, **streams)

    def finish(self, process: subprocess.Popen[str], facts: Path) -> dict[str, Any]:
        """Wait for a scenario; returns what it found out."""
        try:
            said, _ = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            pytest.fail(f"Blender {self.version} took longer than {LIMIT_S} s:\n{said}")
        assert process.returncode == 0, said
        return _read_findings(facts)

    def run_alone(self, scenario: str, place: Path, **values: Any) -> dict[str, Any]:
        """Run a scenario to its end in a Blender of its own; what it needs to know is put in ``place``."""
        facts = place / f"{scenario}.json"
        return self.finish(self.begin(scenario, facts, **values), facts)

    def run(self, scenario: str, place: Path, **values: Any) -> dict[str, Any]:
        """The same in the Blender that scenarios share; one that failed is replaced by a new one."""
        facts = place / f"{scenario}.json"
        _write_facts(facts, values)
        log = self.home.parent / "shared.log"
        if self.shared is None:
            with log.open("w") as stderr:
                self.shared = self._start(cwd=self.home, stdin=subprocess.PIPE, stderr=stderr)
        before = log.stat().st_size
        print(scenario, facts, file=self.shared.stdin, flush=True)
        watch = threading.Timer(LIMIT_S, self.shared.kill)
        watch.start()
        try:
            answer = self.shared.stdout.readline()
        finally:
            watch.cancel()
        if answer != "done\n":
            self.close()
            pytest.fail(f"Blender {self.version}, {scenario}:\n{log.read_text(errors='replace')[before:]}")
        return _read_findings(facts)

    def close(self) -> None:
        """End the Blender that scenarios shared."""
        if self.shared is not None:
            self.shared.kill()
            self.shared.communicate()
            self.shared = None


def _write_facts(facts: Path, values: dict[str, Any]) -> None:
    facts.write_text(json.dumps({name: _plain(value) for name, value in values.items()}))


def _read_findings(facts: Path) -> dict[str, Any]:
    findings: dict[str, Any] = json.loads(facts.with_suffix(".out.json").read_text())
    return findings


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


@pytest.fixture(scope="session")
def repository(shared_folder: Path) -> Path:
    """A repository of the extension for this machine, built as for users, once for all test processes."""
    built = shared_folder / "repository"
    command = [ROOT / "scripts" / "build_extension", PLATFORMS[platform.system(), platform.machine()]]
    with lock(shared_folder / "repository.lock", LIMIT_S):
        if not built.exists():
            done = subprocess.run(
                [*command, "--out", built, "--repository"], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
    return built


def zip_for(repository: Path, version: str) -> Path:
    """The extension's zip for a version of Blender, by what its index says."""
    wanted = version_of(version)
    [found] = [
        entry["archive_url"]
        for entry in json.loads((repository / "index.json").read_text())["data"]
        if version_of(entry["blender_version_min"])
        <= wanted
        < version_of(entry.get("blender_version_max", "99"))
    ]
    return repository / found


def version_of(text: str) -> tuple[int, ...]:
    """A version as three numbers: 4.2 is 4.2.0."""
    return tuple(map(int, f"{text}.0.0".split(".")[:3]))


@pytest.fixture(scope="session")
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str | None], Blender]]:
    """A version of Blender with the extension installed by Blender itself, once."""
    homes: dict[str, Blender] = {}

    def found(version: str | None) -> Blender:
        if version is None:
            pytest.skip("no Blender is installed; ./scripts/test installs it where its Python is found")
        if version not in homes:
            folder = tmp_path_factory.mktemp(f"blender-{version}")
            home = folder / "home"
            home.mkdir()
            made = Blender(version, home)
            said = made.run_alone(
                "install", folder, zip_path=zip_for(request.getfixturevalue("repository"), version)
            )
            assert said["version"].startswith(version)
            assert folder in Path(said["temporary"]).parents
            homes[version] = made
        return homes[version]

    yield found
    for one in homes.values():
        one.close()


@pytest.fixture(scope="session", params=BLENDERS or [None])
def blender(request: pytest.FixtureRequest, installed: Callable[[str | None], Blender]) -> Blender:
    """Every installed version."""
    return installed(request.param)


@pytest.fixture(scope="session", params=BLENDERS[-1:] or [None])
def newest_blender(request: pytest.FixtureRequest, installed: Callable[[str | None], Blender]) -> Blender:
    """The newest: for what takes long and is about the engine rather than Blender."""
    return installed(request.param)


@pytest.fixture(scope="session")
def facts(served: Served, packed_faces: Path, actors: Path) -> dict[str, Any]:
    """Facts that most scenarios need: an engine, a face and a clip."""
    return facts_of(served, packed_faces, actors)


def facts_of(engine: Served, packed_faces: Path, actors: Path) -> dict[str, Any]:
    """The same for any engine."""
    with engine.client(patience_s=60) as client:
        face = f"faceset:{client.take_faceset(packed_faces)}"
    return {
        "engine": engine.address,
        "token": engine.token,
        "face": face,
        "clip": str(actors / "performer.mp4"),
    }


@pytest.fixture(scope="session")
def short(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 40 frames of the performer's clip."""
    path = tmp_path_factory.mktemp("short") / "short.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", 25)
        stream.width = stream.height = 320
        stream.pix_fmt = "yuv420p"
        for frame in read_frames(actors / "performer.mp4", 0, 40):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame.image, format="rgb24")))
        out.mux(stream.encode())
    return path


@pytest.fixture
def awaited() -> Callable[[Path, subprocess.Popen[str]], None]:
    """Waits for a signal of a scenario, and takes it."""
    import time

    def wait(path: Path, process: subprocess.Popen[str]) -> None:
        while not path.exists():
            if process.poll() is not None:
                said, _ = process.communicate()
                pytest.fail(said)
            time.sleep(0.05)
        path.unlink()

    return wait
