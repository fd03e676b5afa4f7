"""Names of picture sequences: ``shot.%04d.exr`` stands for shot.0001.exr, shot.0002.exr and so on."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.errors import ClipError
from recaster.media.picture_file import PICTURE_FORMATS
from recaster.media.remote_files import is_file, is_folder, list_names, open_binary
from recaster.settings.formats import LIST_SUFFIX, PICTURE_CODECS, SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_DIGITS: Final = 10
"""Of a number in a name, as many as seconds since 1970 have; a longer one doesn't count frames."""
_PATTERN: Final = re.compile(
    rf"(?P<prefix>.*?)(?:%0?(?P<width>[1-9]|{MAX_DIGITS})?d|(?<!#)(?P<hashes>#{{1,{MAX_DIGITS}}}))"
    r"(?P<suffix>\.\w+)"
)
_FILE: Final = re.compile(rf"(?P<prefix>.*?)(?<![0-9])(?P<digits>[0-9]{{1,{MAX_DIGITS}}})(?P<suffix>\.\w+)")
_VERSION: Final = re.compile(r"(.*[^A-Za-z])?[vV]")
"""Prefix of a number that counts versions (shot_v002.exr) and not frames."""
_MINUS: Final = re.compile(r"(.*[._])?-")
"""Prefix of a number below zero (shot.-0002.exr), and not of one after a dash (shot-0002.exr)."""
_MAX_NAMED: Final = 6
_MAX_PNG_HEAD_BYTES: Final = 1 << 16
USUAL_DIGITS: Final = 4
"""Of numbers in names of results."""


@dataclass(frozen=True)
class SequenceName:
    """Name of a sequence.

    Attributes:
        folder: in which all its pictures lie.
        prefix: of their names, before the number.
        digits: numbers have at least so many; shorter ones begin with zeros. 0 for a lone picture, whose name
            has no number, and which counts as number 0.
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
        match = _match_file(path.name)
        if match is None:
            return None
        # "0001" is a number of four digits, "1001" may be one of any width up to that.
        digits = len(match["digits"])
        return cls(path.parent, match["prefix"], digits, match["suffix"])

    @property
    def path(self) -> Path:
        """The pattern, as a path; of a lone picture its own."""
        width = f"0{self.digits}" if self.digits > 1 else ""
        return self.folder / f"{self.prefix}{f'%{width}d' if self.digits else ''}{self.suffix}"

    @property
    def title(self) -> str:
        """The name without number and suffix, to call other files by; the folder's where none is left."""
        return self.prefix.rstrip("._- ") or self.folder.resolve().name

    @property
    def codec(self) -> str:
        """The codec of the pictures."""
        return next(codec for codec in PICTURE_CODECS if self.suffix.lower() in SUFFIXES[codec])

    @property
    def list_path(self) -> Path:
        """Path of the list of a result's pictures and their digests."""
        return self.folder / f"{self.title}{self.suffix}{LIST_SUFFIX}"

    def picture_path(self, number: int) -> Path:
        """Path of the picture with a number."""
        digits = f"{number:0{self.digits}}" if self.digits else ""
        return self.folder / f"{self.prefix}{digits}{self.suffix}"

    def find_numbers(self) -> list[int]:
        """Finds the numbers of the pictures that are there, in order (OSError without the folder)."""
        if not self.digits:
            return [0] if is_file(self.path) else []
        numbers = map(self.read_number, list_names(self.folder))
        return sorted(number for number in numbers if number is not None)

    def read_number(self, name: str) -> int | None:
        """Reads the number of the picture of a name; None where the sequence has no picture so called."""
        if not self.digits:
            return 0 if name == self.path.name else None
        pattern = rf"{re.escape(self.prefix)}([0-9]{{{self.digits},{MAX_DIGITS}}}){re.escape(self.suffix)}"
        match = re.fullmatch(pattern, name)
        # No zeros before a number that is long enough without: 00012 isn't written with four digits.
        return int(match[1]) if match and len(match[1]) == self._length(match[1]) else None

    def find_similar(self) -> list[str]:
        """Finds names of pictures that may have been meant, too, by their other numbers, in order.

        They have other zeros before their numbers, a suffix in other letters, or a number below zero.
        """
        if not self.digits:
            return []
        numbers = set(self.find_numbers())
        similar = []
        for name in list_names(self.folder):
            match = _match_file(name)
            if (
                match is None
                or PICTURE_FORMATS[match["suffix"].lower()] != PICTURE_FORMATS[self.suffix.lower()]
            ):
                continue
            is_negative = match["prefix"] == f"{self.prefix}-" and _is_negative(match["prefix"])
            is_other = match["prefix"] == self.prefix and int(match["digits"]) not in numbers
            similar += [name] if is_negative or is_other else []
        return similar

    def _length(self, digits: str) -> int:
        return max(self.digits, len(str(int(digits))))


def find_sequence(path: Path, *, is_still: bool = False) -> SequenceName | None:
    """Finds the sequence that a path stands for; None where it stands for none.

    A path may be a pattern, any picture of the sequence, or a folder that holds no other one. A picture
    without neighbours is a sequence of one, and so is any that ``is_still``.

    Raises:
        ClipError: the folder holds several, no picture of the pattern is there, or its numbers are below
            zero.
    """
    if is_folder(path):
        return _choose_in_folder(path)
    if is_file(path):
        if path.suffix.lower() not in PICTURE_FORMATS or _is_animated(path):
            return None
        if is_still:
            return SequenceName(path.parent, path.stem, 0, path.suffix)
        listed = list_sequences(path.parent, path.name)
        own = next(name for name, files in listed.items() if path.name in files)
        _refuse_negative([own])
        return own
    pattern = SequenceName.parse(path)
    if pattern is not None and not (is_folder(pattern.folder) and pattern.find_numbers()):
        raise ClipError(f"{path}: there is no such picture")
    _refuse_negative([] if pattern is None else [pattern])
    return pattern


