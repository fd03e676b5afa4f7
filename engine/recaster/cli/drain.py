"""``recaster drain``: lets an engine come to rest, before it is stopped for an upgrade."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from recaster.cli.display import say

if TYPE_CHECKING:
    import argparse

LOOK_EVERY_S = 1.0
DESCRIPTION = """Let an engine take no new jobs and start none that wait; those that run go on to their end.
What waits goes on after the next start, or after --undo. Asks the engine that RECASTER_ENGINE names, else
your own on this machine, and needs the role operator."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds this command's parser."""
    parser = commands.add_parser(
        "drain",
        parents=[common],
        help="let an engine come to rest before it is stopped",
        description=DESCRIPTION,
    )
    parser.add_argument(
        "--engine",
        metavar="ADDRESS",
        help="which engine (default: RECASTER_ENGINE, else your own on this machine)",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--wait", action="store_true", help="end when no job runs any more")
    how.add_argument("--undo", action="store_true", help="let it take and start jobs again")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Drains an engine, or undoes that."""
    from recaster.client import Address, Client

    with Client(Address.from_environment(options.engine)) as engine:
        if options.undo:
            engine.undrain()
            say("the engine takes jobs again")
            return
        info = engine.drain()
        say(f"the engine takes no new jobs; {info.jobs_at_work} still run")
        while options.wait and info.jobs_at_work:
            time.sleep(LOOK_EVERY_S)
            info = engine.info()
        if options.wait:
            say("no job runs any more")
