"""Cost of a piece of work in a process of its own, by the system's own accounts."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recaster.api.internal.v1.benchmark_pb2 import SpeedResult, SpeedTask
from recaster.errors import RecasterError
from recaster.processes.channel import Sender, receive
from recaster.processes.spawn import claim_stdout, last_lines, start_with_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class WorkError(RecasterError):
    """A measured process failed; the message holds its last words."""


@dataclass(frozen=True)
class Cost:
    """Cost of a process and all that it started.

    Attributes:
        cpu, wall: seconds; the first are those of all cores, user and system.
        peak_mb: the most memory that it held, MiB, without processes that it started; NaN where the
            system does not tell.
    """

    cpu: float
    wall: float
    peak_mb: float
    result: SpeedResult


def measured(module: str, task: SpeedTask, environment: Mapping[str, str] | None = None) -> Cost:
    """Runs ``python -m module`` with a task, and takes the result that it sends (WorkError).

    Ctrl-C stops it, and whatever it started.
    """
    with tempfile.TemporaryFile() as answers, tempfile.TemporaryFile() as errors:
        began = time.monotonic()
        process = start_with_task(module, task, answers, errors, environment)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        answers.seek(0)
        result = receive(answers, SpeedResult)
        if process.returncode or result is None:
            last = " / ".join(last_lines(errors, 3)) or "it said nothing"
            raise WorkError(f"{module} failed with {process.returncode}: {last}")
        peak_mb = result.peak_bytes / 2**20 if result.peak_bytes else math.nan
        return Cost(usage.ru_utime + usage.ru_stime, wall, peak_mb, result)


def serve_task(work: Callable[[SpeedTask], SpeedResult]) -> None:
    """In the measured process: does what it was sent, and sends the result with its own peak of memory."""
    sender = Sender(claim_stdout())
    task = receive(sys.stdin.buffer, SpeedTask)
    if task is not None:
        result = work(task)
        result.peak_bytes = peak_bytes() or 0
        sender.send(result)


def peak_bytes() -> int | None:
    """Most memory this process has held so far (resident set); None where the system does not tell.

    Not by getrusage: there a child on Linux starts with its parent's peak.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)
