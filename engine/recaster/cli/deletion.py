"""``recaster identity delete``: a person and all that shows them, after a look at what that is."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from recaster.cli.display import say, say_error
from recaster.cli.parsers import Commands, Options, add_switch
from recaster.cli.remote import add_engine, connect_engine
from recaster.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recaster.api.v1 import identity_pb2
    from recaster.store.store import Store

DESCRIPTION = """Delete a person and all that shows them: facesets, models, jobs with their results and
previews, the clips that their faces were taken from, what was found in these, and the letter. First it is
listed, with what stays and why. Files that were downloaded, folders of faces and models that commands made
elsewhere, and backups aren't known here: look for those yourself."""
ELSEWHERE = (
    "folders of faces and models that commands made aren't known here: theirs hold an identity.json with"
)


def add(actions: Commands) -> None:
    """Adds this action's parser."""
    text = "delete a person and all that shows them, and say what stays"
    parser = actions.add("delete", _run, text, DESCRIPTION)
    parser.add_argument("name", metavar="NAME", help="a name or an id")
    add_switch(parser, "--yes", "don't ask")
    add_switch(parser, "--dry-run", "only list what would be deleted")
    add_engine(parser)


def _run(options: Options) -> None:
    with connect_engine(options) as engine:
        if engine is not None:
            person = engine.find_identity(options.name).identity_id
            _ask_and_delete(options, lambda *, dry: engine.delete_identity(person, dry_run=dry))
            return
    with _own_store() as store:
        _delete_here(options, store)


def _delete_here(options: Options, store: Store) -> None:
    from recaster.jobs.deletion import delete_person
    from recaster.jobs.rights import register_of
    from recaster.store import analyses

    person = register_of(store).find_named(options.name).identity_id

    def delete(*, dry: bool) -> identity_pb2.DeleteIdentityResponse:
        report = delete_person(store, person, dry_run=dry)
        report.deleted.add(kind="analyses", display_name="of all clips: whom they show isn't known here")
        report.deleted.add(kind="likenesses", display_name="of all facesets that were swapped with at once")
        if not dry:
            analyses.clear()
        return report

    _ask_and_delete(options, delete)
    say(f"{ELSEWHERE} {person}")


def _ask_and_delete(options: Options, delete: Callable[..., identity_pb2.DeleteIdentityResponse]) -> None:
    """Shows what would go, asks, and shows what went.

    Raises:
        UsageError: there is nobody to be asked, or something stays for a job.
    """
    if options.dry_run or not options.yes:
        _print("would be deleted", delete(dry=True))
    if options.dry_run:
        return
    if not options.yes and not _agreed():
        say_error("nothing was deleted")
        return
    report = delete(dry=False)
    _print("deleted", report)
    if any(item.reason == "RUNNING_JOB" for item in report.kept):
        raise UsageError(f"{options.name}: jobs that haven't ended keep some of it; delete again after them")


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to be asked; look at the list, and delete with --yes")
    say_error("Delete all of that? There is no way back. [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _print(what: str, report: identity_pb2.DeleteIdentityResponse) -> None:
    say(f"{what}:", *(f"  {_named(item)}" for item in report.deleted))
    say("stays:", *(f"  {_named(item)}: {item.message}" for item in report.kept))


def _named(item: identity_pb2.DeletedThing | identity_pb2.KeptThing) -> str:
    return "  ".join(word for word in (item.kind, item.id, item.display_name) if word)


@contextlib.contextmanager
def _own_store() -> Iterator[Store]:
    """The store of this user's own data, which no engine may be serving (UsageError)."""
    from recaster.jobs.rights import register_of
    from recaster.store.folder import DataFolder
    from recaster.store.store import Store

    folder = DataFolder.default()
    folder.make()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(folder.lock())
        except UsageError:
            raise UsageError("your own engine is running; let it delete them: --engine") from None
        store = Store.open(folder)
        stack.callback(store.close)
        register_of(store).reconcile()
        yield store
