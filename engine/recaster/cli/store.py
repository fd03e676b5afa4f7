"""``recaster store``: an engine's data backed up, checked, read again, and made again where it was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.cli.display import reporter, say, say_error
from recaster.cli.parsers import COMMON, Commands, Options, add_data, add_path, add_switch, data_folder_of
from recaster.errors import DamagedError, InputError

if TYPE_CHECKING:
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


def add_store(commands: Commands) -> None:
    """Adds this command's parsers."""
    text = "back up, check and repair an engine's data"
    actions = commands.add_group("store", help=text, description=DESCRIPTION, parents=[COMMON])
    backing = actions.add("backup", _backup, "copy the data while the engine runs", BACKUP)
    add_path(backing, "target", "TARGET", "a folder that isn't there yet")
    add_switch(backing, "--copy", "copy blobs also where they could be linked")
    text = "look whether all that the store names is there (also in a backup)"
    checking = actions.add("check", _check, text)
    add_switch(checking, "--deep", "read everything, and compare digests")
    scrubbing = actions.add("scrub", _scrub, "read every blob again, and set damaged ones aside")
    rebuilding = actions.add("rebuild", _rebuild, "make a lost store again from what is there", REBUILD)
    add_switch(rebuilding, "--let-go", "of a store that was rebuilt, let go of the blobs it kept")
    for each in (backing, checking, scrubbing, rebuilding):
        add_data(each, "whose")


def _backup(options: Options) -> None:
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


def _check(options: Options) -> None:
    from recaster.jobs.integrity_check import check

    result = check(_folder(options), deep=options.deep, report=reporter(options))
    say(*(f"nothing names: {path}" for path in result.unnamed))
    say(*result.problems)
    if result.problems:
        raise DamagedError(f"{len(result.problems)} problems; put what is missing back from a backup", ())
    say(f"whole: {result.looked_at} blobs, documents, facesets and models")


def _scrub(options: Options) -> None:
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


def _rebuild(options: Options) -> None:
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


def _folder(options: Options) -> DataFolder:
    folder = data_folder_of(options)
    if not folder.path.is_dir():
        raise InputError(f"{folder.path}: there are no data of an engine; name their folder with --data")
    return folder
