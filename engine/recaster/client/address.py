"""Address of an engine, from the environment or given; needs no grpc."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from recaster.errors import UsageError
from recaster.settings.paths import data_folder, own_address

ENGINE: Final = "RECASTER_ENGINE"
TOKEN: Final = "RECASTER_TOKEN"  # noqa: S105 - the name of a variable
AUTHORITY: Final = "RECASTER_TLS_CA"
CERTIFICATE: Final = "RECASTER_TLS_CERT"
KEY: Final = "RECASTER_TLS_KEY"
LOCAL_ENGINE: Final = "here"
"""Names the engine of this user on this machine."""
ROOT: Final = 0


@dataclass(frozen=True)
class Address:
    """Address of an engine, with the token and certificates (PEM files) that let a client in.

    Attributes:
        target: "HOST:PORT" or "unix:PATH".
        authority: who signed the engine's certificate; None speaks in the clear, on this machine only.
        certificate: the client's own, where the engine asks for one, with its ``key``.
    """

    target: str
    token: str
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a token that no engine could have made (UsageError)."""
        if not (self.token.isascii() and self.token.isprintable()):
            raise UsageError("the token holds characters that none has; copy it again")

    @classmethod
    def from_environment(cls, target: str | None = None) -> Address:
        """The address in RECASTER_ENGINE, RECASTER_TOKEN and RECASTER_TLS_CA, _CERT and _KEY.

        Where they name no engine, or "here", it is this user's own on this machine, whose token is in its
        data folder. UsageError without a token, and for a certificate without its key or authority.
        """
        target = target or os.environ.get(ENGINE) or LOCAL_ENGINE
        token = os.environ.get(TOKEN, "")
        data = data_folder()
        if target in (LOCAL_ENGINE, own_address(data)):
            return cls(own_address(data), _own_token(data / "token") or token or _missing_token(target))
        authority, certificate, key = (
            Path(path) if (path := os.environ.get(name)) else None for name in (AUTHORITY, CERTIFICATE, KEY)
        )
        if (certificate is None) != (key is None) or (certificate is not None and authority is None):
            raise UsageError(f"{CERTIFICATE} and {KEY} go together, and need {AUTHORITY}")
        return cls(target, token or _missing_token(target), authority, certificate, key)


def _own_token(path: Path) -> str:
    """The token in a data folder of this machine, "" for none (UsageError where it is open to others)."""
    try:
        kept = path.lstat()
        token = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from None
    others = hasattr(os, "getuid") and (kept.st_uid not in (os.getuid(), ROOT) or kept.st_mode & 0o077)
    if others or not stat.S_ISREG(kept.st_mode):
        raise UsageError(f"{path}: others may read or change the token; make it your own alone (chmod 600)")
    return token


def _missing_token(target: str) -> NoReturn:
    if target == LOCAL_ENGINE:
        raise UsageError(
            f"no engine of yours has run on this machine yet: start one (recaster serve), or set {ENGINE} to "
            f"the address of another and {TOKEN} to its token"
        )
    raise UsageError(f"set {TOKEN} to the engine's token; it is in the file 'token' of its data folder")
