"""What a piece of work costs, measured from outside: its own process, the system's own accounts."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import RecasterError

if TYPE_CHECKING:
    from collections.abc import Mapping


PEAK: Final = "peak_mb"


class WorkError(RecasterError):
    """A measured process failed; the message holds its last words."""


@dataclass(frozen=True)
class Cost:
    """What a process and all that it started took.

    Attributes:
        cpu: seconds, user and system, of all cores.
        wall: seconds.
        peak_mb: the most memory that it held, MiB, without processes that it started; NaN where the
            system does not tell.
        said: the JSON object that it printed.
    """

    cpu: float
    wall: float
    peak_mb: float
    said: dict[str, Any]


def measured(module: str, task: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Cost:
    """Run ``python -m module``, give it ``task`` as JSON, and take what it prints as JSON.

    Ctrl-C stops it, and whatever it started.

    Raises:
        WorkError: it failed.
    """
    with tempfile.TemporaryFile("w+") as answer, tempfile.TemporaryFile("w+") as words:
        began = time.monotonic()
        process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-m", module, json.dumps(task)],
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=words,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        answer.seek(0)
        words.seek(0)
        if process.returncode:
            last = " / ".join(words.read().strip().splitlines()[-3:]) or "it said nothing"
            raise WorkError(f"{module} failed with {process.returncode}: {last}")
        told = json.load(answer)
        return Cost(usage.ru_utime + usage.ru_stime, wall, told.pop(PEAK), told)


def task() -> dict[str, Any]:
    """In the measured process: what it was given."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    return given


def answer(said: Mapping[str, Any]) -> None:
    """In the measured process: what it found out."""
    peak = peak_bytes()
    sys.stdout.write(json.dumps({**said, PEAK: math.nan if peak is None else peak / 2**20}))


def peak_bytes() -> int | None:
    """Most memory this process has held so far (resident set); None where the system does not tell.

    Not by getrusage: there a child on Linux starts with its parent's peak.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)
