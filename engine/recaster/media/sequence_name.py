"""Names of picture sequences: ``shot.%04d.exr`` stands for shot.0001.exr, shot.0002.exr and so on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.media.picture_file import PICTURE_FORMATS

if TYPE_CHECKING:
    from pathlib import Path

_PATTERN: Final = re.compile(r"(?P<prefix>.*?)(?:%0?(?P<width>\d*)d|(?P<hashes>#+))(?P<suffix>\.\w+)")
_FILE: Final = re.compile(r"(?P<prefix>.*?)(?P<digits>\d+)(?P<suffix>\.\w+)")


@dataclass(frozen=True)
class SequenceName:
    """Name of a sequence.

    Attributes:
        folder: in which all its pictures lie.
        prefix: of their names, before the number.
        digits: numbers have at least so many; shorter ones begin with zeros.
        suffix: of their names, with the dot.
    """

    folder: Path
    prefix: str
    digits: int
    suffix: str

    @classmethod
    def parse(cls, path: Path) -> SequenceName | None:
        """Reads a pattern, ``shot.%04d.exr`` or ``shot.####.exr``; None where it is none of pictures."""
        match = _PATTERN.fullmatch(path.name)
        if match is None or match["suffix"].lower() not in PICTURE_FORMATS:
            return None
        digits = len(match["hashes"]) if match["hashes"] else int(match["width"] or 1)
        return cls(path.parent, match["prefix"], digits, match["suffix"])

    @classmethod
    def of_file(cls, path: Path) -> SequenceName | None:
        """The sequence that a picture belongs to by its name; None where that has no number."""
        match = _FILE.fullmatch(path.name)
        if match is None or match["suffix"].lower() not in PICTURE_FORMATS:
            return None
        # "0001" is a number of four digits, "1001" may be one of any width up to that.
        digits = len(match["digits"])
        return cls(path.parent, match["prefix"], digits, match["suffix"])

    @property
    def path(self) -> Path:
        """The pattern, as a path."""
        return self.folder / f"{self.prefix}%0{self.digits}d{self.suffix}"

    def picture_path(self, number: int) -> Path:
        """Path of the picture with a number."""
        return self.folder / f"{self.prefix}{number:0{self.digits}}{self.suffix}"

    def find_numbers(self) -> list[int]:
        """Finds the numbers of the pictures that are there, in order (OSError without the folder)."""
        name = re.compile(rf"{re.escape(self.prefix)}(\d{{{self.digits},}}){re.escape(self.suffix)}")
        matches = (name.fullmatch(path.name) for path in self.folder.iterdir())
        # No zeros before a number that is long enough without: 00012 isn't written with four digits.
        numbers = (int(match[1]) for match in matches if match and len(match[1]) == self._length(match[1]))
        return sorted(numbers)

    def _length(self, digits: str) -> int:
        return max(self.digits, len(str(int(digits))))
