"""How jobs are run, and what is known of one that runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping


@dataclass(frozen=True)
class Rules:
    """How jobs are run.

    Attributes:
        per_device: jobs that may compute on one device at a time.
        light: jobs at a time that need no device.
        pause_grace_s: seconds that a worker has to save what it did.
    """

    per_device: int = 1
    light: int = 2
    pause_grace_s: float = 60.0


@dataclass
class Running:
    """One worker at work."""

    job_id: str
    device: str
    process: asyncio.subprocess.Process | None = None
    told: float | None = None  # when it was asked to stop
    kept: float = 0.0  # when its progress was last kept
    waiting: Mapping[str, Any] | None = None  # progress not kept yet
    best: dict[str, float] = field(default_factory=dict)
    outcome: Mapping[str, Any] | None = None
    words_from: int = 0  # where this worker's own part of the job's standard error begins
