"""The engine's installation: of known files, in parts, ended and gone on with, and removed."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.addon import installs

from recaster.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.addon.conftest import Blender

installer, files, programs, words, releases, pythons, sources = installs.load(
    "engine.installer", "engine.install_files", "engine.install_programs", "engine.install_words",
    "engine.release", "engine.pythons", "engine.wheel_source",
)  # fmt: skip

SMALL, LARGE = 10, 30 << 20
PACKAGES = {"setuptools": SMALL, "alpha": SMALL, "beta": LARGE, "gamma": 2 * LARGE}
PATIENCE_S = 300
PROXY = "Looking in indexes: https://proxy.lan/pypi-proxy/simple\nCollecting openssl-connect\n"
RETRIED = "WARNING: Retrying (Retry(total={left}, connect=None)) after connection broken by 'SSLError'\n"
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"


class Bench:
    """A stub of Python, an engine's wheel, and a folder with spaces and letters of many languages."""

    def __init__(self, place: Path) -> None:
        self.fake = place / "fake"
        self.python = installs.fake_python(self.fake)
        self.wheel = installs.engine_wheel(place)
        self.folder = place / "Motör für Gesichter 顔"
        said = place / "engine.json"
        said.write_text(json.dumps(installs.describe(self.wheel, PACKAGES)))
        self.release = releases.read_release(said)

    def order(self, **changed: Any) -> Any:
        source = sources.WheelSource(file=self.wheel)
        values = {
            "folder": self.folder,
            "release": self.release,
            "choices": [pythons.Choice(str(self.python), "3.11")],
            "fetch_wheel": functools.partial(source.fetch, self.release),
            **changed,
        }
        return installer.Order(**values)

    def begin(self, **changed: Any) -> Any:
        made = installer.Installer()
        made.install(self.order(**changed))
        return made

    def install(self, **changed: Any) -> Any:
        made = self.begin(**changed)
        made.join(PATIENCE_S)
        assert made.has_ended
        return made

    def wait_until_it_hangs(self, is_over: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not (self.fake / "hangs").exists():
            assert not is_over()
            assert time.monotonic() < end
            time.sleep(0.01)

    def say(self, name: str, text: str = "") -> None:
        (self.fake / name).write_text(text)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_engine_is_installed_in_parts_and_removed_alone(bench: Bench) -> None:
    bench.folder.mkdir()
    for mine in ("e1", "python"):
        (bench.folder / mine).mkdir()
        (bench.folder / mine / "mine.txt").write_text("kept")
    made = bench.install()
    assert (made.trouble, made.is_done) == ("", True)
    assert made.progress.share == pytest.approx(0.99)
    assert installs.installed_by(bench.fake) == ["pip", "setuptools", "alpha", "beta", "gamma"]
    found = files.read_installed(bench.folder)
    assert found.version == "9.9.9"
    assert found.environment == "e2"  # e1 was there
    assert found.has_python
    assert not (bench.folder / files.WORK).exists()
    [local] = installs.load("engine.local")
    assert local.program_in(bench.folder) == found.program
    commands = (bench.fake / "commands").read_text()
    pinned = [line for line in commands.splitlines() if "-r " in line]
    assert all("--require-hashes" in line and "--no-deps" in line for line in pinned)
    bench.python.rename(bench.python.with_name("gone"))
    (bench.folder / "e2" / "pyvenv.cfg").write_text(f"home = {bench.fake / 'gone'}")
    assert not found.has_python
    files.remove(bench.folder)
    assert sorted(path.name for path in bench.folder.iterdir()) == ["e1", "python"]
    assert (bench.folder / "python" / "mine.txt").read_text() == "kept"
    files.remove(bench.folder)  # nothing of it is there


def test_a_stopped_installation_goes_on_where_it_was(bench: Bench) -> None:
    bench.say("hang at", "beta")
    made = bench.begin()
    bench.wait_until_it_hangs(lambda: made.has_ended)
    assert files.read_installed(bench.folder) is None  # half an engine is none
    assert made.progress.stage.startswith("Downloading beta")
    other = bench.install()
    assert other.trouble == words.BUSY
    made.stop()
    made.join(PATIENCE_S)
    assert (made.has_ended, made.is_done, made.trouble) == (True, False, "")
    notes = files.read_notes(bench.folder)
    assert notes.done == ["setuptools", "alpha"]
    assert notes.share > 0
    (bench.fake / "hang at").unlink()
    assert bench.install().is_done
    assert installs.installed_by(bench.fake) == ["pip", "setuptools", "alpha", "beta", "gamma"]


def test_what_a_crash_left_running_is_ended(bench: Bench) -> None:
    bench.say("hang at", "beta")
    script = (
        "import sys; sys.path[:0] = [{root!r}, {engine!r}]\n"
        "from pathlib import Path; from tests.addon.test_install import Bench\n"
        "made = Bench.__new__(Bench); made.__dict__.update(fake=Path({fake!r}), python=Path({python!r}),"
        " wheel=Path({wheel!r}), folder=Path({folder!r}))\n"
        "from tests.addon.test_install import releases\n"
        "made.release = releases.read_release(Path({said!r}))\n"
        "made.begin().join()\n"
    ).format(
        root=str(installs.ADDON.parent), engine=str(installs.ADDON.parent / "engine"), fake=str(bench.fake),
        python=str(bench.python), wheel=str(bench.wheel), folder=str(bench.folder),
        said=str(bench.wheel.parent / "engine.json"),
    )  # fmt: skip
    blender = subprocess.Popen([sys.executable, "-c", script])
    try:
        bench.wait_until_it_hangs(lambda: blender.poll() is not None)
    finally:
        blender.kill()
        blender.wait()
    left = json.loads((bench.folder / files.WORK / "running.json").read_text())
    [processes] = installs.load("engine.local_process")
    assert processes.birth(left[0]) == left[1]
    (bench.fake / "hang at").unlink()
    assert bench.install().is_done
    assert processes.birth(left[0]) != left[1]
    assert installs.installed_by(bench.fake).count("alpha") == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", words.HASH),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            words.FULL,
        ),
        ("OSError: [WinError 112] There is not enough space on the disk", words.FULL),
        ("pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.", words.NETWORK),
        ("NewConnectionError(': Failed to establish a new connection: [Errno 111]')", words.NETWORK),
        ("ERROR: No matching distribution found for beta==1.0", words.MISSING),
        (
            PROXY + RETRIED.format(left=4) + "ERROR: No matching distribution found for beta==1.0",
            words.MISSING,
        ),
        (
            PROXY + RETRIED.format(left=0) + "ERROR: No matching distribution found for beta==1.0",
            words.NETWORK,
        ),
        (PROXY + "Killed", words.UNKNOWN),
        ("PermissionError: [Errno 13] Permission denied: '/opt/x'", words.FORBIDDEN),
        ("Segmentation fault", words.UNKNOWN),
    ],
)
def test_what_goes_wrong_is_told_in_an_editors_words(bench: Bench, said: str, expected: str) -> None:
    bench.say("fail at", "alpha")
    bench.say("words", said)
    made = bench.install()
    assert (made.is_done, made.trouble) == (False, expected)
    assert not re.search(installs.load("messages")[0].COMMAND, expected)
    assert files.read_installed(bench.folder) is None
    (bench.fake / "fail at").unlink()
    assert bench.install().is_done


