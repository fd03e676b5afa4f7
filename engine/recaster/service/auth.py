"""Bearer-token authentication for gRPC; health checks need no token.

A call ends when its client's token does, however long it was to last.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc
from google.protobuf.message import Message

from recaster.errors import RecasterError
from recaster.files import user_name
from recaster.service.permissions import Client, acting_client, check_permission, method_name, min_role
from recaster.service.request_checks import refuse_controls
from recaster.service.rpc_errors import CALL_ERRORS, Code, Context, RpcError, abort, to_rpc_error
from recaster.service.threads import run_read
from recaster.store.tokens import Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from recaster.store.store import Store
    from recaster.store.tokens import ClientToken

log = logging.getLogger("recaster.service")

CREDENTIALS_HEADER: Final = "authorization"
BEARER_SCHEME: Final = "Bearer "
OPEN_SERVICE: Final = "/grpc.health.v1.Health/"
POLL_INTERVAL_S: Final = 0.5
"""Seconds between looks at the tokens of calls that last."""
WRONG_TOKEN: Final = RpcError(
    Code.UNAUTHENTICATED,
    "TOKEN_WRONG",
    "the token is missing or wrong; the engine's own is printed when it first starts and kept in the file "
    "'token' of its data folder, others are made with: recaster tokens add",
)


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Refuses calls without a token, before their message is read, and requests that its role isn't for.

    Whatever goes wrong in a call is told to its client here.
    """

    def __init__(
        self,
        own_token: str,
        store: Store,
        on_refused: Callable[[RpcError, str, str, str, Any], None] = lambda *_: None,
    ) -> None:
        """With ``own_token``, of the file, a client may do everything.

        ``on_refused`` gets every error with its method, the client's name, the peer, and the request.
        """
        self._own_token = own_token.encode()
        self._owner = Client(user_name(), Role.OPERATOR)
        self._store = store
        self._on_refused = on_refused
        self._calls: dict[asyncio.Timeout, str] = {}  # calls that go on, and their tokens' ids

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], call: grpc.HandlerCallDetails
    ) -> Any:
        """Pass the call on, or refuse it."""
        handler = await continuation(call)
        if call.method.startswith(OPEN_SERVICE) or handler is None:
            return handler
        client = None
        try:
            client = await self._client_of(call)
            client.require(min_role(call.method), method_name(call.method))
        except (RpcError, RecasterError) as error:
            return self._refusal_handler(error, call.method, client)
        return self._guarded_handler(handler, call.method, client)

    async def watch(self) -> None:
        """End calls whose token has ended, until cancelled."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            try:
                names = set(self._calls.values()) - {""}
                tokens = {name: await run_read(self._store.tokens.find, name) for name in names}
            except RecasterError:
                log.exception("tokens can't be looked at now")
                continue
            for call, name in self._calls.items():
                token = tokens.get(name)
                if name in tokens and (token is None or not token.valid()) and not call.expired():
                    call.reschedule(asyncio.get_running_loop().time())

    async def _client_of(self, call: grpc.HandlerCallDetails) -> Client:
        """The client of the token that a call shows (RpcError where it shows none that is valid)."""
        shown = next(
            (value for name, value in call.invocation_metadata or () if name == CREDENTIALS_HEADER), ""
        )
        text = shown.decode("utf-8", "replace") if isinstance(shown, bytes) else shown
        if not text.startswith(BEARER_SCHEME):
            raise WRONG_TOKEN
        text = text.removeprefix(BEARER_SCHEME)
        if hmac.compare_digest(text.encode(), self._own_token):
            return self._owner
        token = await run_read(self._store.tokens.shown, text)
        if token is None or not token.valid():
            raise _token_error(token)
        return Client(token.name, token.role, token.token_id, token.quota_bytes, token.max_jobs)

    def _refusal_handler(self, error: Exception, method: str, client: Client | None) -> Any:
        async def refuse(_: Any, context: Context) -> None:
            await self._abort(context, error, method, client, None)

        # A stream, whatever was called: its message would be waited for otherwise, and might never come.
        return grpc.stream_stream_rpc_method_handler(refuse)

    async def _abort(
        self, context: Context, error: Exception, method: str, client: Client | None, request: Any
    ) -> NoReturn:
        refusal = to_rpc_error(error)
        name = "" if client is None else client.name
        self._on_refused(refusal, method_name(method), name, context.peer(), request)
        await abort(context, refusal)

    def _guarded_handler(self, handler: Any, method: str, client: Client) -> Any:
        """The handler, whose calls are permitted, done for this client, and end with its token."""

        async def answered(request: Any, context: Context) -> Any:
            with acting_client(client):
                try:
                    async with asyncio.timeout(None) as limit:
                        with self._watched(limit, client):
                            if not handler.request_streaming:
                                await check_permission(method, request, client, self._store)
                            return await _answer(behaviour, request, context)
                except CALL_ERRORS as error:
                    failure: Exception = error
                    if limit.expired():
                        failure = _token_error(await run_read(self._store.tokens.find, client.token_id))
                    await self._abort(context, failure, method, client, request)

        field, behaviour = behaviour_of(handler)
        return handler._replace(**{field: answered})

    @contextlib.contextmanager
    def _watched(self, limit: asyncio.Timeout, client: Client) -> Iterator[None]:
        self._calls[limit] = client.token_id
        try:
            yield
        finally:
            del self._calls[limit]


def behaviour_of(handler: Any) -> tuple[str, Callable[..., Any]]:
    """The function of a gRPC handler, and the handler's field that holds it."""
    fields = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
    return next((field, getattr(handler, field)) for field in fields if getattr(handler, field))


async def _answer(behaviour: Callable[..., Any], request: Any, context: Context) -> Any:
    """Answer a call; what is streamed is written here: so waiting for a slow client ends, too."""
    if isinstance(request, Message):
        request.DiscardUnknownFields()  # what this engine can't check, it doesn't keep
        refuse_controls(request)
    answer = behaviour(request, context)
    if not hasattr(answer, "__aiter__"):
        return await answer
    async with contextlib.aclosing(answer):
        async for message in answer:
            await context.write(message)
    return None


def _token_error(token: ClientToken | None) -> RpcError:
    if token is None:
        return WRONG_TOKEN
    word, reason = ("revoked", "TOKEN_REVOKED") if token.revoked is not None else ("over", "TOKEN_EXPIRED")
    message = f"the token of {token.name} is {word}; ask whoever runs the engine for another"
    return RpcError(Code.UNAUTHENTICATED, reason, message)
