"""``recaster audit``: what was done with whose face, and whether that log is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import say
from recaster.cli.flags import SHOWN_BOUNDS, number

if TYPE_CHECKING:
    import argparse
    from contextlib import AbstractContextManager

    from recaster.provenance.audit_log import AuditLog

DESCRIPTION = """The audit log is only ever added to, and each record holds the hash of the one before it. It
is kept in the data folder (RECASTER_DATA), by an engine for its own jobs, and holds no names of people but of
those who attested."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds this command's parsers."""
    parser = commands.add_parser(
        "audit", parents=[common], help="what was done with whose face", description=DESCRIPTION
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    verifying = actions.add_parser("verify", parents=[common], help="follow the chain from end to end")
    verifying.add_argument(
        "--head",
        metavar="HASH",
        help="a hash that this command printed, or a manifest holds: the log must still have that record",
    )
    verifying.set_defaults(run=_verify)
    showing = actions.add_parser("show", parents=[common], help="print the records, the oldest first")
    showing.add_argument("--last", type=number(SHOWN_BOUNDS), metavar="N", help="only so many, the newest")
    showing.set_defaults(run=_show)
    heading = actions.add_parser(
        "head", parents=[common], help="print number and hash of the newest record, to be noted elsewhere"
    )
    heading.set_defaults(run=_head)
    accepting = actions.add_parser(
        "accept",
        parents=[common],
        help="begin another log where this one is broken, which names the break; the broken one is kept",
    )
    accepting.add_argument("--reason", required=True, metavar="TEXT", help="why, for whoever reads the log")
    accepting.set_defaults(run=_accept)
    for each in (verifying, showing, heading, accepting):
        each.add_argument("--data", type=Path, metavar="FOLDER", help="whose log (default: RECASTER_DATA)")


def _verify(options: argparse.Namespace) -> None:
    with _log(options) as log:
        last = log.verify(options.head)
    if last is None:
        say(f"{log.path}: empty")
    else:
        say(f"{log.path}: {last.number} records, whole; the newest has the hash {last.hash}")


def _show(options: argparse.Namespace) -> None:
    from collections import deque

    from recaster.errors import UsageError

    if options.last is not None and options.last < 0:
        raise UsageError(f"--last {options.last}: give how many records to show")
    with _log(options) as log:
        for record in deque(log.records(), maxlen=options.last):
            details = " ".join(f"{name}={value}" for name, value in record.details.items() if value != "")
            say(f"{record.number:>6}  {record.time}  {record.event}  {details}")


def _head(options: argparse.Namespace) -> None:
    with _log(options) as log:
        last = log.verify()
    say("0" if last is None else f"{last.number} {last.time} {last.hash}")


def _accept(options: argparse.Namespace) -> None:
    with _log(options) as log:
        record = log.accept(options.reason)
    kept = f"; the broken one is kept as {record.details['kept']}" if "kept" in record.details else ""
    say(f"{log.path}: begins anew{kept}")


def _log(options: argparse.Namespace) -> AbstractContextManager[AuditLog]:
    from recaster.provenance.register import open_audit_log
    from recaster.store.folder import DataFolder

    return open_audit_log(DataFolder.default() if options.data is None else DataFolder(options.data))
