from __future__ import annotations

import argparse
import io
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from recaster.cli import probe
from recaster.cli.display import CLEAR, ProgressLine, progress_bar
from recaster.cli.main import main, parser
from recaster.errors import ClipError
from recaster.progress import Update


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def options_of(command: argparse.ArgumentParser) -> list[argparse.Action]:
    """The options of a command and of the commands in it."""
    found: list[argparse.Action] = []
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                found += options_of(inner)
        else:
            found.append(action)
    return found


def test_help_states_every_default() -> None:
    stated = 0
    for option in options_of(parser()):
        value = option.default
        if value in (None, False, "", [], (), argparse.SUPPRESS):
            continue
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        assert f"default: {shown}" in (option.help or "") % vars(option), option.option_strings
        stated += 1
    assert stated > 10


@pytest.mark.parametrize(
    ("command", "runs", "going_on"),
    [("extract", "extract._run_here", True), ("compare", "probe._compare", False)],
)
def test_a_stopped_command_says_how_to_go_on_only_where_it_can(
    command, runs, going_on, tmp_path, monkeypatch, capsys
) -> None:
    def stopped(_: argparse.Namespace) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"recaster.cli.{runs}", stopped)
    assert main([command, "a.mp4", "b.mp4", "-o", str(tmp_path / "out")]) == 130
    told = capsys.readouterr().err
    assert told.startswith(f"recaster {command}: stopped")
    assert ("run the same command again" in told) is going_on


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without a signal")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_what_a_command_keeps_for_a_while_goes_when_it_is_ended(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    number = getattr(signal, name)
    folders: list[Path] = []

    def ended(_: argparse.Namespace) -> None:
        with tempfile.TemporaryDirectory() as folder:
            folders.append(Path(folder))
            assert callable(signal.getsignal(number))  # else it would end the tests
            signal.raise_signal(number)

    monkeypatch.setattr(probe, "run", ended)
    before = signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may ignore it
    try:
        assert main(["probe", "clip.mp4"]) == 128 + number
        assert "recaster probe: stopped" in capsys.readouterr().err
        assert not folders[0].exists()
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_an_error_does_not_stand_behind_a_progress_line(monkeypatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)

    def fails(_: argparse.Namespace) -> None:
        ProgressLine(terminal)(Update("analysing", 3, 10))
        raise ClipError("clip.mp4: broken")

    monkeypatch.setattr(probe, "run", fails)
    assert main(["probe", "clip.mp4"]) == 3
    assert terminal.getvalue().endswith(f"analysing 3/10 frames{CLEAR}recaster probe: clip.mp4: broken\n")


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    code = (
        "import sys; from recaster.cli import main, probe; "
        "probe.run = lambda _: print('much'); sys.exit(main.main(['probe', 'clip.mp4']))"
    )
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_unexpected_error_keeps_its_traceback(monkeypatch) -> None:
    def fails(_: argparse.Namespace) -> None:
        raise ZeroDivisionError("nobody expected this")

    monkeypatch.setattr(probe, "run", fails)
    with pytest.raises(ZeroDivisionError, match="nobody expected"):
        main(["probe", "clip.mp4"])


def test_the_rate_is_that_of_the_clip_at_hand(monkeypatch) -> None:
    now = iter([100.0, 200.0, 300.0, 310.0])
    monkeypatch.setattr("recaster.cli.display.time.monotonic", lambda: next(now))
    stream = io.StringIO()
    line = ProgressLine(stream)
    for done in (1, 50, 1, 21):
        line(Update("extracting", done, 50))
    assert stream.getvalue().splitlines()[-1] == "extracting 21/50 frames  2.0/s  0:14 left"


def test_a_terminal_gets_a_bar_with_rate_and_time_left_on_one_line(monkeypatch) -> None:
    now = iter([100.0, 110.0, 120.0])
    monkeypatch.setattr("recaster.cli.display.time.monotonic", lambda: next(now))
    monkeypatch.setenv("COLUMNS", "70")
    terminal = Terminal()
    line = ProgressLine(terminal)
    for done in (0, 20, 50):
        line(Update("swapping", done, 50, detail="a detail that no line of this terminal has room for"))
    drawn = terminal.getvalue().split(CLEAR)[1:]
    lines = [part.removeprefix(progress_bar(done, 50)) for part, done in zip(drawn, (0, 20, 50), strict=True)]
    assert lines == [
        "swapping 0/50 frames  a detail that no line…",
        "swapping 20/50 frames  2.0/s  0:15 left  a …",
        "swapping 50/50 frames  2.5/s  a detail that…\n",
    ]
    assert "━" * 9 in progress_bar(20, 50)


def test_a_terminal_gets_a_line_where_no_bar_can_be_drawn(monkeypatch) -> None:
    monkeypatch.setattr("recaster.cli.display.importlib.util.find_spec", lambda _: None)
    for total in (10, None):
        terminal = Terminal()
        ProgressLine(terminal)(Update("analysing", 3, total))
        assert "━" not in terminal.getvalue()
