"""Who may ask: everybody who shows the token; whether the engine is alive, anybody may ask."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Final

import grpc

from recaster.service.refusals import Code, Context, Refusal, abort

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HEADER: Final = "authorization"
OPEN: Final = "/grpc.health.v1.Health/"
REFUSED: Final = Refusal(
    Code.UNAUTHENTICATED,
    "TOKEN_WRONG",
    "the token is missing or wrong; the engine prints it when it first starts, "
    "and keeps it in the file 'token' of its data folder",
)


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Refuses calls without the token, before their message is read."""

    def __init__(self, token: str) -> None:
        self._wanted = f"Bearer {token}".encode()
        self.on_refused: Callable[[str, str], None] = lambda *_: None

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], call: grpc.HandlerCallDetails
    ) -> Any:
        """Pass the call on, or refuse it in its own form."""
        handler = await continuation(call)
        if call.method.startswith(OPEN) or handler is None:
            return handler
        shown = next((value for name, value in call.invocation_metadata or () if name == HEADER), "")
        shown = shown if isinstance(shown, bytes) else shown.encode()
        if hmac.compare_digest(shown, self._wanted):
            return handler
        return _refusing(self.on_refused)


def _refusing(tell: Callable[[str, str], None]) -> Any:
    async def refuse(_: Any, context: Context) -> None:
        tell(REFUSED.reason, context.peer())
        await abort(context, REFUSED)

    # A stream, whatever was called: its message would be waited for otherwise, and might never come.
    return grpc.stream_stream_rpc_method_handler(refuse)
