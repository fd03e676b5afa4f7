# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's jobs as the panels show them: one line each, how far, how long still, what to do."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recaster.files import atomic_file

from .. import messages
from ..config import cache_folder
from ..state import addon_state
from . import access, coverage

if TYPE_CHECKING:
    from pathlib import Path

    from .connection import BackgroundWork, EngineState

SHOWN = 8
MAX_NAME = 60
"""Letters of a name that are shown."""
MAX_HIDDEN = 5000
MAX_SHOWN_S = 100 * 3600.0 - 1
MIN_INTERVAL_S = 0.05
SMOOTHING = 0.7
"""Share of the speed that one more look at it keeps."""


@dataclass
class Speed:
    """Speed of a job's stage."""

    stage: str
    done: float
    at: float
    per_second: float = 0.0


@dataclass(frozen=True)
class StatusLine:
    """A line of the panel about a job, or about work that is done here.

    Attributes:
        title: what it is.
        text: how far it is, or how it ended.
        share: how much is done, 0 to 1; None where that isn't known or matters no more.
        trouble: what went wrong, and what to do.
        icon: Blender's name of an icon.
    """

    title: str
    text: str
    share: float | None = None
    trouble: str = ""
    icon: str = "NONE"


def on_engine_state(found: EngineState) -> None:
    """Notes how fast jobs go on."""
    now = time.monotonic()
    for job_id, job in (found.jobs or {}).items():
        progress = job.progress
        known = addon_state.job_speeds.get(job_id)
        if known is None or known.stage != progress.stage or progress.done < known.done:
            addon_state.job_speeds[job_id] = Speed(progress.stage, progress.done, now)
        elif progress.done > known.done:
            speed = (progress.done - known.done) / max(now - known.at, MIN_INTERVAL_S)
            before = known.per_second
            known.per_second = SMOOTHING * before + (1 - SMOOTHING) * speed if before else speed
            known.done = progress.done
            known.at = now
    for job_id in addon_state.job_speeds.keys() - (found.jobs or {}).keys():
        del addon_state.job_speeds[job_id]


def eta_s(job: Any) -> float | None:
    """Seconds until a job's stage is done, None where that can't be told."""
    progress = job.progress
    speed = addon_state.job_speeds.get(job.job_id)
    if not progress.total:
        return None
    left = progress.total - progress.done
    if progress.unit == "seconds":
        return float(left)
    return left / speed.per_second if speed is not None and speed.per_second > 0 else None


KINDS = {
    "swap": "Swap of",
    "train": "Training of",
    "extract": "Faces of",
    "ingest": "Import of",
    "sign": "Signing of",
    "anonymise": "Anonymizing of",
}
STATES = {
    "SUCCEEDED": "Done", "FAILED": "Failed", "CANCELLED": "Canceled", "CANCELLING": "Canceling",
    "PAUSED": "Paused", "PAUSING": "Pausing", "BLOCKED": "Waits", "QUEUED": "Waits for its turn",
}  # fmt: skip
ICONS = {"Done": "CHECKMARK", "Failed": "ERROR", "Waits": "ERROR", "Paused": "PAUSE"}


def job_title(job: Any) -> str:
    """Returns the kind of a job and the name of its object."""
    kind = job.spec.WhichOneof("work") or ""
    name = messages.text(job.labels.get("name", ""), MAX_NAME)
    return f"{KINDS.get(kind, 'Work on')} {name}" if name else KINDS.get(kind, "Work on").split()[0]


def job_line(job: Any) -> StatusLine:
    """A job of the engine."""
    from recaster.api.v1 import job_pb2

    known = job.state in job_pb2.JobState.values()  # a newer engine may have others
    name = job_pb2.JobState.Name(job.state).removeprefix("JOB_STATE_") if known else "Unknown"
    title = job_title(job)
    trouble = messages.of_job(job) or addon_state.job_troubles.get(job.job_id, "")
    if job.state != job_pb2.JOB_STATE_RUNNING:
        state = STATES.get(name, name.capitalize())
        share = job.progress.done / job.progress.total if state == "Paused" and job.progress.total else None
        done = coverage.coverage_of(job) if state == "Done" else None
        text = state if done is None else f"{state}: {done.line}"
        return StatusLine(title, text, share, trouble, ICONS.get(state, "NONE"))
    progress = job.progress
    stage = messages.sentence(messages.text(progress.stage, MAX_NAME))
    if not progress.total:
        return StatusLine(title, stage or "Starting", 0.0, trouble)
    share = min(1.0, progress.done / progress.total)
    left = eta_s(job)
    text = f"{stage} {share:.0%}"
    return StatusLine(
        title, text if left is None else f"{text}, {format_duration(left)} left", share, trouble
    )


def work_line(work: BackgroundWork, title: str = "") -> StatusLine:
    """Status of work that is done here, in a thread."""
    update = work.update
    if update is None:
        return StatusLine(title or work.title, "Preparing", 0.0)
    stage = messages.sentence(messages.text(update.stage, MAX_NAME))
    if not update.total:
        done = f" {update.done:.0f} {update.unit}" if update.done else ""
        return StatusLine(title or work.title, f"{stage}{done}", 0.0)
    share = min(1.0, update.done / update.total)
    return StatusLine(title or work.title, f"{stage} {share:.0%}", share)


def is_own_job(found: EngineState, job: Any) -> bool:
    """Tells if a job was asked for from Blender, by this client."""
    return bool(job.labels.get("client") == "blender") and access.is_own_clients_job(found, job)


def hide_job(job_id: str) -> None:
    """Leaves a job out of the list from now on, in later sessions too; the engine keeps it."""
    hidden_jobs().add(job_id)
    with contextlib.suppress(OSError), atomic_file(_hidden_file()) as temporary:  # shown again, then
        temporary.write_text(json.dumps(sorted(hidden_jobs())[-MAX_HIDDEN:]), encoding="ascii")


def hidden_jobs() -> set[str]:
    """Jobs that nobody wants to see any more."""
    if addon_state.hidden_jobs is None:
        try:
            addon_state.hidden_jobs = {
                str(one) for one in json.loads(_hidden_file().read_text(encoding="ascii"))
            }
        except (OSError, ValueError, TypeError):
            addon_state.hidden_jobs = set()
    return addon_state.hidden_jobs


def _hidden_file() -> Path:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "cleared.json"


def format_duration(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    from recaster.progress import clock

    return clock(min(max(seconds, 0.0), MAX_SHOWN_S))


def control_job(what: str, job_id: str) -> None:
    """Asks the engine to pause, resume, cancel or delete a job, in a thread."""
    connection = addon_state.connection
    if connection is None:
        return
    addon_state.job_troubles.pop(job_id, None)

    def failed(error: Exception) -> None:
        addon_state.job_troubles[job_id] = messages.of_error(error)

    connection.run(
        "Telling the engine",
        lambda client, _: getattr(client.jobs, what)(job_id),
        lambda _: connection.refresh(),
        failed,
    )
