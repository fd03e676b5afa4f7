"""Output of the command line: lines, JSON, and how far long work is.

Nothing is printed but through here: much of it was chosen by others, such as files' names, another client's
words, an engine's errors. ``say`` escapes what isn't printable in each line, ends of lines too; ``Escaping``
does it once more for whatever else writes to the standard streams (argparse, logs, tracebacks).
"""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any, TextIO, cast

from recaster.progress import Report, Update, clock, silent
from recaster.texts import escape

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

REDRAW_INTERVAL_S = 0.2
LINE_INTERVAL_S = 5.0
BAR_CELLS = 24
CLEAR = "\r\x1b[2K"


class Escaping:
    """A stream that escapes all but printable characters and ends of lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes it escaped."""
        self._stream.write(escape(text, keep="\n"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Writes each of them."""
        for line in lines:
            self.write(line)

    def control(self, code: str) -> None:
        """Writes a terminal's code of our own."""
        self._stream.write(code)

    def __getattr__(self, name: str) -> Any:
        """Everything else as the stream has it."""
        return getattr(self._stream, name)


def escaping(stream: TextIO) -> TextIO:
    """A stream that nothing but text gets through."""
    return cast("TextIO", Escaping(stream))


def say(*lines: object) -> None:
    """Prints a command's result, a line each."""
    sys.stdout.write("".join(f"{escape(line)}\n" for line in lines))


def say_error(*lines: object) -> None:
    """Prints what isn't a command's result, a line each."""
    sys.stderr.write("".join(f"{escape(line)}\n" for line in lines))
    sys.stderr.flush()


def say_failure(options: argparse.Namespace, message: str, error: BaseException | None) -> None:
    """Prints why a command, or a part of it, failed; with the traceback where that is asked for."""
    clear_line(sys.stderr)
    if options.debug and error is not None:  # a traceback has lines of its own; the stream escapes all else
        sys.stderr.write("".join(traceback.format_exception(error)))
    say_error(message)


def say_note(options: argparse.Namespace, *lines: object) -> None:
    """Prints what isn't a command's result, unless it is asked to be quiet."""
    if not options.quiet:
        say_error(*lines)


def log_line(level: str, line: str) -> str:
    """Formats a line of a job's log, with its level where that isn't "info"."""
    return line if level == "info" else f"{level}: {line}"


def say_json(value: Any) -> None:
    """Prints a command's result for programs."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def reporter(options: argparse.Namespace) -> Report:
    """A listener for the command's progress: a live bar on a terminal, sparse lines elsewhere."""
    return silent if options.quiet else ProgressLine(sys.stderr)


class ProgressLine:
    """Draws updates on one stream; call it with each ``Update``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._stage = ""
        self._done = 0.0
        self._began = (0.0, 0.0)
        self._drawn = 0.0

    def __call__(self, update: Update) -> None:
        """Draws ``update`` unless the last one was drawn a moment ago."""
        now = time.monotonic()
        finished = update.total is not None and update.done >= update.total
        if update.stage != self._stage or update.done < self._done:  # or the same again, on the next clip
            self._stage = update.stage
            self._began = (now, update.done)
            self._drawn = 0.0
        self._done = update.done
        if not finished and now - self._drawn < (REDRAW_INTERVAL_S if self._live else LINE_INTERVAL_S):
            return
        self._drawn = now
        line = self._format_line(update, now)
        if self._live:
            _write_control(self._stream, CLEAR)
            self._draw(line, update)
        else:
            self._stream.write(line)
        if finished or not self._live:
            self._stream.write("\n")
        self._stream.flush()

    def _draw(self, line: str, update: Update) -> None:
        """Writes a line behind its bar, as much of it as the terminal's width takes."""
        if update.total and importlib.util.find_spec("rich"):  # it isn't there beside a thin client
            _write_control(self._stream, progress_bar(update.done, update.total))
            line = _cut_to_cells(line, shutil.get_terminal_size().columns - BAR_CELLS - 2)
        self._stream.write(line)

    def _format_line(self, update: Update, now: float) -> str:
        seconds = now - self._began[0]
        done = update.done - self._began[1]
        rate = done / seconds if seconds > 0 else 0.0
        count = f"{update.done:.0f}" + (f"/{update.total:.0f}" if update.total is not None else "")
        parts = [f"{update.stage} {count} {update.unit}"]
        if rate > 0 and update.unit != "seconds":
            parts.append(f"{rate:.1f}/s")
        if rate > 0 and update.total is not None and update.done < update.total:
            parts.append(f"{clock((update.total - update.done) / rate)} left")
        if update.detail:
            parts.append(update.detail)
        return escape("  ".join(parts))


def progress_bar(done: float, total: float) -> str:
    """Renders a bar of ``BAR_CELLS`` and a space, with a terminal's codes for its colours."""
    from rich.console import Console
    from rich.progress_bar import ProgressBar

    console = Console(file=io.StringIO(), force_terminal=True, legacy_windows=False)
    with console.capture() as capture:
        console.print(ProgressBar(total, done, BAR_CELLS), end="")
    return f"{capture.get()} "


def _cut_to_cells(line: str, cells: int) -> str:
    from rich.text import Text

    text = Text(line)
    text.truncate(max(cells, 1), overflow="ellipsis")
    return text.plain


def clear_line(stream: TextIO) -> None:
    """Wipes a progress line that was left standing, so that what is written next has a line of its own."""
    if stream.isatty():
        _write_control(stream, CLEAR)


def _write_control(stream: TextIO, code: str) -> None:
    getattr(stream, "control", stream.write)(code)
