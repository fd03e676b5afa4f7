# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a swap's result, each a strip of its own: whole frame, face layer, matte, overlay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FRAME = "frame"
FACE = "face"
MATTE = "matte"
OVERLAY = "overlay"
OWN_MATTES = tuple(f"matte{number}" for number in range(1, 10))
"""Mattes of the first people of a cast, each of that person alone."""
UNKNOWN = "unknown"
"""The whole frame, in which people were made unknown."""


class ResultPart(NamedTuple):
    """One part of a result.

    Attributes:
        role: of its file among a job's artifacts; of a person's matte what it ends with.
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
    **{
        name: ResultPart(f"-{number}", f" (Face Matte {number})", f"-matte{number}")
        for number, name in enumerate(OWN_MATTES, 1)
    },
    OVERLAY: ResultPart("overlay", " (Overlay)", "-overlay"),
    UNKNOWN: ResultPart("clip", " (Anonymized)", "-anonymized"),
}
"""By the names that strips and jobs keep, in the order of their channels, from the lowest."""
DRAFT = " Draft"
"""What the name of a draft's strip has last."""
RESULT_PARTS = {"frame": (FRAME,), "face": (FACE,), "both": (FRAME, FACE)}
"""Of each choice of a result."""
MATTES = (MATTE, *OWN_MATTES)
LAYERED = (FACE, *MATTES)
"""Parts that lie over a picture, and aren't one."""
MUTED = (*MATTES, OVERLAY)
"""Parts that are there to be used or looked at, and not to be seen in the edit."""


def chosen_parts(
    result: str, *, matte: bool, overlay: bool, own_mattes: Sequence[bool] = ()
) -> tuple[str, ...]:
    """The parts that choices of a result, of mattes (of all, of each of a cast) and an overlay stand for."""
    own = tuple(name for name, is_wanted in zip(OWN_MATTES, own_mattes, strict=False) if is_wanted)
    return RESULT_PARTS[result] + ((MATTE,) if matte else ()) + own + ((OVERLAY,) if overlay else ())


def find_role(roles: Iterable[str], part: str) -> str | None:
    """Finds the role of a part's file among those of a job; None where there is no such file."""
    role = PARTS[part].role
    if part in OWN_MATTES:
        return next((one for one in roles if one.startswith("matte-") and one.endswith(role)), None)
    return role if role in roles else None


def known_parts(names: str) -> tuple[str, ...]:
    """Reads the parts that a job was asked for; without any, as of earlier releases, the whole frame."""
    return tuple(name for name in PARTS if name in names.split()) or (FRAME,)


def part_of(result: Any) -> str:
    """The part that a result's strip shows; strips of earlier releases show the whole frame."""
    part = str(result.recaster.part)
    return part if part in PARTS else FRAME


def part_name(strip: Any, part: str = FRAME) -> str:
    """The name of a strip's result, without the suffix of a result that it is itself."""
    name = strip.name.removesuffix(DRAFT)
    for known in PARTS.values():
        name = name.removesuffix(known.suffix)
    return f"{name}{PARTS[part].suffix}"
