"""Looks as files (TOML), and the folder of those that have names."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import InputError, UsageError
from recaster.files import read_text, write_bytes
from recaster.settings.look_course import WrittenChange, check_change_count, make_change, read_values
from recaster.settings.options import format_value
from recaster.settings.paths import data_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SUFFIX: Final = ".toml"
MAX_BYTES: Final = 1 << 20
_NAME: Final = re.compile(r"\w[\w -]{0,63}")
_RESERVED: Final = re.compile(r"con|prn|aux|nul|(com|lpt)\d", re.IGNORECASE)
"""Names that Windows has for devices, whatever follows a dot."""
_CHANGES: Final = "set"
"""Name of the tables of changes along the clip, as the command line has it."""


@dataclass(frozen=True)
class WrittenLook:
    """A look as it is written: values of options by their names, and changes along a clip."""

    values: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[WrittenChange, ...] = ()

    def changed_by(self, values: Mapping[str, Any], changes: Iterable[WrittenChange]) -> WrittenLook:
        """The look with other values, which hold along the whole clip, and with more changes."""
        kept = []
        for change in self.changes:
            left = {name: value for name, value in change.values.items() if name not in values}
            kept += [WrittenChange(change.frames, left, change.is_smooth)] if left else []
        return WrittenLook({**self.values, **values}, (*kept, *changes))


def check_lone_keys(look: WrittenLook) -> None:
    """Refuses a look in which an option has one key alone, as every swap would (UsageError)."""
    places: dict[str, list[str]] = {}
    for change in look.changes:
        for name in change.values if change.is_key else ():
            places.setdefault(name, []).append(change.frames)
    for name, frames in places.items():
        if len(set(frames)) == 1:
            raise UsageError(
                f"{name} has one key only, at {frames[0]}: give it another one, or a range, "
                f"{frames[0]}-{frames[0]} for this frame alone"
            )


def looks_folder() -> Path:
    """Folder of this user's looks."""
    return data_folder() / "looks"


def list_looks() -> list[str]:
    """Lists the names of this user's looks."""
    return sorted(path.stem for path in looks_folder().glob(f"*{SUFFIX}"))


def find_look(text: str) -> Path:
    """Finds a look's file by its path, or by its name among this user's (UsageError)."""
    path = Path(text)
    if path.suffix.lower() == SUFFIX or path.name != text:
        return path
    if text not in list_looks():
        there = f"there are: {', '.join(list_looks())}" if list_looks() else "none are saved yet"
        raise UsageError(f"there is no look {text!r}; {there} (recaster looks), or name a file, look{SUFFIX}")
    return place_look(text)


def place_look(name: str) -> Path:
    """Path of the look of a name among this user's (UsageError: no look can be called so)."""
    if not _NAME.fullmatch(name) or name != name.strip() or _RESERVED.fullmatch(name):
        raise UsageError(f"a look can't be called {name!r}; use letters, digits, spaces, - and _")
    return looks_folder() / f"{name}{SUFFIX}"


def read_look(path: Path) -> WrittenLook:
    """Reads a look's file (InputError where it can't be read, or is none)."""
    try:
        return parse_look(read_text(path, MAX_BYTES))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (UsageError, ValueError) as error:
        raise InputError(f"{path}: no look ({error})") from error


def write_look(path: Path, look: WrittenLook) -> None:
    """Writes a look's file atomically (OutputError)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, format_look(look).encode())


def parse_look(text: str) -> WrittenLook:
    """Parses what ``format_look`` wrote (UsageError, or ValueError for no TOML)."""
    return make_look(parse_toml(text))


def parse_toml(text: str) -> dict[str, Any]:
    """Parses TOML (ValueError)."""
    import tomllib

    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None


def make_look(document: Mapping[str, Any]) -> WrittenLook:
    """Makes a look of TOML's tables (UsageError)."""
    document = dict(document)
    tables = document.pop(_CHANGES, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError(f"changes along the clip are tables, [[{_CHANGES}]]")
    check_change_count(len(tables))
    values = read_values({name: _to_text(name, value) for name, value in document.items()})
    return WrittenLook(values, tuple(map(_parse_table, tables)))


def _parse_table(table: dict[str, Any]) -> WrittenChange:
    frames = table.pop("frames", None)
    is_smooth = table.pop("smooth", False)
    if not isinstance(frames, str | int) or isinstance(frames, bool) or not isinstance(is_smooth, bool):
        raise UsageError(
            f'[[{_CHANGES}]] needs frames = "120-180", or 120 for a key; smooth is true or false'
        )
    texts = {name: _to_text(name, value) for name, value in table.items()}
    return make_change(str(frames), texts, is_smooth=is_smooth)


def _to_text(name: str, value: Any) -> str:
    is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
    if not is_list and not isinstance(value, str | int | float):
        raise UsageError(f"{name} can't be {value!r}")
    return format_value(tuple(value) if is_list else value)


def format_look(look: WrittenLook) -> str:
    """Writes a look as TOML."""
    lines = [f"{name} = {_format(value)}" for name, value in look.values.items()]
    for change in look.changes:
        lines += ["", f"[[{_CHANGES}]]", f"frames = {_format(change.frames)}"]
        lines += ["smooth = true"] if change.is_smooth else []
        lines += [f"{name} = {_format(value)}" for name, value in change.values.items()]
    return "\n".join(lines).lstrip("\n") + "\n"


def _format(value: Any) -> str:
    # Numbers, truth values, texts and lists of names are the same in JSON and in TOML.
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