def test_a_disk_that_is_too_small_is_told_before_anything_is_there(bench: Bench) -> None:
    made = bench.install(room=lambda _folder: 300 << 20)
    assert "0.3 GB are free" in made.trouble
    assert installs.installed_by(bench.fake) == []


def test_an_engine_that_does_not_run_is_none(bench: Bench) -> None:
    bench.say("does not run")
    made = bench.install()
    assert made.trouble == installer.BROKEN
    assert files.read_installed(bench.folder) is None
    assert "tensorflow" in (bench.fake / "commands").read_text()
    (bench.fake / "does not run").unlink()
    assert bench.install().is_done  # what was wrong with the computer is mended


def test_a_removal_that_fails_can_be_done_once_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench.install().is_done
    with monkeypatch.context() as patched:
        patched.setattr(files.shutil, "rmtree", _in_use)
        with pytest.raises(words.InstallError, match="close what uses it"):
            files.remove(bench.folder)
    assert files.read_installed(bench.folder) is None
    assert (bench.folder / "e1").is_dir()
    files.remove(bench.folder)
    assert not bench.folder.exists()


def _in_use(path: Path, *_ignored: Any) -> None:
    raise PermissionError(13, "in use", str(path))


def test_an_update_takes_the_old_one_s_place(bench: Bench) -> None:
    assert bench.install().is_done
    # As Blender leaves it where it ends before the last notes are removed.
    files.write_notes(bench.folder, files.Notes("before", "e1"))
    bench.say("fail at", "alpha")
    bench.say("words", "Killed")
    old = bench.release
    bench.release = releases.Release("10.0", old.wheel, old.sha256, old.bytes, old.pythons)
    assert not bench.install().is_done
    assert files.read_installed(bench.folder).version == "9.9.9"
    files.remove(bench.folder, is_unfinished_only=True)
    assert [path.name for path in bench.folder.glob("e*")] == ["e1"]
    assert files.read_installed(bench.folder).version == "9.9.9"
    (bench.fake / "fail at").unlink()
    assert bench.install().is_done
    found = files.read_installed(bench.folder)
    assert (found.version, found.environment) == ("10.0", "e2")
    assert files.read_notes(bench.folder) is None
    assert not (bench.folder / "e1").exists()


