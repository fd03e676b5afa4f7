"""The engine's log: a JSON object a line, and one file for each job; no token, no name of a person in it."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import structlog

from recaster.files import open_nofollow

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

_SECRET: Final = re.compile(r"(?i)(bearer\s+|token[=:]\s*)\S+")
_PERSONAL: Final = frozenset({"display_name", "note", "identity", "name"})
FILE: Final = "log.jsonl"


def set_up(*, to: Any = None) -> None:
    """Send what the engine logs to standard error, a JSON object a line."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_CHAIN,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redacted,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(to or sys.stderr)
    handler.setFormatter(formatter)
    logger = logging.getLogger("recaster")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def note(folder: Path, level: str, event: str, **values: Any) -> None:
    """Add a line to one job's own log; ``folder`` is the job's. What can't be written is left out."""
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / FILE, "a", encoding="utf-8", opener=open_nofollow) as file:
            writer = structlog.WriteLogger(file)
            logger = structlog.wrap_logger(writer, processors=_JOB_CHAIN, job=folder.name)
            getattr(logger, level)(event, **values)


def redacted(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take tokens and people's names out of what is logged."""
    for name, value in list(event.items()):
        if name in _PERSONAL:
            event[name] = "***"
        elif isinstance(value, str):
            event[name] = _SECRET.sub(r"\1***", value)
    return event


_TIME: Final = structlog.processors.TimeStamper(fmt="iso", utc=True)
_JOB_CHAIN: Final[list[Any]] = [
    _TIME, structlog.processors.add_log_level, redacted, structlog.processors.JSONRenderer(),
]  # fmt: skip
_CHAIN: Final[list[Any]] = [
    _TIME, structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder(),
    structlog.processors.format_exc_info,
]  # fmt: skip
