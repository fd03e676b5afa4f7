"""Strangers' words reach a terminal as text: never as codes, never as a line of ours."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest

from recaster.api.v1 import job_pb2
from recaster.cli import display, main
from recaster.cli import jobs as jobs_command
from recaster.progress import Update
from recaster.texts import escape, has_control_characters

CLI = Path(main.__file__).parent
NASTY = "a\x1b]0;OWNED\x07\x1b[2Jb\r\x08c\x7fd\x9b31me\u202ef\u2066g\x00h\udc9bi\u2028j\u200b"
"""OSC, BEL, CSI, CR, BS, DEL, the C1 CSI, bidi override and isolate, NUL, a stray byte, a line separator."""
LINES = f"{NASTY}\nrecaster verify: whole and trusted"


def harmless(text: str) -> bool:
    return all(one.isprintable() or one == "\n" for one in text)


def test_shown() -> None:
    assert escape("Zoë, 東京 🎬 é") == "Zoë, 東京 🎬 é"
    assert escape("a\x1b[2J\n") == r"a\x1b[2J\n"
    assert escape("a\nb", keep="\n") == "a\nb"
    assert escape(LINES).isprintable()
    assert escape(Path("a\tb")) == r"a\tb"
    assert has_control_characters("a\nb")
    assert not has_control_characters("a\nb", keep="\n")


def test_a_line_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    display.say(LINES, "second")
    display.say_error(LINES)
    display.say_json({LINES.replace("\udc9b", ""): NASTY})
    out, error = capsys.readouterr()
    assert out.splitlines()[1] == "second"
    assert harmless(out)
    assert (error.count("\n"), harmless(error)) == (1, True)


def test_progress_is_a_line_too() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream in (Terminal(), io.StringIO()):
        line = display.ProgressLine(display.escaping(stream))
        line(Update(NASTY, 1, 1, NASTY, LINES))
        said = stream.getvalue().removeprefix(display.CLEAR).removeprefix(display.progress_bar(1, 1))
        assert (said.count("\n"), harmless(said)) == (1, True)


def test_nothing_is_printed_past_it() -> None:
    """No command prints by itself, or takes the stream beneath."""
    found = []
    for path in sorted(CLI.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            prints = isinstance(called, ast.Name) and called.id in ("print", "input")
            taken = isinstance(node, ast.Attribute) and (
                node.attr in ("buffer", "control", "__stdout__", "__stderr__")
                or (node.attr in ("write", "writelines") and "std" in ast.unparse(node.value))
            )
            if (prints or taken) and path.name != "display.py":
                found.append((path.name, node.lineno, ast.unparse(node)))
    # Tracebacks have lines of their own; the streams escape all else in them.
    assert {(name, said) for name, _, said in found} == {("main.py", "escaping(sys.stderr).write")}


@pytest.mark.parametrize("command", ["probe", "swap", "verify", "extract", "faceset", "report", "jobs"])
def test_complaints_about_names(command: str) -> None:
    name = LINES.replace("\x00", "")
    given = [sys.executable, "-m", "recaster.cli.main", command, *(["info"] if command == "faceset" else [])]
    for extra in ([name], ["x", name, f"--{name}"]):
        ended = subprocess.run([*given, *extra], capture_output=True, check=False)
        said = (ended.stdout + ended.stderr).decode()
        assert ended.returncode != 0
        assert harmless(said)
        assert "\nrecaster verify: whole" not in said


def test_an_error_nobody_expected(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> None:
        raise ZeroDivisionError(NASTY)

    monkeypatch.setattr(main.importlib.import_module("recaster.cli.probe"), "run", fails)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    try:
        main.main(["probe", "x"])
    except ZeroDivisionError:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    error = capsys.readouterr().err
    assert "ZeroDivisionError: a\\x1b]0;OWNED" in error
    assert harmless(error)


class Engine:
    """Answers of an engine with another client's words in them."""

    def __init__(self) -> None:
        self.jobs = self
        self.job = job_pb2.Job(job_id=NASTY.replace("\udc9b", ""), state=job_pb2.JOB_STATE_FAILED)
        self.job.progress.stage = self.job.error.message = LINES.replace("\udc9b", "")
        self.job.labels[LINES.replace("\udc9b", "")] = "x"
        self.job.result.summary.append(LINES.replace("\udc9b", ""))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def listed(self, **_: Any) -> list[job_pb2.Job]:
        return [self.job]

    def wait(self, _: str, report: Any, log: Any) -> job_pb2.Job:
        report(Update(LINES, 1, 1, "x"))
        log("info", LINES)
        log("warning", LINES)
        return self.job

    def get(self, _: str) -> job_pb2.Job:
        return self.job

    pause = resume = cancel = get

    def move(self, job: str, _before: str) -> job_pb2.Job:
        return self.get(job)


@pytest.mark.parametrize("action", ["list", "show", "watch", "pause", "resume", "move", "cancel"])
def test_what_another_client_wrote(
    action: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_command, "_engine", lambda _: Engine())
    assert main.main(["jobs", action, *([] if action == "list" else ["a" * 12])]) == 0
    out, error = capsys.readouterr()
    assert harmless(out + error)
    assert "\nrecaster verify: whole" not in out + error
    if action == "show":
        assert json.loads(out)["error"]["message"] == LINES.replace("\udc9b", "")
