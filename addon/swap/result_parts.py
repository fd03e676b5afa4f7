# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a swap's result, each a strip of its own: the whole frame, the face layer, the matte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FRAME = "frame"
FACE = "face"
MATTE = "matte"


@dataclass(frozen=True)
class ResultPart:
    """One part of a result.

    Attributes:
        role: of its file among a job's artifacts.
        suffix: what its strip's name has after that of the strip that was swapped.
        mark: what its file's name has before the suffix.
    """

    role: str
    suffix: str
    mark: str = ""


PARTS = {
    FRAME: ResultPart("clip", " (Face Swap)"),
    FACE: ResultPart("layers", " (Face Layer)", "-face"),
    MATTE: ResultPart("matte", " (Face Matte)", "-matte"),
}
"""By the names that strips and jobs keep, in the order of their channels, from the lowest."""
RESULT_PARTS = {"frame": (FRAME,), "face": (FACE,), "both": (FRAME, FACE)}
"""Of each choice of a result."""


def chosen_parts(result: str, *, matte: bool) -> tuple[str, ...]:
    """The parts that a choice of a result and of a matte stands for."""
    return RESULT_PARTS[result] + ((MATTE,) if matte else ())


def known_parts(names: str) -> tuple[str, ...]:
    """Reads the parts that a job was asked for; without any, as of earlier releases, the whole frame."""
    return tuple(name for name in PARTS if name in names.split()) or (FRAME,)


def part_of(result: Any) -> str:
    """The part that a result's strip shows; strips of earlier releases show the whole frame."""
    part = str(result.recaster.part)
    return part if part in PARTS else FRAME


def part_name(strip: Any, part: str = FRAME) -> str:
    """The name of a strip's result, without the suffix of a result that it is itself."""
    name = strip.name
    for known in PARTS.values():
        name = name.removesuffix(known.suffix)
    return f"{name}{PARTS[part].suffix}"