def _is_negative(prefix: str) -> bool:
    return _MINUS.fullmatch(prefix) is not None


def _refuse_negative(names: Iterable[SequenceName]) -> None:
    """Refuses sequences whose numbers are below zero: they would be read backwards (ClipError)."""
    negative = next((name for name in names if name.digits and _is_negative(name.prefix)), None)
    if negative is not None:
        raise ClipError(
            f"{negative.path}: pictures with numbers below zero cannot be used; number them from 0 on"
        )


def _is_animated(path: Path) -> bool:
    """Tells whether a PNG is a clip of its own (APNG): a chunk before its picture says so."""
    if path.suffix.lower() != ".png":
        return False
    try:
        with open_binary(path) as file:
            return b"acTL" in file.read(_MAX_PNG_HEAD_BYTES)
    except OSError:
        return False


def resolve_clip(path: Path, *, is_still: bool = False) -> Path:
    """Resolves what somebody gave as a clip to a sequence's pattern; a file stays as it is (ClipError)."""
    sequence = find_sequence(path, is_still=is_still)
    return path if sequence is None else sequence.path


def clip_exists(path: Path) -> bool:
    """Tells whether a file or folder, or a picture of a pattern, is there."""
    try:
        return is_file(path) or path.exists() or find_sequence(path) is not None
    except ClipError:
        return False


def list_sequences(folder: Path, like: str = "") -> dict[SequenceName, list[str]]:
    """Lists the sequences of a folder, and names of their pictures; hidden files are left out.

    Args:
        like: a picture's name: only those are listed whose names differ from it in their numbers.
    """
    wanted = _match_file(like)
    numbered: dict[tuple[str, str], list[str]] = defaultdict(list)
    listed: dict[SequenceName, list[str]] = {}
    for file in (folder / name for name in list_names(folder)):
        match = _match_file(file.name)
        if file.suffix.lower() not in PICTURE_FORMATS or (file.name.startswith(".") and file.name != like):
            continue
        if match is not None:
            if wanted is None or match.group("prefix", "suffix") == wanted.group("prefix", "suffix"):
                numbered[match["prefix"], match["suffix"]].append(match["digits"])
        elif like in ("", file.name):
            listed[SequenceName(folder, file.stem, 0, file.suffix)] = [file.name]
    for (prefix, suffix), numbers in numbered.items():
        for width, members in _group_by_width(numbers).items():
            name = SequenceName(folder, prefix, width, suffix)
            listed[name] = [f"{prefix}{digits}{suffix}" for digits in members]
    return listed


def _match_file(name: str) -> re.Match[str] | None:
    match = _FILE.fullmatch(name)
    if match is None or match["suffix"].lower() not in PICTURE_FORMATS or _VERSION.fullmatch(match["prefix"]):
        return None
    return match


def _group_by_width(numbers: list[str]) -> dict[int, list[str]]:
    """Groups numbers as they are written by the digits that their sequence pads them to."""
    padded = sorted({len(digits) for digits in numbers if digits[0] == "0" and len(digits) > 1}, reverse=True)
    groups: dict[int, list[str]] = defaultdict(list)
    for digits in numbers:
        # 1001 goes on from 0999, where there is that; else it is padded to nothing.
        fitting = (width for width in padded if width <= len(digits))
        groups[len(digits) if digits[0] == "0" and len(digits) > 1 else next(fitting, 0)].append(digits)
    plain = groups.pop(0, [])
    if plain:
        groups.setdefault(min(map(len, plain)), []).extend(plain)
    return groups


def _choose_in_folder(folder: Path) -> SequenceName | None:
    """Chooses the only sequence of a folder; a lone picture beside it (a poster, say) is none."""
    listed = list_sequences(folder)
    _refuse_negative(listed)
    names = [name for name, files in listed.items() if len(files) > 1] or list(listed)
    if len(names) > 1:
        shown = ", ".join(name.path.name for name in names[:_MAX_NAMED])
        more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
        raise ClipError(
            f"{folder}: several sequences of pictures are in this folder: {shown}{more}; name one"
        )
    return names[0] if names else None


def choose_picture_codec(path: Path, *, is_still: bool = False) -> str | None:
    """Names the codec of the pictures that a pattern stands for, or of a still; None where it is none."""
    sequence = SequenceName.parse(path)
    if sequence is None and is_still and path.suffix.lower() in PICTURE_FORMATS:
        sequence = SequenceName(path.parent, path.stem, 0, path.suffix)
    return None if sequence is None else sequence.codec


def resolve_place(path: Path) -> Path:
    """Resolves a path; for patterns of the same pictures it is the same, however they write the number."""
    sequence = SequenceName.parse(path)
    if sequence is None:
        return path.resolve()
    return sequence.folder.resolve() / f"{sequence.prefix}#{sequence.suffix}"


def would_replace(path: Path, other: Path) -> bool:
    """Tells whether what is written to one path replaces the other, or a picture of it."""
    if resolve_place(path) == resolve_place(other):
        return True
    for pattern, file in ((path, other), (other, path)):
        sequence = SequenceName.parse(pattern)
        own = SequenceName.of_file(file)
        if sequence is not None and own is not None and resolve_place(own.path) == resolve_place(pattern):
            return True
    return False
