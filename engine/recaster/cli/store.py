"""``recaster store``: an engine's data backed up, checked, read again, and made again where it was lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter, say, say_error

if TYPE_CHECKING:
    import argparse

    from recaster.store.folder import DataFolder

DESCRIPTION = """Look after the data folder of an engine (RECASTER_DATA, or --data). All but rebuild work
while the engine runs. They end with 0 where all is well, with 3 where something is missing or damaged."""
BACKUP = """Copy the data while the engine runs: the store, and all that it names. The copy is a data folder,
as secret as the original: to restore, stop the engine and put the copy, or a copy of it, in the place of the
folder. Given again after a break, it goes on. Blobs become hard links where the target is on the same file
system, which costs no room and is no safeguard against a broken disk."""
REBUILD = """Make a lost store again: facesets and models from their folders, people (by id), rights and
revocations from the audit log. Names, jobs, clips and clients' tokens are lost with it. The engine must be
stopped. Blobs, of which nobody knows any more what they are, are kept until --let-go."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds this command's parsers."""
    parser = commands.add_parser(
        "store", parents=[common], help="back up, check and repair an engine's data", description=DESCRIPTION
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    backing = actions.add_parser(
        "backup", parents=[common], help="copy the data while the engine runs", description=BACKUP
    )
    backing.add_argument("target", type=Path, metavar="TARGET", help="a folder that isn't there yet")
    backing.add_argument("--copy", action="store_true", help="copy blobs also where they could be linked")
    backing.set_defaults(run=_backup)
    checking = actions.add_parser(
        "check", parents=[common], help="look whether all that the store names is there (also in a backup)"
    )
    checking.add_argument("--deep", action="store_true", help="read everything, and compare digests")
    checking.set_defaults(run=_check)
    scrubbing = actions.add_parser(
        "scrub", parents=[common], help="read every blob again, and set damaged ones aside"
    )
    scrubbing.set_defaults(run=_scrub)
    rebuilding = actions.add_parser(
        "rebuild", parents=[common], help="make a lost store again from what is there", description=REBUILD
    )
    rebuilding.add_argument(
        "--let-go", action="store_true", help="of a store that was rebuilt, let go of the blobs it kept"
    )
    rebuilding.set_defaults(run=_rebuild)
    for each in (backing, checking, scrubbing, rebuilding):
        each.add_argument("--data", type=Path, metavar="FOLDER", help="whose (default: RECASTER_DATA)")


def _backup(options: argparse.Namespace) -> None:
    from recaster.errors import DamagedError
    from recaster.provenance.register import open_audit_log
    from recaster.store.backup import back_up
    from recaster.store.inventory import Inventory
    from recaster.store.schema import SCHEMA_VERSION

    folder = _folder(options)
    if Inventory.by(folder.database).schema == SCHEMA_VERSION:  # an earlier release's is left as it is
        with open_audit_log(folder) as log:
            log.add("store.backup")
    made = back_up(folder, options.target, link=not options.copy, report=reporter(options))
    linked = f", {made.linked} of them linked" if made.linked else ""
    say(f"{made.path}: {made.files} files, {made.size / 1e6:.1f} MB{linked}")
    if made.missing:
        say_error(*(f"missing: {path}" for path in made.missing))
        raise DamagedError("the backup is whole, but the data aren't: see recaster store check", ())


def _check(options: argparse.Namespace) -> None:
    from recaster.errors import DamagedError
    from recaster.jobs.integrity_check import check

    found = check(_folder(options), deep=options.deep, report=reporter(options))
    say(*(f"nothing names: {path}" for path in found.unnamed))
    say(*found.problems)
    if found.problems:
        raise DamagedError(f"{len(found.problems)} problems; put what is missing back from a backup", ())
    say(f"whole: {found.looked_at} blobs, documents, facesets and models")


def _scrub(options: argparse.Namespace) -> None:
    from recaster.errors import DamagedError
    from recaster.jobs.integrity_check import scrub
    from recaster.store.store import Store

    store = Store.open(_folder(options))
    try:
        damaged = scrub(store, reporter(options))
        for digest in damaged:
            users = ", ".join(store.blobs.owners_of(digest)) or "nobody"
            say(f"{digest}: is damaged, and was set aside; needed by {users}")
    finally:
        store.close()
    if damaged:
        raise DamagedError(f"{len(damaged)} damaged; each heals when it is sent again", tuple(damaged))
    say("every blob is whole")


def _rebuild(options: argparse.Namespace) -> None:
    from recaster.errors import DamagedError
    from recaster.jobs.store_rebuild import let_go, rebuild

    folder = _folder(options)
    if options.let_go:
        let_go(folder)
        say("blobs that nobody else needs are removed by the engine within a day")
        return
    made = rebuild(folder)
    say(f"{made.people} people, {made.facesets} facesets, {made.models} models, {made.blobs} blobs")
    say(
        "lost with the old store: names of people and models, jobs, which blob is what, clients' tokens: "
        "send clips again, and make new tokens"
    )
    if made.unreadable:
        say_error(*made.unreadable)
        raise DamagedError(f"{len(made.unreadable)} folders can't be read; they stay as they are", ())


def _folder(options: argparse.Namespace) -> DataFolder:
    from recaster.errors import InputError
    from recaster.store.folder import DataFolder

    folder = DataFolder.default() if options.data is None else DataFolder(options.data)
    if not folder.path.is_dir():
        raise InputError(f"{folder.path}: there are no data of an engine; name their folder with --data")
    return folder
