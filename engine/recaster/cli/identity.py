"""``recaster identity``: whose faces are put on, and by what right."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from typing import TYPE_CHECKING

from recaster.cli import deletion
from recaster.cli.display import say, say_error
from recaster.cli.parsers import COMMON, Commands, Options, add_path
from recaster.cli.remote import add_engine, connect_engine
from recaster.errors import UsageError
from recaster.provenance.policy import BASES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from recaster.api.v1 import identity_pb2
    from recaster.client import Client
    from recaster.provenance.register import Register

DESCRIPTION = """Register the people whose faces are put on, and by what right: consent (they agreed), self
(you are it), licensed, or synthetic (it is nobody's). Training, swapping and previewing ask for it whenever
they start or go on; without it they don't, and nothing is deleted. docs/responsible-use.md says what is
kept."""
REVOCATIONS = """The list knows faces by digests and embeddings, and people by ids alone. It isn't signed:
take one over only from whom you trust. It holds for all engines of this user."""


def add_identity(commands: Commands) -> None:
    """Adds this command's parsers."""
    text = "whose faces are put on, and by what right"
    actions = commands.add_group("identity", help=text, description=DESCRIPTION, parents=[COMMON])
    adding = actions.add("add", _add, "register a person")
    adding.add_argument("name", metavar="NAME", help="what to call them; stays on this machine")
    _add_terms(adding)
    text = "state a person's right anew, instead of all that was stated before"
    attesting = actions.add("attest", _attest, text)
    attesting.add_argument("name", metavar="NAME", help="a name or an id")
    _add_terms(attesting)
    showing = actions.add("show", _show, "show a person, or everybody")
    showing.add_argument("name", nargs="?", metavar="NAME", help="a name or an id (default: everybody)")
    text = "take a right back: nothing more is trained, swapped or previewed"
    revoking = actions.add("revoke", _revoke, text)
    revoking.add_argument("name", metavar="NAME", help="a name or an id")
    revoking.add_argument("--reason", default="", help="why; kept with the person")
    for each in (adding, attesting, showing, revoking):
        add_engine(each)
    deletion.add(actions)
    text = "carry the list of revoked faces to another machine, or take one over"
    carrying = actions.add("revocations", _carry, text, REVOCATIONS)
    carrying.add_argument("way", choices=("export", "import"))
    add_path(carrying, "file", "FILE")


def _add_terms(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--basis", choices=BASES, required=True, help="by what right their face is used")
    parser.add_argument("--scope", default="", metavar="TEXT", help="what it is for")
    parser.add_argument("--from", dest="begin", metavar="DATE", help="when it begins, as 2026-12-31")
    parser.add_argument("--until", metavar="DATE", help="the last day of it, as 2027-12-31")
    add_path(parser, "--document", "FILE", "what says so; a copy is kept for your eyes alone")
    parser.add_argument("--attested-by", metavar="NAME", help="who says so (default: your user name)")


class _EngineRegister:
    """The people whom an engine knows, asked for as a ``Register`` is."""

    def __init__(self, engine: Client) -> None:
        self._engine = engine
        self.find_named = engine.find_identity
        self.attest = engine.attest
        self.revoke = engine.revoke
        self.keep_document = engine.transfer.upload

    def add(self, name: str, attestation: identity_pb2.Attestation) -> identity_pb2.Identity:
        from recaster.api.v1 import identity_pb2

        request = identity_pb2.CreateIdentityRequest(
            display_name=name, attestation=attestation, request_id=str(uuid.uuid4())
        )
        made: identity_pb2.Identity = self._engine.connection.call(
            self._engine.identities.CreateIdentity, request
        )
        return made

    def list_people(self) -> list[identity_pb2.Identity]:
        return list(self._engine.every_identity())


@contextlib.contextmanager
def _open_register(options: Options) -> Iterator[Register | _EngineRegister]:
    """Opens the register of the engine that the options name, else of this machine."""
    from recaster.provenance.register import open_register

    with connect_engine(options) as engine:
        if engine is not None:
            yield _EngineRegister(engine)
            return
        with open_register() as register:
            yield register


def _add(options: Options) -> None:
    with _open_register(options) as register:
        person = register.add(options.name, _terms(options, register))
    _print(person)


def _attest(options: Options) -> None:
    with _open_register(options) as register:
        known = register.find_named(options.name)
        person = register.attest(known.identity_id, _terms(options, register))
    _print(person)


def _show(options: Options) -> None:
    with _open_register(options) as register:
        people = register.list_people() if options.name is None else [register.find_named(options.name)]
    if not people:
        say_error("nobody is registered yet; see: recaster identity add --help")
    _print(*people)


def _revoke(options: Options) -> None:
    with _open_register(options) as register:
        person = register.revoke(register.find_named(options.name).identity_id, options.reason)
    _print(person)


def _carry(options: Options) -> None:
    from recaster.files import write_bytes
    from recaster.provenance.register import open_register

    with open_register() as register:
        if options.way == "export":
            write_bytes(options.file, register.revocations.lines())
            return
        taken = register.revocations.take(options.file)
        register.audit.add("revocations.import", people=taken)
    say(f"{options.file}: taken over, {taken} people")


def _terms(options: Options, register: Register | _EngineRegister) -> identity_pb2.Attestation:
    """Reads the options of a right; its document is brought to where it is kept (UsageError)."""
    from recaster.api.v1 import identity_pb2
    from recaster.files import user_name
    from recaster.provenance.legal_basis import parse_basis

    attestation = identity_pb2.Attestation(
        basis=parse_basis(options.basis), scope=options.scope, attested_by=options.attested_by or user_name()
    )
    if options.begin is not None:
        attestation.valid_from.FromDatetime(_day(options.begin))
    if options.until is not None:  # that day belongs to it
        attestation.valid_until.FromDatetime(_day(options.until, dt.timedelta(days=1)))
    if options.document is not None:
        if isinstance(register, _EngineRegister):
            attestation.document_digest = register.keep_document(options.document)
        else:
            attestation.document_digest = register.documents.keep(options.document)
    return attestation


def _day(text: str, later: dt.timedelta = dt.timedelta(0)) -> dt.datetime:
    """The beginning of a day where this machine is, or some time after it."""
    try:
        day = dt.datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - made aware in the next line
        return (day + later).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no date that can be used; write it as 2026-12-31") from None


def _print(*people: identity_pb2.Identity) -> None:
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
