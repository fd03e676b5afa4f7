"""``recaster identity``: whose faces are put on, and by what right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli import deletion
from recaster.cli.display import say, say_error
from recaster.cli.remote import add_engine, connect_engine
from recaster.provenance.policy import BASES

if TYPE_CHECKING:
    import argparse
    import datetime as dt
    from collections.abc import Iterable

    from recaster.api.v1 import identity_pb2
    from recaster.client import Client
    from recaster.provenance.register import Register

DESCRIPTION = """Register the people whose faces are put on, and by what right: consent (they agreed), self
(you are it), licensed, or synthetic (it is nobody's). Training, swapping and previewing ask for it whenever
they start or go on; without it they don't, and nothing is deleted. docs/responsible-use.md says what is
kept."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds this command's parsers."""
    parser = commands.add_parser(
        "identity",
        parents=[common],
        help="whose faces are put on, and by what right",
        description=DESCRIPTION,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    adding = actions.add_parser("add", parents=[common], help="register a person")
    adding.add_argument("name", metavar="NAME", help="what to call them; stays on this machine")
    _add_terms(adding)
    adding.set_defaults(run=_add)
    attesting = actions.add_parser(
        "attest", parents=[common], help="state a person's right anew, instead of all that was stated before"
    )
    attesting.add_argument("name", metavar="NAME", help="a name or an id")
    _add_terms(attesting)
    attesting.set_defaults(run=_attest)
    showing = actions.add_parser("show", parents=[common], help="show a person, or everybody")
    showing.add_argument("name", nargs="?", metavar="NAME", help="a name or an id (default: everybody)")
    showing.set_defaults(run=_show)
    revoking = actions.add_parser(
        "revoke", parents=[common], help="take a right back: nothing more is trained, swapped or previewed"
    )
    revoking.add_argument("name", metavar="NAME", help="a name or an id")
    revoking.add_argument("--reason", default="", help="why; kept with the person")
    revoking.set_defaults(run=_revoke)
    for each in (adding, attesting, showing, revoking):
        add_engine(each)
    deletion.add(actions, common)
    carrying = actions.add_parser(
        "revocations",
        parents=[common],
        help="carry the list of revoked faces to another machine, or take one over",
        description="The list knows faces by digests and embeddings, and people by ids alone. It isn't "
        "signed: take one over only from whom you trust. It holds for all engines of this user.",
    )
    carrying.add_argument("way", choices=("export", "import"))
    carrying.add_argument("file", type=Path, metavar="FILE")
    carrying.set_defaults(run=_carry)


def _add_terms(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--basis", choices=BASES, required=True, help="by what right their face is used")
    parser.add_argument("--scope", default="", metavar="TEXT", help="what it is for")
    parser.add_argument("--from", dest="begin", metavar="DATE", help="when it begins, as 2026-12-31")
    parser.add_argument("--until", metavar="DATE", help="the last day of it, as 2027-12-31")
    parser.add_argument(
        "--document", type=Path, metavar="FILE", help="what says so; a copy is kept for your eyes alone"
    )
    parser.add_argument("--attested-by", metavar="NAME", help="who says so (default: your user name)")


def _add(options: argparse.Namespace) -> None:
    from recaster.provenance.register import open_register

    with connect_engine(options) as engine:
        if engine is None:
            with open_register() as register:
                person = register.add(options.name, _terms(options, register))
        else:
            person = _add_there(options, engine)
    _print([person])


def _add_there(options: argparse.Namespace, engine: Client) -> identity_pb2.Identity:
    import uuid

    from recaster.api.v1 import identity_pb2

    request = identity_pb2.CreateIdentityRequest(
        display_name=options.name, attestation=_terms(options, engine), request_id=str(uuid.uuid4())
    )
    made: identity_pb2.Identity = engine.connection.call(engine.identities.CreateIdentity, request)
    return made


def _attest(options: argparse.Namespace) -> None:
    from recaster.provenance.register import open_register

    with connect_engine(options) as engine:
        if engine is None:
            with open_register() as register:
                known = register.find_named(options.name)
                person = register.attest(known.identity_id, _terms(options, register))
        else:
            known = engine.find_identity(options.name)
            person = engine.attest(known.identity_id, _terms(options, engine))
    _print([person])


def _show(options: argparse.Namespace) -> None:
    from recaster.provenance.register import open_register

    with connect_engine(options) as engine:
        if engine is not None:
            people = (
                list(engine.every_identity())
                if options.name is None
                else [engine.find_identity(options.name)]
            )
        else:
            with open_register() as register:
                people = (
                    register.list_people() if options.name is None else [register.find_named(options.name)]
                )
    if not people:
        say_error("nobody is registered yet; see: recaster identity add --help")
    _print(people)


def _revoke(options: argparse.Namespace) -> None:
    from recaster.provenance.register import open_register

    with connect_engine(options) as engine:
        if engine is None:
            with open_register() as register:
                person = register.revoke(register.find_named(options.name).identity_id, options.reason)
        else:
            person = engine.revoke(engine.find_identity(options.name).identity_id, options.reason)
    _print([person])


def _carry(options: argparse.Namespace) -> None:
    from recaster.files import write_bytes
    from recaster.provenance.register import open_register

    with open_register() as register:
        if options.way == "export":
            write_bytes(options.file, register.revocations.lines())
            return
        taken = register.revocations.take(options.file)
        register.audit.add("revocations.import", people=taken)
    say(f"{options.file}: taken over, {taken} people")


def _terms(options: argparse.Namespace, where: Register | Client) -> identity_pb2.Attestation:
    """Reads the options of a right; its document is brought to where it is kept (UsageError)."""
    import datetime as dt

    from recaster.api.v1 import identity_pb2
    from recaster.client import Client
    from recaster.files import user_name
    from recaster.provenance.legal_basis import parse_basis

    attestation = identity_pb2.Attestation(
        basis=parse_basis(options.basis),
        scope=options.scope,
        attested_by=options.attested_by or user_name(),
    )
    if options.begin is not None:
        attestation.valid_from.FromDatetime(_day(options.begin))
    if options.until is not None:  # that day belongs to it
        attestation.valid_until.FromDatetime(_day(options.until, dt.timedelta(days=1)))
    if options.document is not None:
        if isinstance(where, Client):
            attestation.document_digest = where.transfer.upload(options.document)
        else:
            attestation.document_digest = where.documents.keep(options.document)
    return attestation


def _day(text: str, later: dt.timedelta | None = None) -> dt.datetime:
    """The beginning of a day where this machine is, or some time after it."""
    import datetime as dt

    from recaster.errors import UsageError

    try:
        day = dt.datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - made aware in the next line
        return (day + (later or dt.timedelta(0))).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no date that can be used; write it as 2026-12-31") from None


def _print(people: Iterable[identity_pb2.Identity]) -> None:
    from recaster.provenance.legal_basis import described

    for person in people:
        say(f"{person.identity_id}  {person.display_name}: {described(person)}")
        attestation = person.attestation
        for name, value in (
            ("scope", attestation.scope),
            ("attested by", attestation.attested_by),
            ("document, SHA-256", attestation.document_digest),
            ("revoked because", person.revocation.reason),
        ):
            if value:
                say(f"  {name}: {value}")
