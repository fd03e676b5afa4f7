"""Clips in work at once: each in a process of its own, told as it comes, and stopped with the command."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from recaster.cli import main as cli
from recaster.errors import ClipError, ConsentError, OutputError
from recaster.operations.clip_processes import ClipProcesses, choose_at_once, share_cores
from recaster.processes import pool
from recaster.processes.cpu_cores import cores
from recaster.progress import Report, Update

if TYPE_CHECKING:
    from concurrent.futures import Future

    from recaster.facesets.faceset import Faceset

CLIPS = [Path("a.mov"), Path("b.mov"), Path("c.mov")]


@contextlib.contextmanager
def noted(folder: Path) -> Any:
    """Notes when a process of a crew begins, and when it is left."""
    (folder / f"begun{os.getpid()}").touch()
    yield
    (folder / f"left{os.getpid()}").touch()


def work(item: Any, report: Report) -> Any:
    if isinstance(item, Exception):
        raise item
    if item == "dies":
        os._exit(1)
    if item == "cores":
        return cores()
    if isinstance(item, Path):  # until it is interrupted
        try:
            item.touch()
            while True:
                time.sleep(0.01)
        except KeyboardInterrupt:
            item.with_name(f"{item.name}.interrupted").touch()
            raise
    report(Update("swapping", item, 10))
    return item * 2


def run(processes: ClipProcesses, items: list[Any]) -> tuple[dict[str, Any], list[tuple[str, float]]]:
    found: dict[str, Any] = {}
    said: list[tuple[str, float]] = []

    def end(clip: Path, future: Future[Any]) -> None:
        error = future.exception()
        if isinstance(error, ConsentError):
            raise error
        found[clip.name] = str(error) if error is not None else future.result()

    processes.run(
        work,
        dict(zip(CLIPS, items, strict=True)),
        lambda *each: said.append((each[0].name, each[1].done)),
        end,
    )
    return found, said


def test_each_is_told_with_its_progress_and_failures_stop_nobody(tmp_path: Path) -> None:
    with ClipProcesses(2, partial(noted, tmp_path)) as processes:
        found, said = run(processes, [1, ClipError("broken"), 3])
    assert found == {"a.mov": 2, "b.mov": "broken", "c.mov": 6}
    assert sorted(said) == [("a.mov", 1), ("c.mov", 3)]
    names = sorted(path.name for path in tmp_path.iterdir())
    begun = [name for name in names if name.startswith("begun")]
    assert 1 <= len(begun) <= 2
    assert names == begun + [name.replace("begun", "left") for name in begun]


def test_an_error_that_ends_all_interrupts_the_others(tmp_path: Path) -> None:
    waiting = tmp_path / "waiting"
    with ClipProcesses(2, contextlib.nullcontext) as processes:
        processes.run(work, {CLIPS[0]: 1, CLIPS[1]: 2}, lambda *_: None, lambda *_: None)
        with pytest.raises(ConsentError, match="revoked"):
            run(processes, [waiting, ConsentError("revoked"), waiting])
        end = time.monotonic() + 60
        while not waiting.exists() and time.monotonic() < end:
            time.sleep(0.01)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["waiting", "waiting.interrupted"]


def test_a_process_that_dies_is_said() -> None:
    with (
        ClipProcesses(1, contextlib.nullcontext) as processes,
        pytest.raises(OutputError, match="process that worked on a clip died"),
    ):
        run(processes, ["dies", 1, 1])


def test_processes_share_the_cores() -> None:
    with ClipProcesses(1, share_cores(64)) as processes:
        assert run(processes, ["cores"] * 3)[0] == {"a.mov": 1, "b.mov": 1, "c.mov": 1}


def test_how_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "cores", lambda: 64)
    monkeypatch.setattr(pool, "memory_bytes", lambda: 256 << 30)
    assert choose_at_once(None, 20) == 16
    assert choose_at_once(None, 3) == 3
    assert choose_at_once(8, 20) == 8
    assert choose_at_once(8, 2) == 2
    monkeypatch.setattr(pool, "memory_bytes", lambda: 16 << 30)
    assert choose_at_once(None, 20) == 4


@pytest.fixture
def shots(actors: Path, few_faces: Faceset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command for two clips of a performer and a broken one."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(few_faces.folder, tmp_path / "faces")
    (tmp_path / "shots").mkdir()
    for name in ("a.mp4", "c.mp4"):
        shutil.copy(actors / "performer.mp4", tmp_path / "shots" / name)
    (tmp_path / "shots" / "b.mov").write_bytes(b"no clip")
    command = ["swap", "shots", "--source", "faces", "--range", "0-3", "--basis", "synthetic"]
    return [*command, "--no-manifest"]


def test_clips_at_once_are_those_of_one_after_another(
    shots: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*shots, "-o", "one/", "--quiet"]) == ClipError.exit_code
    said = capsys.readouterr().err
    for _ in range(2):
        assert cli.main([*shots, "-o", "both/", "--at-once", "2"]) == ClipError.exit_code
    for name in ("a.mp4", "c.mp4"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "both" / name).read_bytes()
    told = capsys.readouterr()
    summaries = [line for line in told.out.splitlines() if line.startswith("3 clips")]
    assert summaries == ["3 clips: 2 swapped, 1 failed", "3 clips: 0 swapped, 2 there already, 1 failed"]
    assert said.count("b.mov: this is not a video") == 2
    assert told.err.count("b.mov: this is not a video") == 4
    assert cli.main([*shots, "-o", "x/", "--at-once", "2", "--threads", "1"]) == 2
    assert "leave --threads out" in capsys.readouterr().err


def test_ctrl_c_stops_all(shots: list[str]) -> None:
    begin = "import sys; from recaster.cli.main import main; sys.exit(main())"
    arguments = [arg for arg in shots if arg not in ("--range", "0-3")]
    with subprocess.Popen(
        [sys.executable, "-c", begin, *arguments, "-o", "out/", "--at-once", "2"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        said = ""
        while not said.startswith("swapping"):  # the first line of it comes at once, others seconds later
            said = process.stderr.readline()
            assert said
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "3 clips: 0 swapped, 1 failed, 2 not done" in out, err
    end = time.monotonic() + 60
    with contextlib.suppress(ProcessLookupError):  # when the last of them has ended
        while time.monotonic() < end:
            os.killpg(process.pid, 0)
            time.sleep(0.02)
        pytest.fail("a process is left")
