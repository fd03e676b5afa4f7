"""Parsers of commands, and the arguments that several of them have."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from recaster.texts import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from recaster.store.folder import DataFolder

Options: TypeAlias = argparse.Namespace


_RANGE_OPTIONS = ("--set", "--range")
_OPEN_RANGE = re.compile(r"-[\d:]")


def add_common(parser: argparse.ArgumentParser) -> None:
    """Adds the switches that every command has."""
    parser.add_argument("--debug", action="store_true", help="show a traceback with an error")
    parser.add_argument("--quiet", action="store_true", help="print no progress")


COMMON = argparse.ArgumentParser(add_help=False)
add_common(COMMON)


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are a line each, whatever files are called."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong, and ends the program."""
        super().error(escape(message))


def join_open_ranges(arguments: Iterable[str]) -> list[str]:
    """Joins ranges that begin with a hyphen to their options, as argparse takes them for options else."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in _RANGE_OPTIONS and _OPEN_RANGE.match(argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


class Commands:
    """Commands below a parser, of which one has to be given."""

    def __init__(self, parser: argparse.ArgumentParser, metavar: str) -> None:
        self._parsers = parser.add_subparsers(dest=metavar.lower(), metavar=metavar, required=True)

    def add(
        self,
        name: str,
        run: Callable[[Options], None],
        help: str,  # noqa: A002 - as argparse calls it
        description: str | None = None,
        **others: Any,
    ) -> argparse.ArgumentParser:
        """Adds a command with --debug and --quiet; ``others`` are arguments of the parser that it returns."""
        parser = self._parsers.add_parser(
            name, help=help, description=description, parents=[COMMON], **others
        )
        parser.set_defaults(run=run)
        return parser

    def add_group(self, name: str, metavar: str = "ACTION", **others: Any) -> Commands:
        """Adds a command that has commands of its own; ``others`` are arguments of its parser."""
        return Commands(self._parsers.add_parser(name, **others), metavar)


def add_path(container: Any, name: str, metavar: str | None, text: str | None = None, **others: Any) -> None:
    """Adds an argument that names a file or folder; ``others`` are further arguments for argparse."""
    container.add_argument(name, type=Path, metavar=metavar, help=text, **others)


def add_out(container: Any, metavar: str | None, text: str, *, required: bool = True, **others: Any) -> None:
    """Adds the option that names the file or folder to write; ``others`` are arguments for argparse."""
    about = {"type": Path, "required": required, "metavar": metavar, "help": text, **others}
    container.add_argument("-o", "--out", **about)


def add_source(container: Any, text: str, *, required: bool = True, **others: Any) -> None:
    """Adds the two options for what puts the face on: a model, or a faceset without training.

    ``others`` are further arguments of the latter for argparse.
    """
    source = container.add_mutually_exclusive_group(required=required)
    source.add_argument("-m", "--model", type=Path, help="a trained model")
    add_path(source, "--source", "FACESET", text, **others)


def add_switch(container: Any, name: str, text: str) -> None:
    """Adds an option without a value."""
    container.add_argument(name, action="store_true", help=text)


def add_data(container: Any, text: str) -> None:
    """Adds the option that names an engine's data folder."""
    add_path(container, "--data", "FOLDER", f"{text} (default: RECASTER_DATA)")


def data_folder_of(options: Options) -> DataFolder:
    """Returns the data folder that the options name, else this user's own."""
    from recaster.store.folder import DataFolder

    return DataFolder.default() if options.data is None else DataFolder(options.data)


def add_running_engine(container: Any) -> None:
    """Adds the option that names the engine to ask."""
    text = "which engine (default: RECASTER_ENGINE, else your own on this machine)"
    container.add_argument("--engine", metavar="ADDRESS", help=text)
