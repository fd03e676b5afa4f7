"""The way to an engine: its address, the token, TLS; and calls that outlast a short break."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grpc

from recaster.client.errors import UnreachableError, error_of
from recaster.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENGINE: Final = "RECASTER_ENGINE"
TOKEN: Final = "RECASTER_TOKEN"  # noqa: S105 - the name of a variable
AUTHORITY: Final = "RECASTER_TLS_CA"
CERTIFICATE: Final = "RECASTER_TLS_CERT"
KEY: Final = "RECASTER_TLS_KEY"
CALL_S: Final = 30.0
"""Seconds that an ordinary call may take."""
PATIENCE_S: Final = 60.0
"""Seconds that calls are made again while nobody answers: an engine that is restarted is back by then."""
_MAX_ANSWER: Final = 64 << 20
OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MAX_ANSWER),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


@dataclass(frozen=True)
class Address:
    """Where an engine is, and how to be let in.

    Attributes:
        target: "HOST:PORT" or "unix:PATH".
        token: what it printed when it first started.
        authority: PEM file of who signed its certificate; None speaks in the clear.
        certificate: PEM file of the client's own certificate, where the engine asks for one.
        key: PEM file of its key.
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
        """What RECASTER_ENGINE, RECASTER_TOKEN and RECASTER_TLS_CA, _CERT and _KEY say.

        Raises:
            UsageError: one of the first two is missing, or a certificate comes without its key or authority.
        """
        target = target or os.environ.get(ENGINE, "")
        token = os.environ.get(TOKEN, "")
        if not target:
            raise UsageError(f"which engine? Set {ENGINE} to its HOST:PORT")
        if not token:
            raise UsageError(
                f"set {TOKEN} to the engine's token; it is in the file 'token' of its data folder"
            )
        authority, certificate, key = (
            Path(given) if (given := os.environ.get(name)) else None for name in (AUTHORITY, CERTIFICATE, KEY)
        )
        if (certificate is None) != (key is None) or (certificate is not None and authority is None):
            raise UsageError(f"{CERTIFICATE} and {KEY} go together, and need {AUTHORITY}")
        return cls(target, token, authority, certificate, key)


class Connection:
    """A channel to one engine. Calls may be made from several threads."""

    def __init__(self, address: Address, patience_s: float = PATIENCE_S) -> None:
        self.address = address
        self.patience_s = patience_s
        self.metadata = (("authorization", f"Bearer {address.token}"),)
        if address.authority is None:
            self.channel = grpc.insecure_channel(address.target, OPTIONS)
        else:
            self.channel = grpc.secure_channel(address.target, credentials(address), OPTIONS)

    def close(self) -> None:
        """Hang up."""
        self.channel.close()

    def call(self, method: Callable[..., Any], request: Any, timeout_s: float = CALL_S) -> Any:
        """Make a call that may be made twice; while nobody answers, it is made again.

        Raises:
            EngineError: as ``client.errors``.
        """
        return self.persist(lambda: method(request, metadata=self.metadata, timeout=timeout_s))

    def persist(self, do: Callable[[], Any]) -> Any:
        """Do something again and again while nobody answers, for ``patience_s``."""
        last = time.monotonic() + self.patience_s
        for pause in pauses():
            try:
                return do()
            except grpc.RpcError as error:
                found = error_of(error, self.address.target)
                if not isinstance(found, UnreachableError) or time.monotonic() + pause > last:
                    raise found from None
            time.sleep(pause)
        raise AssertionError  # pauses never end

    def error(self, error: grpc.RpcError) -> Exception:
        """A failed call as one of our exceptions."""
        return error_of(error, self.address.target)


def pauses() -> Iterator[float]:
    """Seconds to wait before the next try: longer and longer, up to 2 s, never in step with others."""
    pause = 0.1
    while True:
        yield pause * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        pause = min(2.0, 2 * pause)


def credentials(address: Address) -> grpc.ChannelCredentials:
    """TLS as an address says (UsageError where a file can't be read)."""
    given = (address.authority, address.key, address.certificate)
    try:
        authority, key, certificate = (None if path is None else path.read_bytes() for path in given)
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be read ({error.strerror})") from None
    return grpc.ssl_channel_credentials(authority, key, certificate)
