"""The engine of this machine: found however it is installed, and no other process ever taken for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.addon.installs import load

if TYPE_CHECKING:
    from collections.abc import Iterator

local_engine, processes, places = load("engine.local", "engine.local_process", "engine.places")


def installation(place: Path, command: str = "") -> Any:
    return local_engine.Installation(command, place / "data", 50551, place / "engine.log")


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    "inside",
    [
        "recaster", "bin/recaster", ".venv/bin/recaster", "recaster.exe", "Scripts/recaster.exe",
        ".venv/Scripts/recaster.exe",
    ],
)  # fmt: skip
def test_a_folder_is_enough_however_it_is_laid_out(tmp_path: Path, inside: str) -> None:
    expected = program(tmp_path / inside)
    assert installation(tmp_path, str(tmp_path)).program() == expected
    assert installation(tmp_path, str(expected)).program() == expected


def test_a_short_search_path_is_no_dead_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.setattr(local_engine, "usual_folders", lambda _system: [tmp_path / "usual"])
    with pytest.raises(local_engine.StartError, match="name its folder as Program"):
        installation(tmp_path).program()
    expected = program(tmp_path / "usual" / ".venv" / "bin" / "recaster")
    assert installation(tmp_path).program() == expected


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that would end if it were asked to."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def note(place: Path, engine: tuple[int, str], blender: tuple[int, str]) -> None:
    path = place / "data" / local_engine.NOTE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"engine": engine, "blender": blender}))


def test_an_engine_outlives_its_blender_and_can_be_stopped(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    note(tmp_path, (sleeper.pid, processes.birth(sleeper.pid)), (2**22 + 1, "gone"))
    local = local_engine.LocalEngine()
    local.adopt(installation(tmp_path))
    assert local.running
    local.stop()
    assert sleeper.wait(30) == -signal.SIGTERM


def test_a_strangers_process_is_never_touched(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    born = processes.birth(sleeper.pid)
    own = (os.getpid(), processes.birth(os.getpid()))
    gone = (2**22 + 1, "gone")
    for engine, blender in (
        ((sleeper.pid, f"{born}1"), gone),  # its number was another's
        ((sleeper.pid, ""), gone),
        ((0, ""), gone),
        ((-1, ""), gone),
        ((1, ""), gone),
        (
            (sleeper.pid, born),
            (os.getppid(), processes.birth(os.getppid())),
        ),  # another Blender's that is open
    ):
        note(tmp_path, engine, blender)
        local = local_engine.LocalEngine()
        local.adopt(installation(tmp_path))
        assert not local.running
        local.stop()
        processes.Process(*engine).ask_to_end() if engine[1] != born else None
    for text in ("", "[]", "{}", '{"engine": 3}', '{"engine": ["x", 1], "blender": [1, ""]}', "\0"):
        (tmp_path / "data" / local_engine.NOTE).write_text(text)
        local = local_engine.LocalEngine()
        local.adopt(installation(tmp_path))
        assert not local.running
    note(tmp_path, (sleeper.pid, born), own)
    local.adopt(installation(tmp_path))
    assert local.running  # started by this very Blender, whose add-on was loaded anew
    assert sleeper.poll() is None


def test_windows_is_asked_by_ctrl_break(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ending a process there is never gentle; and Ctrl-Break is seen in the process's own console only."""
    commands: list[list[str]] = []
    monkeypatch.setattr(processes.sys, "platform", "win32")
    monkeypatch.setattr(processes.subprocess, "CREATE_NO_WINDOW", 1, raising=False)
    monkeypatch.setattr(processes.subprocess, "CREATE_NEW_PROCESS_GROUP", 2, raising=False)
    monkeypatch.setattr(processes.subprocess, "run", lambda command, **_: commands.append(command))
    monkeypatch.setattr(processes.os, "kill", lambda *_: pytest.fail("that is a hard end"))
    assert processes.apart() == {"creationflags": 3}
    processes.ask_to_end(4711)
    [[_, _, script, pid]] = commands
    assert pid == "4711"
    assert "AttachConsole" in script
    assert "GenerateConsoleCtrlEvent(1, process)" in script
    compile(script, "break", "exec")


