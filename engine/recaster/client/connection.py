"""Connection to an engine: token, TLS; calls and streams that outlast a short break."""

from __future__ import annotations

import contextlib
import random
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc

from recaster.client.errors import AnswerError, CallError, UnreachableError, error_of
from recaster.client.peer_check import peer_at
from recaster.client.validation import validate
from recaster.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from recaster.client.address import Address

M = TypeVar("M")

CALL_TIMEOUT_S: Final = 30.0
"""Seconds that an ordinary call may take."""
RETRY_TIMEOUT_S: Final = 60.0
"""Seconds that calls are made again while nobody answers: an engine that is restarted is back by then."""
_MAX_ANSWER: Final = 64 << 20
CHECK_INTERVAL_S: Final = 0.2
MAX_PAGES: Final = 1000
"""Of a list; ours have up to 1,000 things each."""
OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MAX_ANSWER),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)
CLEAR_OPTIONS: Final = (*OPTIONS, ("grpc.enable_http_proxy", 0))
"""Of what isn't encrypted a proxy would read all."""


class Connection:
    """A channel to one engine. Calls may be made from several threads."""

    def __init__(self, address: Address, patience_s: float = RETRY_TIMEOUT_S) -> None:
        """Nothing is said before the first call (UsageError without TLS to another machine)."""
        self.address = address
        self.patience_s = patience_s
        self._metadata = (("authorization", f"Bearer {address.token}"),)
        self._peer = peer_at(address.target) if address.authority is None else None
        if self._peer is None:
            self.channel = grpc.secure_channel(address.target, credentials(address), OPTIONS)
        else:
            self.channel = grpc.insecure_channel(self._peer.target, CLEAR_OPTIONS)

    @property
    def clear_target(self) -> str | None:
        """Target of calls that aren't encrypted, on this very machine; None with TLS."""
        return None if self._peer is None else self._peer.target

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The token, for a call made at once, once its receiver was checked (EngineError for a stranger)."""
        if self._peer is not None:
            self._peer.check()
        return self._metadata

    def close(self) -> None:
        """Hang up."""
        self.channel.close()

    def call(self, method: Callable[..., Any], request: Any, timeout_s: float = CALL_TIMEOUT_S) -> Any:
        """Make a call that may be made twice; while nobody answers, it is made again (EngineError)."""
        return validate(self.persist(lambda: method(request, metadata=self.metadata, timeout=timeout_s)))

    def watched_call(
        self,
        method: Any,
        request: Any,
        check: Callable[[], None],
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> Any:
        """The same for one that takes long: the engine stops at it once ``check`` raises (EngineError)."""

        def do() -> Any:
            running = method.future(request, metadata=self.metadata, timeout=timeout_s)
            try:
                while True:
                    with contextlib.suppress(grpc.FutureTimeoutError):
                        return running.result(timeout=CHECK_INTERVAL_S)
                    check()
            finally:
                running.cancel()

        return validate(self.persist(do))

    def listed(
        self, method: Callable[..., Any], request: Any, field: str, timeout_s: float = CALL_TIMEOUT_S
    ) -> Iterator[Any]:
        """Everything that a method lists, over all pages (EngineError)."""
        for _ in range(MAX_PAGES):
            page = self.call(method, request, timeout_s)
            yield from getattr(page, field)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
        raise AnswerError(f"the engine's list of {field} has no end; is that address an engine's?")

    def persist(self, do: Callable[[], Any]) -> Any:
        """Do something again and again while nobody answers, for ``patience_s``."""
        timer = RetryTimer(self)
        while True:
            try:
                return do()
            except (grpc.RpcError, UnreachableError) as error:
                failure = timer.retryable(error)
            pause = timer.next_pause()
            timer.check(failure, pause)
            time.sleep(pause)

    def reconnecting(
        self, open_stream: Callable[[], Iterable[M]], is_whole: Callable[[], bool] = lambda: True
    ) -> Iterator[M]:
        """Messages of a stream that is opened again where it breaks (EngineError).

        Args:
            open_stream: asks for what hasn't come yet.
            is_whole: whether a stream that ended well was all.
        """
        timer = RetryTimer(self)
        while True:
            try:
                for message in open_stream():
                    timer.restart()
                    yield message
            except (grpc.RpcError, UnreachableError) as error:
                timer.check(timer.retryable(error))
            else:
                if is_whole():
                    return
            time.sleep(timer.next_pause())

    def error(self, error: grpc.RpcError | CallError) -> CallError:
        """A failed call as one of our exceptions."""
        return error if isinstance(error, CallError) else error_of(error, self.address.target)


class RetryTimer:
    """Pauses between tries at something that goes on where it was, until nothing came for ``patience_s``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.restart()

    def restart(self) -> None:
        """Something has come: patience begins anew."""
        self._last_news = time.monotonic()
        self._pause_s = 0.05

    def next_pause(self) -> float:
        """Seconds to wait before the next try: longer and longer, up to 2 s, never in step with others."""
        self._pause_s = min(2.0, 2 * self._pause_s)
        return self._pause_s * random.uniform(0.75, 1.25)  # noqa: S311 - no secret

    def retryable(self, error: grpc.RpcError | CallError, reasons: frozenset[str] = frozenset()) -> CallError:
        """The error of a try that may do better next time: no answer, or these reasons; raises others."""
        failure = self._connection.error(error)
        if not isinstance(failure, UnreachableError) and failure.reason not in reasons:
            raise failure from None
        return failure

    def check(self, failure: CallError, pause: float = 0.0) -> None:
        """Raises what went wrong last where nothing came for too long, after a pause of seconds."""
        if time.monotonic() + pause - self._last_news > self._connection.patience_s:
            raise failure from None


def credentials(address: Address) -> grpc.ChannelCredentials:
    """TLS as an address says (UsageError where a file can't be read)."""
    files = (address.authority, address.key, address.certificate)
    try:
        authority, key, certificate = (None if path is None else path.read_bytes() for path in files)
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be read ({error.strerror})") from None
    return grpc.ssl_channel_credentials(authority, key, certificate)
