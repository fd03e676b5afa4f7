"""Options of a swap that several machines render, each a part of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path  # noqa: TC003 - types of options are looked at
from typing import TYPE_CHECKING, Final, TypeVar

from recaster.errors import UsageError
from recaster.settings.options import option

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

MAX_PARTS: Final = 100_000


@dataclass(frozen=True)
class Part:
    """One part of a swap: ``number`` counts from 1 to ``count``."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Part:
        """Reads "2/8" (UsageError)."""
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
        part = cls(*map(int, match.groups())) if match else cls(0, 0)
        if not 1 <= part.number <= part.count <= MAX_PARTS:
            raise UsageError(f"--part {text[:40]}: say which of how many, 2/8 for the second of eight")
        return part

    def choose(self, segments: Sequence[T]) -> Sequence[T]:
        """Chooses what of a clip's segments this part renders: neighbours, none where there are too few."""
        count = len(segments)
        return segments[count * (self.number - 1) // self.count : count * self.number // self.count]

    def __str__(self) -> str:
        return f"part {self.number} of {self.count}"


@dataclass(frozen=True)
class PartSettings:
    """Choices of a swap whose segments several machines render into one folder.

    Attributes:
        folder: None for a swap that is rendered here.
        part: what this machine renders, as ``Part.parse`` reads it.
        join: whether this machine makes the result of what all have rendered.
    """

    folder: Path | None = option(
        None,
        "render into this folder, which several machines share; with --part or --join. See docs/scale.md",
        metavar="DIR",
        flag="parts",
    )
    part: str | None = option(
        None, "render only the Kth of N parts into the folder of --parts, and no result", metavar="K/N"
    )
    join: bool = option(
        False, "make the result of the parts in the folder of --parts, where none is missing, and remove them"
    )

    def __post_init__(self) -> None:
        is_chosen = (self.part is not None) + self.join
        if self.folder is None and is_chosen:
            raise UsageError("--part and --join need --parts: the folder that all machines share")
        if self.folder is not None and is_chosen != 1:
            raise UsageError("--parts needs either --part K/N, to render a part, or --join, for the result")
        _ = self.share

    @cached_property
    def share(self) -> Part | None:
        """The part that is rendered; None where all are joined."""
        return None if self.part is None else Part.parse(self.part)


WHOLE: Final = PartSettings()
"""A swap that is rendered here."""
