"""The engine of this machine: found however it is installed, and no other process ever taken for it."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDON = Path(__file__).resolve().parents[2] / "addon"


def _load() -> tuple[Any, Any]:
    """The two modules that know nothing of Blender, in a package of their own."""
    package = types.ModuleType("addon_outside")
    package.__path__ = [str(ADDON)]
    sys.modules["addon_outside"] = package
    found = [
        importlib.import_module(f"addon_outside.{name}") for name in ("engine.local", "engine.local_process")
    ]
    return found[0], found[1]


local_engine, processes = _load()


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
    monkeypatch.setattr(local_engine, "USUAL", (str(tmp_path / "usual"),))
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
