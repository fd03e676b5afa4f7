"""``recaster tokens``: who may use an engine, and for what."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

from recaster.cli.display import say, say_error
from recaster.cli.flags import number
from recaster.cli.parsers import COMMON, Commands, Options, add_data, data_folder_of
from recaster.errors import UsageError
from recaster.settings.serve import GIB_BOUNDS, JOBS_BOUNDS
from recaster.store.tokens import ROLES, Tokens

if TYPE_CHECKING:
    from recaster.store.tokens import ClientToken

DESCRIPTION = """Give each client of an engine a token of its own: with a name, which jobs and the audit log
carry, and a role. A viewer sees jobs, clips and results; an editor also uploads, extracts, trains, swaps, and
ends what is their own; a consent-officer also states and revokes rights to faces, and takes facesets and
models out; an operator may do everything, as may whoever has the token of the data folder's file. Works on
the data folder, whether or not its engine runs; a revoked token ends calls within a second."""
_UNITS = {"h": 3600.0, "d": 86400.0, "w": 604800.0}


def add_tokens(commands: Commands) -> None:
    """Adds this command's parsers."""
    text = "who may use an engine, and for what"
    actions = commands.add_group("tokens", help=text, description=DESCRIPTION, parents=[COMMON])
    adding = actions.add("add", _add, "make a token and print it, this once")
    adding.add_argument("name", metavar="NAME", help="the client's; two with one name share what is theirs")
    adding.add_argument("--role", choices=tuple(ROLES), required=True, help="what the client may do")
    text = "when it ends: 12h, 30d or 8w from now (default: never)"
    adding.add_argument("--expires", metavar="TIME", help=text)
    text = "what the client may keep (default: as the policy says, else any)"
    adding.add_argument("--quota-gib", type=number(GIB_BOUNDS, float), metavar="N", help=text)
    text = "the client's jobs that may wait or run (default: as the policy says, else any)"
    adding.add_argument("--max-jobs", type=number(JOBS_BOUNDS), metavar="N", help=text)
    listing = actions.add("list", _list, "every token, without its secret")
    revoking = actions.add("revoke", _revoke, "end a client's tokens at once")
    revoking.add_argument("name", metavar="NAME", help="the client's name, or the id of one token")
    for each in (adding, listing, revoking):
        add_data(each, "whose")


def _add(options: Options) -> None:
    from recaster.files import user_name
    from recaster.provenance.register import open_register

    if options.name == user_name():
        raise UsageError(f"{options.name!r} is the name of the engine's own account; choose another")
    expires = None if options.expires is None else time.time() + _seconds(options.expires)
    quota = None if options.quota_gib is None else int(options.quota_gib * 2**30)
    with open_register(data_folder_of(options)) as register, register.catalog.transaction():
        made, shown = Tokens(register.catalog.database).add(
            options.name, ROLES[options.role], expires, quota, options.max_jobs
        )
        register.audit.add("token.add", token=made.token_id, client=made.name, role=made.role.label)
    say_error("this is shown once; the client gives it as RECASTER_TOKEN:")
    say(shown)


def _list(options: Options) -> None:
    from recaster.provenance.register import open_register

    with open_register(data_folder_of(options)) as register:
        for token in Tokens(register.catalog.database).listed():
            say(_line(token))


def _revoke(options: Options) -> None:
    from recaster.provenance.register import open_register

    with open_register(data_folder_of(options)) as register, register.catalog.transaction():
        revoked = Tokens(register.catalog.database).revoke(options.name)
        for token in revoked:
            register.audit.add("token.revoke", token=token.token_id, client=token.name)
    for token in revoked:
        say(_line(token))


def _line(token: ClientToken) -> str:
    ends = "for good" if token.expires is None else f"until {_when(token.expires)}"
    if token.revoked is not None:
        ends = f"revoked {_when(token.revoked)}"
    elif token.expired():
        ends = f"ended {_when(token.expires or 0)}"
    limits = "" if token.quota_bytes is None else f"  {token.quota_bytes / 2**30:g} GiB"
    limits += "" if token.max_jobs is None else f"  {token.max_jobs} jobs"
    return f"{token.token_id}  {token.role.label:<16}{token.name}  {ends}{limits}"


def _when(seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC).astimezone():%Y-%m-%d %H:%M}"


def _seconds(text: str) -> float:
    number = text[:-1]
    unit = text[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdecimal()) or not 0 < int(number) <= 100_000:
        raise UsageError(f"--expires {text}: write it as 12h, 30d or 8w")
    return int(number) * _UNITS[unit]
