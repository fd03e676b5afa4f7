# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's jobs as the panels show them: one line each, how far, how long still, what to do."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from recaster.files import atomic_file

from .. import messages
from ..config import cache_folder
from ..state import addon_state
from ..translations import translate
from . import access, coverage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.client import Client

    from .connection import BackgroundWork, EngineState

MAX_NAME = 60
"""Letters of a name that are shown."""
MAX_HIDDEN = 5000
MAX_SHOWN_S = 100 * 3600.0 - 1
MIN_INTERVAL_S = 0.05
SMOOTHING = 0.7
"""Share of the speed that one more look at it keeps."""


class Speed:
    """Speed of a job's stage."""

    def __init__(self, stage: str, done: float, at: float) -> None:
        self.stage = stage
        self.done = done
        self.at = at
        self.per_second: float = 0.0


class StatusLine(NamedTuple):
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
    "swap": ("Swap", "Swap of {name}"),
    "train": ("Training", "Training of {name}"),
    "extract": ("Faces", "Faces of {name}"),
    "ingest": ("Import", "Import of {name}"),
    "sign": ("Signing", "Signing of {name}"),
    "anonymise": ("Anonymizing", "Anonymizing of {name}"),
}
"""What a kind of job is called, alone and with the name of its object."""
OTHER_KIND = ("Work", "Work on {name}")
STATES = {
    "SUCCEEDED": "Done", "FAILED": "Failed", "CANCELLED": "Canceled", "CANCELLING": "Canceling",
    "PAUSED": "Paused", "PAUSING": "Pausing", "BLOCKED": "Waits", "QUEUED": "Waits for its turn",
}  # fmt: skip
ICONS = {"Done": "CHECKMARK", "Failed": "ERROR", "Waits": "ERROR", "Paused": "PAUSE"}


def job_title(job: Any) -> str:
    """Returns the kind of a job and the name of its object."""
    kind = job.spec.WhichOneof("work") or ""
    name = messages.text(job.labels.get("name", ""), MAX_NAME)
    alone, named = KINDS.get(kind, OTHER_KIND)
    return translate(named, name=name) if name else translate(alone)


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
        text = translate(state) if done is None else f"{translate(state)}: {done.line}"
        return StatusLine(title, text, share, trouble, ICONS.get(state, "NONE"))
    progress = job.progress
    stage = messages.stage(progress.stage)
    if not progress.total:
        return StatusLine(title, stage or translate("Starting"), 0.0, trouble)
    share = min(1.0, progress.done / progress.total)
    left = eta_s(job)
    text = f"{stage} {share:.0%}"
    if left is not None:
        text = translate("{stage}, {time} left", stage=text, time=format_duration(left))
    return StatusLine(title, text, share, trouble)


def work_line(work: BackgroundWork, title: str = "") -> StatusLine:
    """Status of work that is done here, in a thread."""
    update = work.update
    if update is None:
        return StatusLine(title or work.title, translate("Preparing"), 0.0)
    stage = messages.stage(update.stage)
    if not update.total:
        done = f"{update.done:.0f} {translate(update.unit)}" if update.done else ""
        return StatusLine(title or work.title, f"{stage} {done}".strip(), 0.0)
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


def move_job(job_id: str, before: str) -> None:
    """Asks the engine to let a queued job go right before another, in a thread."""
    _tell(job_id, lambda client: client.jobs.move(job_id, before))


def control_job(what: str, job_id: str) -> None:
    """Asks the engine to pause, resume, cancel or delete a job, in a thread."""
    _tell(job_id, lambda client: getattr(client.jobs, what)(job_id))


def _tell(job_id: str, do: Callable[[Client], Any]) -> None:
    connection = addon_state.connection
    if connection is None:
        return
    addon_state.job_troubles.pop(job_id, None)

    def failed(error: Exception) -> None:
        addon_state.job_troubles[job_id] = messages.of_error(error)

    connection.run(
        translate("Telling the engine"),
        lambda client, _: do(client),
        lambda _: connection.refresh(),
        failed,
    )
