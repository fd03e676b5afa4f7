"""Frames and times as people write them, before their clip is known."""

from __future__ import annotations

import re
from typing import Final

from recaster.errors import UsageError

FRAME: Final = re.compile(r"\d+", re.ASCII)
SECONDS: Final = re.compile(r"(\d+(?:\.\d+)?)s", re.ASCII)
CLOCK: Final = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)", re.ASCII)
POSITION_HELP: Final = (
    'write frames as "100-200" (both included) or times as "3s-5.5s" or "00:01.5-"; an open end is left out'
)
_OTHER_DASHES: Final = re.compile("[\u2010-\u2015\u2212]")


def refuse_other_dashes(text: str) -> None:
    """Refuses dashes that typing programs make of a hyphen (UsageError)."""
    if dash := _OTHER_DASHES.search(text):
        plain = _OTHER_DASHES.sub("-", text)
        raise UsageError(f'"{text}" has a long dash ({dash[0]}): write a hyphen, "{plain}"')


def check_positions(text: str) -> None:
    """Refuses what names neither frames nor times, nor a range of them (UsageError)."""
    refuse_other_dashes(text)
    parts = [part.strip() for part in text.split("-", 1)]
    for part in parts:
        is_open = len(parts) > 1 and not part
        if not is_open and not any(kind.fullmatch(part) for kind in (FRAME, SECONDS, CLOCK)):
            raise UsageError(f'"{part}" in "{text}" is neither a frame nor a time: {POSITION_HELP}')
