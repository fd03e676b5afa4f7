"""What a worker tells the engine, one JSON object a line."""

from __future__ import annotations

import base64
import json
import threading
from typing import IO, TYPE_CHECKING, Any, Final

from recaster.errors import DamagedError, RecasterError, reason_of

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.jobs.job_context import JobOutput
    from recaster.progress import Update

LONGEST: Final = 4000
"""Characters of a text that are passed on."""


class WorkerChannel:
    """Writes messages to the engine."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._alone = threading.Lock()

    def progress(self, update: Update) -> None:
        """Where the work is."""
        self._say(
            say="progress",
            stage=update.stage,
            done=update.done,
            total=update.total or 0,
            unit=update.unit,
            detail=_plain(update.detail),
        )

    def step(self) -> None:
        """It came a step further in what has no progress to report."""
        self._say(say="step")

    def preview(self, picture: Path, step: int) -> None:
        """A picture of what was learnt."""
        self._say(say="preview", path=str(picture), step=step)

    def log(self, level: str, line: str) -> None:
        """Something worth knowing."""
        self._say(say="log", level=level, line=_plain(line))

    def done(self, made: JobOutput, files: list[dict[str, Any]]) -> None:
        """All is done."""
        body, coverage = (
            "" if one is None else base64.b64encode(one.SerializeToString()).decode()
            for one in (made.body, made.coverage)
        )
        self._say(
            say="done",
            kind=made.kind,
            body=body,
            files=files,
            summary=[_plain(line) for line in made.summary],
            warnings=[_plain(line) for line in made.warnings],
            traces=made.traces.to_json(),
            coverage=coverage,
            mark=None if made.mark is None else _plain(made.mark),
        )

    def stopped(self) -> None:
        """It stopped as it was asked to, and what was done is kept."""
        self._say(say="stopped")

    def failed(self, error: BaseException, message: str) -> None:
        """It can't go on, and why."""
        reason = reason_of(error)
        message = message or type(error).__name__
        if reason == "INTERNAL":
            message = (
                f"an error in Recaster itself ({type(error).__name__}: {message}); the job's log has more"
            )
        elif reason == "LIMIT":
            message = "it needs more memory than a job of this kind may take; is the file what it says it is?"
        code = error.exit_code if isinstance(error, RecasterError) else 1
        damaged = error.digests if isinstance(error, DamagedError) else ()
        self._say(say="failed", reason=reason, message=_plain(message), exit_code=code, damaged=list(damaged))

    def _say(self, **values: Any) -> None:
        with self._alone:  # steps come from any thread
            self._stream.write(json.dumps(values) + "\n")
            self._stream.flush()


def _plain(text: str) -> str:
    """Text that any message may hold, whatever a hostile file has put into it."""
    return text[:LONGEST].encode("utf-8", "replace").decode()
