"""Flags of options: what argparse is told follows from the fields of settings and presets."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from recaster.errors import UsageError
from recaster.models.presets import hyperparameters
from recaster.settings.choices import Bounds
from recaster.settings.options import option_of, options_of, own_options, parse_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.cli.parsers import Options
    from recaster.settings.options import Option

M = TypeVar("M")
SHOWN_BOUNDS = Bounds(1, 1_000_000)
"""Of how many lines of a list are asked for."""


def add_options(container: Any, kind: type[Any], *names: str, defaults: bool = False) -> None:
    """Adds the flags of some options of a dataclass, in that order; of all where no field is named.

    With ``defaults``, an option that isn't given has its default, instead of None for nothing said.
    """
    for name in names or [each.name for each in own_options(kind)]:
        add_option(container, kind, name, **({"default": getattr(kind, name)} if defaults else {}))


def add_option(container: Any, kind: type[Any], name: str, **changes: Any) -> None:
    """Adds one option's flag; ``changes`` are arguments for argparse that this command has otherwise."""
    option = option_of(kind, name)
    about = {"help": _format_help(option), **_value_arguments(option.hint, option.bounds)}
    if option.hint == tuple[str, ...]:
        about = {"help": about["help"], "type": _parse_names(option), "default": ()}
    if option.metavar is not None:
        about["metavar"] = option.metavar
    elif option.choices:  # where a metavar hides them, they are checked where settings are made
        about["choices"] = option.choices
    container.add_argument(f"--{option.flag.replace('_', '-')}", **{**about, **changes})


def number(bounds: Bounds, kind: Callable[[str], float] = int) -> Callable[[str], float]:
    """Makes a reader of an option's value for argparse, which names the option where it is refused."""

    def read(text: str) -> float:
        try:
            value = kind(text)
            why = bounds.fault(value)
        except (ValueError, OverflowError):
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number that fits") from None
        if why:
            raise argparse.ArgumentTypeError(f"{why}, not {text[:40]}")
        return value

    return read


def fill_options(message: M, options: Options, *kinds: type[Any], **values: Any) -> M:
    """Sets those fields of a request's message that the command line says; the rest is left open.

    Args:
        message: its fields are called as the options of ``kinds`` are on the wire.
        values: fields that the command line says otherwise.

    Raises:
        UsageError: a value is too large.
    """
    known: Any = type(message).DESCRIPTOR.fields_by_name  # type: ignore[attr-defined]
    chosen = {
        each.wire: getattr(options, each.flag)
        for kind in kinds
        for each in options_of(kind)
        if each.wire in known and each.hint is not Path
    }
    return fill_message(message, **{**chosen, **values})


def fill_message(message: M, **values: Any) -> M:
    """Sets the fields of a message whose values are given; returns it (UsageError: a value is too large)."""
    for name, value in values.items():
        if isinstance(value, tuple):
            getattr(message, name).extend(value)
        elif value is not None and value != "" and value is not False:
            try:
                setattr(message, name, value)
            except (TypeError, ValueError) as error:
                raise UsageError(f"--{name.replace('_', '-')} {value}: can't be used ({error})") from None
    return message


def read_settings(kind: type[M], options: Options, **others: Any) -> M:
    """Builds settings of those options that the command has; ``others`` are fields that it says otherwise."""
    values = {
        each.name: getattr(options, each.flag) for each in own_options(kind) if hasattr(options, each.flag)
    }
    return kind(**{**values, **others})


def add_hyperparameters(container: Any) -> None:
    """Adds a flag for every hyperparameter of presets; None where nothing is said."""
    for name, each in hyperparameters().items():
        about = _value_arguments(each.hint, None)
        if each.hint is bool:
            about = {"action": argparse.BooleanOptionalAction, "default": None}
        elif each.hint in (int, float):
            about["metavar"] = "N" if each.hint is int else "X"
        container.add_argument(f"--{name.replace('_', '-')}", dest=name, help=each.help, **about)


def hyperparameters_of(options: Options) -> dict[str, Any]:
    """Collects the hyperparameters that the command line names."""
    return {name: getattr(options, name) for name in hyperparameters() if getattr(options, name) is not None}


def _value_arguments(hint: Any, bounds: Bounds | None) -> dict[str, Any]:
    """Builds the arguments by which argparse reads a value of a type."""
    if hint is bool:
        return {"action": "store_true"}
    if hint in (int, float):
        return {"type": hint if bounds is None else number(bounds, hint)}
    if get_origin(hint) is Literal:
        return {"choices": get_args(hint)}
    if get_origin(hint) is tuple and get_args(hint)[0] is int:
        return {"type": _parse_widths, "metavar": "N,N,..."}
    if get_origin(hint) is tuple:
        return {"type": get_args(hint)[0], "nargs": "+", "default": []}
    return {"type": Path} if hint is Path else {}


def _format_help(option: Option) -> str:
    if "{default}" in option.help:
        return option.help.format(default=_format_default(option))
    if option.default is None or option.default is False or option.default in ("", ()):
        return option.help
    return f"{option.help} (default: {_format_default(option)})"


def _format_default(option: Option) -> str:
    return f"{option.default:g}" if isinstance(option.default, float) else str(option.default)


def _parse_names(option: Option) -> Callable[[str], tuple[str, ...]]:
    """Makes a reader of names with commas between them for argparse, which checks them."""

    def read(text: str) -> tuple[str, ...]:
        try:
            return parse_value(option, text)  # type: ignore[no-any-return]
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _parse_widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of whole numbers such as 32,64,128"
        ) from None
