"""``recaster looks``: looks that have names, and the options of a look that several commands have."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from recaster.cli.display import say
from recaster.cli.flags import add_options
from recaster.cli.parsers import COMMON, Commands, Options, add_switch
from recaster.errors import UsageError
from recaster.settings.look import LookSettings
from recaster.settings.look_course import CHANGE_HELP, LOOK_OPTIONS, WrittenChange, parse_change
from recaster.settings.look_file import (
    WrittenLook,
    check_lone_keys,
    find_look,
    format_look,
    list_looks,
    place_look,
    read_look,
    write_look,
)
from recaster.settings.options import parts_of

DESCRIPTION = """Keep looks: how a face is put on, and how that changes along a clip. A look is a TOML file;
those with names lie in the data folder, where Blender finds them, too, and are used by swap --look NAME."""


def add_looks(commands: Commands) -> None:
    """Adds this command's parsers."""
    text = "looks that have names"
    actions = commands.add_group("looks", help=text, description=DESCRIPTION, parents=[COMMON])
    actions.add("list", _list, "every look's name")
    showing = actions.add("show", _show, "print a look as its file has it")
    saving = actions.add("save", _save, "keep the options that are given, as a look")
    deleting = actions.add("delete", _delete, "delete a look")
    for each in (showing, saving, deleting):
        each.add_argument("name", metavar="NAME", help="the look's name")
    add_look_options(saving)
    add_switch(saving, "--replace", "replace a look of that name")


def add_look_options(container: Any) -> None:
    """Adds the options of a look, of a file that holds one, and of its changes along a clip."""
    text = "a look by its name (recaster looks) or its file; what is said beside it holds against it"
    container.add_argument("--look", metavar="NAME|FILE", help=text)
    for kind in (*parts_of(LookSettings).values(), LookSettings):
        add_options(container, kind)
    container.set_defaults(keep=None)  # else nothing kept couldn't be told from nothing said
    about = {"type": _read_change, "action": "append", "default": [], "metavar": "FRAMES:NAME=VALUE,..."}
    container.add_argument("--set", **about, help=CHANGE_HELP)


def _read_change(text: str) -> WrittenChange:
    try:
        return parse_change(text)
    except UsageError as error:
        raise ArgumentTypeError(str(error)) from None


def read_look_options(options: Options) -> WrittenLook:
    """Reads the look that a command line says (UsageError, InputError)."""
    given = {name: getattr(options, each.flag) for name, each in LOOK_OPTIONS.items()}
    given = {name: value for name, value in given.items() if value is not None and value is not False}
    look = WrittenLook() if options.look is None else read_look(find_look(options.look))
    return look.changed_by(given, options.set)


def _list(_options: Options) -> None:
    for name in list_looks():
        say(name)


def _show(options: Options) -> None:
    for line in format_look(read_look(find_look(options.name))).splitlines():
        say(line)


def _save(options: Options) -> None:
    look = read_look_options(options)
    if not look.values and not look.changes:
        raise UsageError("name what the look is: --feather .1, say; see: recaster looks save --help")
    check_lone_keys(look)
    path = place_look(options.name)
    if path.exists() and not options.replace:
        raise UsageError(f"there is a look {options.name!r} already; --replace replaces it")
    write_look(path, look)
    say(f"look: {path}")


def _delete(options: Options) -> None:
    if options.name not in list_looks():
        raise UsageError(f"there is no look {options.name!r}; see: recaster looks list")
    place_look(options.name).unlink()
