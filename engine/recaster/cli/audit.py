"""``recaster audit``: what was done with whose face, and whether that log is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.cli.display import say
from recaster.cli.flags import SHOWN_BOUNDS, number
from recaster.cli.parsers import COMMON, Commands, Options, add_data, data_folder_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from recaster.provenance.audit_log import AuditLog

DESCRIPTION = """The audit log is only ever added to, and each record holds the hash of the one before it. It
is kept in the data folder (RECASTER_DATA), by an engine for its own jobs, and holds no names of people but of
those who attested."""


def add_audit(commands: Commands) -> None:
    """Adds this command's parsers."""
    text = "what was done with whose face"
    actions = commands.add_group("audit", help=text, description=DESCRIPTION, parents=[COMMON])
    verifying = actions.add("verify", _verify, "follow the chain from end to end")
    text = "a hash that this command printed, or a manifest holds: the log must still have that record"
    verifying.add_argument("--head", metavar="HASH", help=text)
    showing = actions.add("show", _show, "print the records, the oldest first")
    showing.add_argument("--last", type=number(SHOWN_BOUNDS), metavar="N", help="only so many, the newest")
    heading = actions.add("head", _head, "print number and hash of the newest record, to be noted elsewhere")
    text = "begin another log where this one is broken, which names the break; the broken one is kept"
    accepting = actions.add("accept", _accept, text)
    accepting.add_argument("--reason", required=True, metavar="TEXT", help="why, for whoever reads the log")
    for each in (verifying, showing, heading, accepting):
        add_data(each, "whose log")


def _verify(options: Options) -> None:
    with _open_log(options) as log:
        last = log.verify(options.head)
    if last is None:
        say(f"{log.path}: empty")
    else:
        say(f"{log.path}: {last.number} records, whole; the newest has the hash {last.hash}")


def _show(options: Options) -> None:
    from collections import deque

    with _open_log(options) as log:
        for record in deque(log.records(), maxlen=options.last):
            details = " ".join(f"{name}={value}" for name, value in record.details.items() if value != "")
            say(f"{record.number:>6}  {record.time}  {record.event}  {details}")


def _head(options: Options) -> None:
    with _open_log(options) as log:
        last = log.verify()
    say("0" if last is None else f"{last.number} {last.time} {last.hash}")


def _accept(options: Options) -> None:
    with _open_log(options) as log:
        record = log.accept(options.reason)
    kept = f"; the broken one is kept as {record.details['kept']}" if "kept" in record.details else ""
    say(f"{log.path}: begins anew{kept}")


def _open_log(options: Options) -> AbstractContextManager[AuditLog]:
    from recaster.provenance.register import open_audit_log

    return open_audit_log(data_folder_of(options))
