"""Reading of casts: of a cast file, and of members as a command line has them.

A cast file is TOML with a table for each member; paths in it are relative to it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import InputError, UsageError
from recaster.facesets.faceset import INDEX
from recaster.files import read_text
from recaster.models.model_folder import ModelFolder
from recaster.operations.source_pictures import are_pictures
from recaster.settings.cast import CastMember, Selector, check_cast_names, names_picture
from recaster.settings.look_file import (
    MAX_BYTES,
    SUFFIX,
    WrittenLook,
    find_look,
    make_look,
    parse_toml,
    read_look,
)
from recaster.settings.options import listed
from recaster.settings.rights import LEGAL_BASES
from recaster.settings.swap import FRAME_BOUNDS

if TYPE_CHECKING:
    from collections.abc import Mapping

PUT: Final = "NAME=MODEL_OR_FACESET@WHOM"
_PUT: Final = re.compile(r"([^=]*)=(.+)@(all|track:.*|person:.+)")
_KEYS: Final[Mapping[str, tuple[type, ...]]] = {
    "model": (str,),
    "faceset": (str,),
    "track": (int,),
    "person": (str, int),
    "all": (bool,),
    "identity": (str,),
    "basis": (str,),
    "matte": (bool,),
    "look": (dict, str),
}
"""What a member's table may hold, and of which types."""


def read_cast(path: Path) -> tuple[CastMember, ...]:
    """Reads a cast file (UsageError, with the file's name)."""
    try:
        tables = parse_toml(read_text(path, MAX_BYTES))
        members = tuple(_read_member(name, table, path.parent) for name, table in tables.items())
        check_cast_names(member.name for member in members)
    except OSError as error:
        raise UsageError(f"{path}: the cast cannot be read ({error.strerror})") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    except ValueError as error:
        raise UsageError(f"{path}: the cast is no TOML ({error})") from None
    return members


def parse_put(text: str) -> CastMember:
    """Reads a member as a command line has it (UsageError)."""
    found = _PUT.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text[:80]!r} is no {PUT}: it ends with @track:NUMBER, @person:PICTURE, @person:NUMBER, "
            "@person:NAME or @all"
        )
    name, folder, whom = found.groups()
    kind, _, value = whom.partition(":")
    wanted: dict[str, Any] = {kind: int(value) if value.isdecimal() else value}
    if kind == "all":
        wanted = {"all": True}
    elif kind == "track" and not value.isdecimal():
        raise UsageError(f"{name}: a track is a number, as recaster tracks lists them, not {value[:40]!r}")
    source = Path(folder)
    whom_put_on = _selector(name, wanted, Path())
    if ModelFolder(source).exists():
        return CastMember(name, whom_put_on, model=source)
    if (source / INDEX).is_file() or are_pictures([source]):
        return CastMember(name, whom_put_on, faceset=source)
    raise UsageError(f"{name}: {folder} is neither a model, nor a faceset, nor a picture")


def _read_member(name: str, table: Any, folder: Path) -> CastMember:
    if not isinstance(table, dict):
        raise UsageError(f"[{name}] must be a table: a member and what is put on whom")
    _check_types(name, table)
    paths = {key: folder / table[key] for key in ("model", "faceset") if key in table}
    basis = table.get("basis")
    if basis is not None and basis not in LEGAL_BASES:
        raise UsageError(f"{name}: a basis can't be {basis!r}; choose among {', '.join(LEGAL_BASES)}")
    said = table.get("look", {})
    look_file = folder / said if isinstance(said, str) and said.lower().endswith(SUFFIX) else None
    return CastMember(
        name,
        _selector(name, {key: table[key] for key in ("track", "person", "all") if key in table}, folder),
        look=_read_look(name, said, look_file),
        look_file=look_file,
        identity=table.get("identity"),
        basis=basis,
        matte=table.get("matte", False),
        **paths,
    )


def _check_types(name: str, table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        kinds = _KEYS.get(key)
        if kinds is None:
            raise UsageError(f"{name}: there is no {key!r} in a cast; there are {', '.join(_KEYS)}")
        if type(value) not in kinds:  # a bool is an int, too
            raise UsageError(f"{name}: {key} can't be {value!r}")


def _selector(name: str, wanted: Mapping[str, Any], folder: Path) -> Selector:
    """Reads whom a member is put on: a person is a number, else a picture, else a name (UsageError)."""
    if len(wanted) > 1:
        raise UsageError(f"{name}: say whom it is put on only once, not by {listed(wanted)}")
    if wanted.get("all"):
        return Selector(everyone=True)
    for key, value in wanted.items():
        if isinstance(value, int) and not isinstance(value, bool):
            if fault := FRAME_BOUNDS.fault(value):
                raise UsageError(f"{name}: {key} {fault}, not {value}")
            return Selector(track=value) if key == "track" else Selector(number=value)
    person = wanted.get("person", "")
    if person and (folder / person).is_file():
        return Selector(picture=folder / person)
    if names_picture(person):
        raise UsageError(f"{name}: {folder / person}: there is no such picture of a person")
    return Selector(name=person)


def _read_look(name: str, said: Any, file: Path | None) -> WrittenLook:
    """Reads a member's look: a table of options, or the name or the file of one (UsageError)."""
    try:
        if isinstance(said, str):
            return read_look(file or find_look(said))
        return make_look(said)
    except (UsageError, InputError) as error:
        raise UsageError(f"{name}: {error}") from None
