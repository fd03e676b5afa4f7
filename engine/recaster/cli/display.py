"""How the command line shows long work: one line with count, rate and time left."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from recaster.progress import Report, Update, clock, silent

if TYPE_CHECKING:
    import argparse

REDRAW_S = 0.2
PLAIN_S = 5.0
CLEAR = "\r\x1b[2K"


def reporter(options: argparse.Namespace) -> Report:
    """A listener for the command's progress: a live line on a terminal, sparse lines elsewhere."""
    if options.quiet:
        return silent
    return ProgressLine(sys.stderr)


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
        """Draw ``update`` unless the last one was drawn a moment ago."""
        now = time.monotonic()
        finished = update.total is not None and update.done >= update.total
        if update.stage != self._stage or update.done < self._done:  # or the same again, on the next clip
            self._stage, self._began, self._drawn = update.stage, (now, update.done), 0.0
        self._done = update.done
        if not finished and now - self._drawn < (REDRAW_S if self._live else PLAIN_S):
            return
        self._drawn = now
        line = self._line(update, now)
        if self._live:
            self._stream.write(f"{CLEAR}{line}" + ("\n" if finished else ""))
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def _line(self, update: Update, now: float) -> str:
        seconds, done = now - self._began[0], update.done - self._began[1]
        rate = done / seconds if seconds > 0 else 0.0
        count = f"{update.done:.0f}" + (f"/{update.total:.0f}" if update.total is not None else "")
        parts = [f"{update.stage} {count} {update.unit}"]
        if rate > 0 and update.unit != "seconds":
            parts.append(f"{rate:.1f}/s")
        if rate > 0 and update.total is not None and update.done < update.total:
            parts.append(f"{clock((update.total - update.done) / rate)} left")
        if update.detail:
            parts.append(update.detail)
        return "  ".join(parts)


def clear_line(stream: TextIO) -> None:
    """Wipe a progress line that was left standing, so that what is written next has a line of its own."""
    if stream.isatty():
        stream.write(CLEAR)
