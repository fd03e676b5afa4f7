"""``recaster storage``: the files that the machines of a cluster share, listed, checked and swept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recaster.cli.display import reporter, say
from recaster.cli.flags import add_options, number, read_settings
from recaster.cli.parsers import COMMON, Commands, Options, add_switch
from recaster.errors import StorageError
from recaster.settings.choices import Bounds
from recaster.settings.storage import StorageSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.storage.backend import StoredObject
    from recaster.storage.storage import Storage

DESCRIPTION = """Look after what the machines of a cluster share (--storage of the commands that a cluster
works for; docs/scale.md). Nothing is removed unless --remove is given."""
CHECK = """Read everything that lies in a storage, and name what is damaged. What is removed is sent again by
the next command that needs it. Ends with 12 where something stays damaged."""
SWEEP = """Name what is older than so many days: inputs that no command has used since, and what commands
have left that were killed and never run again. Whatever a command uses that works just now stays."""
DEFAULT_DAYS: Final = 30
DAYS_BOUNDS: Final = Bounds(2, 36_500)
"""An input that is put again is made young from its second day on only (``storage.RENEWED_S``)."""


def add_storage(commands: Commands) -> None:
    """Adds this command's parsers."""
    text = "list, check and sweep what a cluster's machines share"
    actions = commands.add_group("storage", help=text, description=DESCRIPTION, parents=[COMMON])
    listing = actions.add("list", _list, "say what lies there")
    checking = actions.add("check", _check, "read everything, and find what is damaged", CHECK)
    add_switch(checking, "--remove", "remove what is damaged, so that it is sent again")
    sweeping = actions.add("sweep", _sweep, "find what nobody has used for long", SWEEP)
    text = f"age, in days, of what goes (default: {DEFAULT_DAYS})"
    sweeping.add_argument("--days", type=number(DAYS_BOUNDS), default=DEFAULT_DAYS, metavar="N", help=text)
    add_switch(sweeping, "--remove", "remove it")
    for each in (listing, checking, sweeping):
        text = "a folder, s3://BUCKET/PREFIX, or what else fsspec speaks"
        each.add_argument("storage", metavar="URL", help=text)
        add_options(each, StorageSettings, "storage_patience_s", defaults=True)


def _open(options: Options) -> Storage:
    from recaster.storage.storage import open_storage

    return open_storage(options.storage, read_settings(StorageSettings, options))


def _list(options: Options) -> None:
    from recaster.cluster.storage_upkeep import list_contents

    contents = list_contents(_open(options))
    say(f"inputs: {_describe(contents.inputs)}")
    for run in contents.runs:
        state = f"{len(run.drivers)} work on it now" if run.drivers else "nobody works on it"
        say(f"{run.name}: {_describe(run.objects)}, {state}")


def _check(options: Options) -> None:
    from recaster.cluster.storage_upkeep import find_damaged, list_contents, remove_objects

    storage = _open(options)
    contents = list_contents(storage)
    damaged = find_damaged(storage, contents, reporter(options))
    say(*(f"damaged: {each.name}" for each in damaged))
    if not damaged:
        say("everything is as it was stored")
    elif options.remove:
        remove_objects(storage, damaged, is_spared=False)
        say(f"removed {_describe(damaged)}; what needs them is sent again by the next command")
    else:
        raise StorageError(f"{storage.url}: {_describe(damaged)} damaged; remove them with --remove")


def _sweep(options: Options) -> None:
    from recaster.cluster.storage_upkeep import DAY_S, find_unneeded, list_contents, remove_objects

    storage = _open(options)
    unneeded = find_unneeded(storage, list_contents(storage), options.days * DAY_S)
    if options.remove:
        removed = remove_objects(storage, unneeded)
        say(f"removed {len(unneeded)} objects, {removed / 1e6:.1f} MB")
    else:
        say(f"{_describe(unneeded)} can go; remove them with --remove")


def _describe(objects: Sequence[StoredObject]) -> str:
    return f"{len(objects)} objects, {sum(each.size for each in objects) / 1e6:.1f} MB"
