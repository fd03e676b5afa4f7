"""Watch over workers: each must come a step further, judged by its messages and by what it takes.

Work may last for days; what is watched is the next step of it. A step is any message that a worker did not
send before: a frame, a training step, a preview, a piece of a file.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from recaster.api.internal.v1 import worker_pb2

MIN_CPU_S: Final = 5.0
"""CPU time between two looks that is work, and no mere waking up."""
MIN_BYTES: Final = 1 << 20
"""Bytes read or written between two looks that are work."""


@dataclass(frozen=True)
class Patience:
    """Time that a worker may take for one step, in seconds.

    Attributes:
        still_s: without computing, reading or writing anything.
        spin_s: wall time, all of which it must have computed as well: a slow machine is no fault.
        unseen_s: where the system doesn't say what a process takes.
    """

    still_s: float = 900.0
    spin_s: float = 3600.0
    unseen_s: float = 6 * 3600.0


@dataclass(frozen=True)
class Taken:
    """Resources that a worker and the processes that it started have taken so far."""

    cpu_s: float
    bytes: int


class Watchdog:
    """Watches one worker."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._reported: tuple[str, float] | None = None
        self._stepped = True
        self._step: tuple[float, Taken | None] = (0.0, None)  # when it came further, and what it had taken
        self._moved: tuple[float, Taken | None] = (0.0, None)  # when it did anything

    @property
    def every_s(self) -> float:
        """Seconds between two looks."""
        return self._patience.still_s / 30

    def receive(self, message: worker_pb2.WorkerMessage) -> None:
        """Takes one message of the worker; progress that was reported before is no step."""
        is_progress = message.HasField("progress")
        reported = (message.progress.stage, message.progress.done) if is_progress else None
        if reported is None or reported != self._reported:
            self._reported = reported
            self._stepped = True

    def look(self, now: float, taken: Taken | None) -> str:
        """The reason for which the worker must be stopped; empty where it may go on.

        ``now`` is in seconds; ``taken`` is None where the system doesn't say.
        """
        if self._stepped:
            self._stepped = False
            self._step = self._moved = (now, taken)
            return ""
        since, before = self._step
        if taken is None or before is None:
            return self._why("it came no step further", self._patience.unseen_s, now - since)
        moved_at, then = self._moved
        assert then is not None  # noqa: S101 - as ``before``
        if taken.cpu_s - then.cpu_s >= MIN_CPU_S or taken.bytes - then.bytes >= MIN_BYTES:
            moved_at = now
            self._moved = (now, taken)
        still = self._why("it did nothing any more", self._patience.still_s, now - moved_at)
        spinning = min(now - since, taken.cpu_s - before.cpu_s)
        return still or self._why(
            "it computed without coming a step further", self._patience.spin_s, spinning
        )

    @staticmethod
    def _why(what: str, most: float, seconds: float) -> str:
        return f"{what} for {most / 60:.0f} minutes" if seconds >= most else ""


def taken_by(session: int) -> Taken | None:
    """Sums what a session's processes have taken; None where the system doesn't say (only Linux does)."""
    if sys.platform != "linux":
        return None
    ticks = 0
    read = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):  # it has ended
                values = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
                if int(values[3]) == session:
                    ticks += sum(map(int, values[11:15]))  # its own, and those of its children that ended
                    read += _bytes_of(folder)
    return Taken(ticks / os.sysconf("SC_CLK_TCK"), read)


def _bytes_of(folder: Path) -> int:
    try:
        lines = (folder / "io").read_text().splitlines()
    except OSError:  # a process that may not be looked into
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("rchar:", "wchar:")))
