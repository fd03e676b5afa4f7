"""Options of the commands whose work a cluster can do."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from recaster.cli.display import clear_line, say_note
from recaster.cli.flags import add_options, read_settings
from recaster.errors import UsageError
from recaster.progress import hear_notes
from recaster.settings.cluster import ClusterSettings
from recaster.settings.options import own_options
from recaster.settings.storage import StorageSettings

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from recaster.cli.parsers import Options


def add_cluster(parser: ArgumentParser) -> None:
    """Adds the options of what does the work."""
    group = parser.add_argument_group("many machines", "see docs/scale.md")
    add_options(group, ClusterSettings, defaults=True)
    add_options(group, StorageSettings, defaults=True)


def add_cluster_place(parser: ArgumentParser) -> None:
    """Adds the options of which cluster and storage to look at."""
    group = parser.add_argument_group("many machines", "see docs/scale.md")
    add_options(group, ClusterSettings, "ray_address", defaults=True)
    add_options(group, StorageSettings, defaults=True)


def refuse_cluster_place(options: Options) -> None:
    """Refuses to look at a cluster or storage where --cluster isn't given (UsageError)."""
    for kind, name in ((ClusterSettings, "ray_address"), (StorageSettings, "storage")):
        if getattr(options, name) != getattr(kind, name):
            raise UsageError(f"--{name.replace('_', '-')} is for --cluster")


@contextlib.contextmanager
def use_chosen_cluster(options: Options) -> Iterator[None]:
    """Lets what a command chose do its work while the block lasts, as ``ray_connection.use_cluster``."""
    if not hasattr(options, "executor"):
        yield
        return
    from recaster.cluster.ray_connection import use_cluster

    def say_line(line: str) -> None:
        clear_line(sys.stderr)
        say_note(options, line)

    settings = read_settings(ClusterSettings, options)
    with hear_notes(say_line), use_cluster(settings, read_settings(StorageSettings, options)):
        yield


def refuse_cluster(options: Options) -> None:
    """Refuses a cluster where an engine does the work (UsageError)."""
    given = {each.flag: each for kind in (ClusterSettings, StorageSettings) for each in own_options(kind)}
    named = [flag for flag, each in given.items() if getattr(options, flag, each.default) != each.default]
    if named:
        raise UsageError(
            f"--{named[0].replace('_', '-')} is for work of this command; an engine has its own (recaster "
            "serve --executor). Add --local to work here"
        )


def choose_cluster(options: Options) -> Callable[[], AbstractContextManager[None]]:
    """Makes of what a command chose what lets that do the work of another process of this machine."""
    from functools import partial

    from recaster.cluster.ray_connection import use_cluster

    return partial(
        use_cluster, read_settings(ClusterSettings, options), read_settings(StorageSettings, options)
    )