def test_a_crash_is_told_in_an_editors_words(tmp_path: Path) -> None:
    for said, expected in (
        (
            "x: another engine serves this folder; stop it, or choose another with --data",
            "Another engine works",
        ),
        ("127.0.0.1:50551: can't be listened on; is another engine running there?", "Another program uses"),
        ("serving on 127.0.0.1:50551", "The engine stopped unexpectedly"),
    ):
        script = program(tmp_path / "recaster")
        script.write_text(f'#!/bin/sh\necho "{said}" >&2\nexit 3\n')
        local = local_engine.LocalEngine()
        local.start(installation(tmp_path, str(script)))
        local._process.wait(30)
        assert local.crashed().startswith(expected)
        assert "--" not in local.crashed()


WINDOWS = {"LOCALAPPDATA": "D:\\Dätä\\Local", "ProgramFiles": "D:\\Program Files"}


@pytest.mark.parametrize(
    ("platform", "environment", "home", "folder", "usual"),
    [
        (
            "win32", WINDOWS, "C:\\Users\\Zoë Ng",
            "D:\\Dätä\\Local\\Programs\\Recaster", "D:\\Program Files\\Recaster",
        ),
        (
            "win32", {}, "C:\\Users\\Zoë Ng",
            "C:\\Users\\Zoë Ng\\AppData\\Local\\Programs\\Recaster", "C:\\Program Files\\Recaster",
        ),
        (
            "darwin", {}, "/Users/Zoë Ng",
            "/Users/Zoë Ng/Library/Application Support/Recaster Engine", "/opt/homebrew/bin",
        ),
        ("linux", {}, "/home/zoë", "/home/zoë/.local/share/recaster-engine", "/home/zoë/.local/bin"),
        ("linux", {"XDG_DATA_HOME": "/data/zoë"}, "/home/zoë", "/data/zoë/recaster-engine", "/opt/recaster"),
        ("linux", {"XDG_DATA_HOME": "no/whole/path"}, "/h", "/h/.local/share/recaster-engine", "/h/Recaster"),
    ],
)  # fmt: skip
def test_folders_of_every_platform(
    platform: str, environment: dict[str, str], home: str, folder: str, usual: str
) -> None:
    system = places.System(platform, environment, home)
    assert str(places.engine_folder(system)) == folder
    found = [str(one) for one in places.usual_folders(system)]
    assert found[0] == folder
    assert usual in found
    assert all(one.is_absolute() for one in places.usual_folders(system))


def test_an_engine_s_folder_is_never_that_of_its_data() -> None:
    """Removing the engine keeps the data; Windows' folders are the same whatever their case."""
    for platform, home in (("win32", "C:\\Users\\zoë"), ("darwin", "/Users/zoë"), ("linux", "/home/zoë")):
        system = places.System(platform, {}, home)
        data = {
            "win32": "AppData/Local/Recaster",
            "darwin": "Library/Application Support/Recaster",
            "linux": ".local/share/recaster",
        }[platform]
        folder = places.engine_folder(system)
        for other in (system.path(f"~/{data}"), system.path("~/AppData/Local/recaster/cache")):
            assert folder != other
            assert other not in folder.parents
            assert folder not in other.parents


def test_pythons_and_programs_of_every_platform() -> None:
    windows = places.System("win32", WINDOWS, "C:\\Users\\Zoë Ng")
    found = places.python_patterns(windows, ["3.13"])
    assert found[0] == "D:\\Dätä\\Local\\Programs\\Python\\Python313\\python.exe"
    assert "D:\\Program Files\\Python313\\python.exe" in found
    mac = places.System("darwin", {}, "/Users/Zoë Ng")
    found = places.python_patterns(mac, ["3.13", "3.12"])
    assert found[0] == "/Library/Frameworks/Python.framework/Versions/3.13/bin/python3.13"
    assert found.index("/opt/homebrew/bin/python3.13") < found.index("/opt/homebrew/bin/python3.12")
    linux = places.System("linux", {}, "/home/zoë")
    assert "/usr/bin/python3.13" in places.python_patterns(linux, ["3.13"])
    assert str(places.uv_places(windows)[0]) == "C:\\Users\\Zoë Ng\\.local\\bin\\uv.exe"
    assert str(places.uv_places(mac)[0]) == "/Users/Zoë Ng/.local/bin/uv"
    environment = Path("/x/e1")
    for platform, python, recaster in (
        ("win32", "Scripts/python.exe", "Scripts/recaster.exe"),
        ("darwin", "bin/python", "bin/recaster"),
        ("linux", "bin/python", "bin/recaster"),
    ):
        assert places.python_of(environment, platform) == environment / python
        assert places.program_of(environment, platform) == environment / recaster