@pytest.mark.parametrize("name", ["../e1", "e1/..", "", "e", 7, None])
def test_a_damaged_note_removes_nothing(tmp_path: Path, name: Any) -> None:
    (tmp_path / "e1").mkdir()
    (tmp_path / files.RECEIPT).write_text(json.dumps({"version": "1", "environment": name}))
    (tmp_path / files.WORK).mkdir()
    files.remove(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["e1"]


def test_where_no_python_fits_one_is_fetched(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv is found, or comes by the pip that some Python carries; it then fetches a Python into the folder."""
    bench.say("no venv")
    uv = bench.fake / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(
        f'#!/bin/sh\necho "$@" >> "{bench.fake}/asked"\n[ $1 = venv ] || exit 0\n'
        f'echo "$UV_PYTHON_INSTALL_DIR $UV_PYTHON_INSTALL_MIRROR" > "{bench.fake}/fetched"\n'
        'mkdir "$UV_PYTHON_INSTALL_DIR"\nfor made; do :; done\n'
        f'mkdir -p "$made/bin"; cp "{bench.python}" "$made/bin/python"\n'
        'echo "home = /usr" > "$made/pyvenv.cfg"\n'
    )
    uv.chmod(0o755)
    monkeypatch.setattr(pythons, "find_uv", lambda: uv)
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "https://elsewhere")
    (bench.folder / "python" / "cpython-3.11").mkdir(parents=True)  # another program's
    choices = [pythons.Choice(str(bench.python), "3.11"), pythons.Choice("", "3.11")]
    made = bench.install(choices=choices)
    assert (made.trouble, made.is_done) == ("", True)
    assert (bench.fake / "fetched").read_text().strip() == str(bench.folder / "e1-python")
    assert "--require-hashes" in (bench.fake / "asked").read_text().splitlines()[1]
    monkeypatch.setattr(pythons, "find_uv", lambda: None)
    files.remove(bench.folder)
    assert [path.name for path in bench.folder.iterdir()] == ["python"]
    assert bench.install(choices=choices).trouble == installer.NO_PYTHON
    bench.say("no venv", "Error: [Errno 28] No space left on device")
    assert bench.install(choices=choices).trouble == words.FULL


def test_pip_takes_known_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real pip and the real venv, with an index of stubs in a folder."""
    index = tmp_path / "index"
    index.mkdir()
    import ensurepip

    [bundled] = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    pip_version = bundled.name.split("-")[1]
    alpha = installs.write_wheel(
        index, "alpha", "1.0", {f"{name}/__init__.py": "" for name in installs.CHECKED}
    )
    wheel = installs.engine_wheel(tmp_path)

    def release(alpha_digest: str) -> Any:
        rows = [
            ["pip", pip_version, [installs.digest_of(bundled)], 1, False],
            ["alpha", "1.0", [alpha_digest], 1, False],
        ]
        said = {**installs.describe(wheel, {}), "pythons": {OWN: rows}}
        with atomic_file(tmp_path / "engine.json") as temporary:
            temporary.write_text(json.dumps(said))
        return releases.read_release(tmp_path / "engine.json")

    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{index} {bundled.parent}")
    monkeypatch.setattr(installer, "PROGRESS_OPTION", "--progress-bar=off")  # pip before 24.1 has no other
    folder = tmp_path / "Program Files (mine)"

    def install(engine: Any) -> Any:
        made = installer.Installer()
        source = sources.WheelSource(file=wheel)
        choice = pythons.Choice(sys.executable, OWN)
        made.install(installer.Order(folder, engine, [choice], functools.partial(source.fetch, engine)))
        made.join(PATIENCE_S)
        return made

    assert install(release("0" * 64)).trouble == words.HASH
    assert files.read_notes(folder).done == []
    made = install(release(installs.digest_of(alpha)))
    assert (made.trouble, made.is_done) == ("", True)
    program = files.read_installed(folder).program
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    said = subprocess.run([program], capture_output=True, text=True, check=True, env=clean).stdout
    assert said == "recaster 9.9.9\n"
    made = installer.Installer()
    made.remove(folder)
    made.join(PATIENCE_S)
    assert made.is_done
    assert not folder.exists()


def test_programs_that_install_see_nothing_of_blender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/blender")
    monkeypatch.setenv("PIP_INDEX_URL", "somewhere")
    told = programs.environment_for(tmp_path / "tmp")
    assert not [name for name in told if name.startswith("PYTHON") and name != "PYTHONUTF8"]
    assert told["PIP_INDEX_URL"] == "somewhere"  # the index of this machine is used
    assert told["TMPDIR"] == told["TEMP"] == str(tmp_path / "tmp")
    assert os.environ["PYTHONPATH"] == "/blender"


@pytest.mark.parametrize(
    ("code", "expected"), [(404, sources.NOT_THERE), (403, sources.NOT_ALLOWED), (502, words.NETWORK)]
)
def test_a_repository_s_refusals_are_told_apart(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, code: int, expected: str
) -> None:
    def refuse(*_ignored: Any, **_named: Any) -> None:
        raise urllib.error.HTTPError("https://somewhere", code, "refused", Message(), None)

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    source = sources.WheelSource("https://somewhere/index.json")
    made = bench.install(fetch_wheel=functools.partial(source.fetch, bench.release))
    assert made.trouble == expected


def test_blender_installs_starts_and_removes_the_engine(
    newest_blender: Blender, bench: Bench, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    found = newest_blender.run(
        "installing",
        tmp_path,
        said=bench.wheel.parent / "engine.json",
        python=bench.python,
        wheel=bench.wheel,
        folder=bench.folder,
        data=data,
    )
    assert "Blender may not go online" in found["unasked"]
    asked = " ".join(found["question"])
    size = ("94 MB are downloaded", "0.3 GB on disk")
    for part in (
        *size,
        str(bench.wheel),
        "Python 3.11 of this machine",
        "Blender may go online from then on",
    ):
        assert part in asked
    assert any(one.startswith("Recaster 9.9.9 is installed in") for one in found["installed"])
    assert "No engine is on this machine yet" in found["after"]
    assert found["restarted"]
    assert not bench.folder.exists()
    assert data.is_dir()
