"""Options as fields of dataclasses: what each is for, what it may be, and what it is called elsewhere."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args, get_type_hints

from recaster.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from recaster.settings.choices import Bounds, Number

S = TypeVar("S")

NOTHING: Final = "none"
"""A list of names without any, where that is said."""


@dataclass(frozen=True)
class Option:
    """One field of a settings dataclass.

    Attributes:
        hint: its type; of ``X | None``, X.
        help: for the command line; ``{default}`` stands for the default, which is added where it isn't named.
        choices: values that it can have; empty for any.
        unknown: the complaint about others, with ``{value}`` and ``{choices}``.
        wire: its name in requests, and in complaints.
        flag: its name on the command line.
        path: names of fields that lead to it from the settings that it was looked for in.
    """

    name: str
    hint: Any
    default: Any
    help: str
    choices: Collection[str] = ()
    unknown: str = "there is no {value!r}; choose one of {choices}"
    bounds: Bounds | None = None
    metavar: str | None = None
    wire: str = ""
    flag: str = ""
    path: tuple[str, ...] = ()

    def check(self, value: Any) -> None:
        """Refuses a value that it can't have, or one of several (UsageError)."""
        for each in value if isinstance(value, tuple) else (value,):
            if self.choices and each not in self.choices:
                raise UsageError(self.unknown.format(value=each, choices=", ".join(self.choices)))
        if self.bounds is not None and (why := self.bounds.fault(value)):
            raise UsageError(f"{self.wire.replace('_', ' ')} {why}, not {value:g}")


def option(default: Any, text: str, **about: Any) -> Any:
    """A field of a dataclass that can be chosen, its help, and other attributes of ``Option``."""
    return dataclasses.field(default=default, metadata={"help": text, **about})


def number_option(number: Number, text: str, **about: Any) -> Any:
    """A field of a dataclass that is a number with a default and a range."""
    return option(number.default, text, bounds=number.bounds, **about)


def same_option(kind: type[Any], name: str, **changes: Any) -> Any:
    """A field that is the same option as another dataclass's, but for ``changes`` of default and metadata."""
    other = kind.__dataclass_fields__[name]
    default = changes.pop("default", other.default)
    return dataclasses.field(default=default, metadata={**other.metadata, **changes})


def own_options(kind: type[Any]) -> Iterator[Option]:
    """The options that are a dataclass's own fields, in their order."""
    hints = _hints_of(kind)  # type: ignore[arg-type]  # a type is hashable
    for field in dataclasses.fields(kind):
        if "help" in field.metadata:
            yield _option(field, hints[field.name])


def options_of(kind: type[Any]) -> Iterator[Option]:
    """The options of a dataclass and of the settings that are its fields."""
    yield from own_options(kind)
    for part in parts_of(kind).values():
        yield from options_of(part)


def find_options(kind: type[Any], above: tuple[str, ...] = ()) -> dict[str, Option]:
    """Finds the options of a dataclass and of settings in its fields, by their names on the wire."""
    found = {each.wire: dataclasses.replace(each, path=(*above, each.name)) for each in own_options(kind)}
    for name, part in parts_of(kind).items():
        found |= find_options(part, (*above, name))
    return found


def with_values(settings: S, values: Mapping[str, Any]) -> S:
    """Settings with other values of some options, by their names on the wire (UsageError: a wrong one)."""
    kind = type(settings)
    own = {each.name: values[each.wire] for each in own_options(kind) if each.wire in values}
    parts = {name: with_values(getattr(settings, name), values) for name in parts_of(kind)}
    return dataclasses.replace(settings, **own, **parts)  # type: ignore[type-var]


def parse_value(option: Option, text: str) -> Any:
    """Parses a value of an option as the command line has it (UsageError)."""
    try:
        if option.hint is bool:
            value: Any = {"true": True, "false": False}[text]
        elif option.hint == tuple[str, ...]:
            value = () if text in ("", NOTHING) else tuple(dict.fromkeys(text.split(",")))
        else:
            value = option.hint(text)
    except (KeyError, ValueError):
        raise UsageError(f"{option.wire.replace('_', ' ')} can't be {text[:40]!r}") from None
    option.check(value)
    return value


def format_value(value: Any) -> str:
    """The text that ``parse_value`` reads as this value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return (",".join(value) or NOTHING) if isinstance(value, tuple) else str(value)


def parts_of(kind: type[Any]) -> dict[str, type[Any]]:
    """The settings that are fields of others, by the fields' names."""
    hints = _hints_of(kind)  # type: ignore[arg-type]  # a type is hashable
    return {name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)}


def listed(names: Iterable[str]) -> str:
    """Names as a sentence has them: "a, b or c"."""
    *first, last = names
    return f"{', '.join(first)} or {last}"


def check_options(settings: Any) -> None:
    """Refuses values that options can't have (UsageError); None stands for nothing chosen."""
    for each in own_options(type(settings)):
        value = getattr(settings, each.name)
        if value is not None:
            each.check(value)


def option_of(kind: type[Any], name: str) -> Option:
    """One option of a dataclass, by its field's name."""
    return next(each for each in own_options(kind) if each.name == name)


def check_option(kind: type[Any], name: str, value: Any) -> None:
    """Refuses a value that an option of a dataclass can't have (UsageError)."""
    option_of(kind, name).check(value)


@cache  # looks are made for every face of a clip
def _hints_of(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _option(field: dataclasses.Field[Any], hint: Any) -> Option:
    if type(None) in get_args(hint):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    wire = field.metadata.get("wire", field.name)
    names = {"wire": wire, "flag": field.metadata.get("flag", wire)}
    return Option(field.name, hint, field.default, **{**field.metadata, **names})
