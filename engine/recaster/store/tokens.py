"""Tokens of an engine's clients: who shows one, what they may do, how much they may keep.

A token is ``rc_ID_SECRET``: it is looked up by the id, and of the secret only the SHA-256 is kept. What
is 256 random bits needs no slower hash.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    import sqlite3

    from recaster.store.database import Database

MAX_NAME_LETTERS: Final = 64
_TOKEN: Final = re.compile(r"rc_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class Role(enum.IntEnum):
    """Role of a client; each may do what those before it may."""

    VIEWER = 1
    EDITOR = 2
    CONSENT_OFFICER = 3
    OPERATOR = 4

    @property
    def label(self) -> str:
        """As people write it."""
        return self.name.lower().replace("_", "-")


ROLES: Final = {role.label: role for role in Role}


@dataclass(frozen=True)
class ClientToken:
    """A client's token, without its secret.

    Attributes:
        created: seconds since 1970, as ``expires`` (None for never) and ``revoked`` (None where it wasn't).
        quota_bytes: what the client may keep; None for as much as there is room.
        max_jobs: jobs of the client's that may wait or run; None for any number.
    """

    token_id: str
    name: str
    role: Role
    created: float
    expires: float | None = None
    revoked: float | None = None
    quota_bytes: int | None = None
    max_jobs: int | None = None

    def valid(self, now: float | None = None) -> bool:
        """Tells if it lets anybody in at a moment."""
        return self.revoked is None and not self.expired(now)

    def expired(self, now: float | None = None) -> bool:
        """Tells if it has ended by itself."""
        return self.expires is not None and (time.time() if now is None else now) >= self.expires


class Tokens:
    """The clients' tokens of one engine."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        name: str,
        role: Role,
        expires: float | None = None,
        quota_bytes: int | None = None,
        max_jobs: int | None = None,
    ) -> tuple[ClientToken, str]:
        """Make a token; returns it, and what the client shows, which is kept nowhere (UsageError)."""
        if not name.strip() or name != name.strip() or len(name) > MAX_NAME_LETTERS or not name.isprintable():
            raise UsageError(
                f"{name[:MAX_NAME_LETTERS]!r} can't be a client's name; "
                f"give 1 to {MAX_NAME_LETTERS} printable letters"
            )
        if (quota_bytes is not None and quota_bytes <= 0) or (max_jobs is not None and max_jobs <= 0):
            raise UsageError("limits of a client must be above 0")
        now = time.time()
        if expires is not None and expires <= now:
            raise UsageError("the token would have ended before it was made")
        made = ClientToken(secrets.token_hex(6), name, role, now, expires, None, quota_bytes, max_jobs)
        secret = secrets.token_urlsafe(32)
        with self._database.transaction() as opened:
            opened.execute(
                "insert into token (token_id, name, role, secret_sha256, created, expires, quota_bytes, "
                "max_jobs) values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    made.token_id,
                    name,
                    role.label,
                    _secret_digest(secret),
                    now,
                    expires,
                    quota_bytes,
                    max_jobs,
                ),
            )
        return made, f"rc_{made.token_id}_{secret}"

    def find(self, token_id: str) -> ClientToken | None:
        """A token by its id, or None."""
        row = self._database.row("select * from token where token_id = ?", (token_id,))
        return None if row is None else _from_row(row)

    def shown(self, text: str) -> ClientToken | None:
        """The token that a client shows, whether or not it is valid still; None for a wrong one."""
        parts = _TOKEN.fullmatch(text)
        if parts is None:
            return None
        row = self._database.row("select * from token where token_id = ?", (parts[1],))
        kept = bytes(32) if row is None else bytes(row["secret_sha256"])
        same = hmac.compare_digest(kept, _secret_digest(parts[2]))
        return _from_row(row) if same and row is not None else None

    def listed(self) -> list[ClientToken]:
        """Every token, the oldest first."""
        return [
            _from_row(row) for row in self._database.rows("select * from token order by created, token_id")
        ]

    def revoke(self, name: str) -> list[ClientToken]:
        """Revoke the valid tokens of a client, or the one with this id; returns them (NotFoundError)."""
        with self._database.transaction() as opened:
            rows = opened.execute(
                "update token set revoked = ? where (token_id = ? or name = ?) and revoked is null "
                "returning *",
                (time.time(), name, name),
            ).fetchall()
        if not rows:
            raise NotFoundError(
                f"there is no token of {name!r} that could be revoked; see: recaster tokens list"
            )
        return [_from_row(row) for row in rows]


def _secret_digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _from_row(row: sqlite3.Row) -> ClientToken:
    values = {name: row[name] for name in row.keys() if name not in ("secret_sha256", "role")}  # noqa: SIM118
    return ClientToken(role=ROLES[row["role"]], **values)
