"""What a piece of work costs, measured from outside: its own process, the system's own accounts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recaster.errors import RecasterError

if TYPE_CHECKING:
    from collections.abc import Mapping


class WorkError(RecasterError):
    """A measured process failed; the message holds its last words."""


@dataclass(frozen=True)
class Cost:
    """What a process and all that it started took.

    Attributes:
        cpu: seconds, user and system, of all cores.
        wall: seconds.
        peak_mb: the most memory that any one of its processes held, MiB.
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
        return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, json.load(answer))


def task() -> dict[str, Any]:
    """In the measured process: what it was given."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    return given


def answer(said: Mapping[str, Any]) -> None:
    """In the measured process: what it found out."""
    sys.stdout.write(json.dumps(said))
