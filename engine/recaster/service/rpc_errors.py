"""Errors as gRPC status: a standard code, one ErrorInfo, and the fields that are wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import inspect
import logging
import sqlite3
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from recaster.errors import (
    CertificateError,
    ConsentError,
    DigestError,
    DiskFullError,
    FaceNotFoundError,
    InputError,
    LockedError,
    NotFoundError,
    NotOfferedError,
    OutputError,
    QuotaError,
    RecasterError,
    ReusedError,
    UsageError,
)
from recaster.service.threads import run_read, run_write
from recaster.texts import has_control_characters, without_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

log = logging.getLogger("recaster.service")

DOMAIN: Final = "recaster"
_OF_LINES: Final = frozenset({"note", "scope", "reason"})
"""Fields whose text may have several lines."""
DETAILS: Final = "grpc-status-details-bin"
Code = grpc.StatusCode
Context: TypeAlias = grpc.aio.ServicerContext
BUSY: Final = "the engine is busy: another process keeps its store or its audit log locked; try again"
_hidden: Final[list[Path]] = []
TOO_MANY_FILES: Final = "the engine has too many files open; try again"

_CODES: Final[dict[type[RecasterError], grpc.StatusCode]] = {
    NotFoundError: Code.NOT_FOUND,
    ReusedError: Code.ALREADY_EXISTS,
    QuotaError: Code.RESOURCE_EXHAUSTED,
    DiskFullError: Code.RESOURCE_EXHAUSTED,
    DigestError: Code.DATA_LOSS,
    NotOfferedError: Code.FAILED_PRECONDITION,
    CertificateError: Code.FAILED_PRECONDITION,
    UsageError: Code.INVALID_ARGUMENT,
    InputError: Code.INVALID_ARGUMENT,
    FaceNotFoundError: Code.NOT_FOUND,
    OutputError: Code.INTERNAL,
    RecasterError: Code.INTERNAL,
}
"""Status codes; an error of another class is told as the nearest class above it, with that one's reason."""


@dataclass(eq=False)
class RpcError(Exception):
    """A request that is refused.

    Attributes:
        code: the status.
        reason: for programs, in capitals.
        message: for people: what is wrong and what to do.
        fields: which fields of the request are wrong, and why.
        metadata: what else programs may want.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    fields: tuple[tuple[str, str], ...] = ()
    metadata: Mapping[str, str] | None = None


CALL_ERRORS: Final = (
    RpcError,
    RecasterError,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
    sqlite3.Error,
)
"""What may go wrong in a call."""


def invalid_field(field: str, why: str) -> RpcError:
    """One field of the request is wrong."""
    return RpcError(Code.INVALID_ARGUMENT, "INVALID_FIELD", f"{field}: {why}", ((field, why),))


def missing_blob(digest: str) -> RpcError:
    """The request names a blob that was not uploaded."""
    return RpcError(
        Code.FAILED_PRECONDITION,
        "BLOB_MISSING",
        f"there is no blob {digest[:12]} yet; upload it first",
        metadata={"digest": digest},
    )


def to_rpc_error(error: BaseException) -> RpcError:
    """Status, reason and message of an error."""
    if isinstance(error, RpcError):
        return error
    if isinstance(error, ConsentError):
        return RpcError(Code.FAILED_PRECONDITION, error.reason, str(error))
    if isinstance(error, LockedError):
        return RpcError(Code.UNAVAILABLE, "BUSY", BUSY)
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return RpcError(Code.UNAVAILABLE, "BUSY", TOO_MANY_FILES)
    for kind in type(error).__mro__:
        if kind in _CODES:
            return RpcError(_CODES[kind], kind.reason, str(error))
    log.exception("a request failed", exc_info=error)
    return RpcError(Code.INTERNAL, "INTERNAL", "an error in Recaster itself; the engine's log has more")


def status_bytes(refusal: RpcError) -> bytes:
    """A refusal as a serialised google.rpc.Status."""
    status = status_pb2.Status(code=refusal.code.value[0], message=refusal.message)
    info = error_details_pb2.ErrorInfo(
        reason=refusal.reason, domain=DOMAIN, metadata=dict(refusal.metadata or {})
    )
    status.details.add().Pack(info)
    if refusal.fields:
        bad = error_details_pb2.BadRequest()
        for field, why in refusal.fields:
            bad.field_violations.add(field=field, description=why)
        status.details.add().Pack(bad)
    return status.SerializeToString()


_TOLD: Final[ContextVar[Callable[[RpcError], None] | None]] = ContextVar("told", default=None)


@contextlib.contextmanager
def observing_errors(hear: Callable[[RpcError], None]) -> Iterator[None]:
    """Tells somebody of the refusals that the call ends with that is answered in the block."""
    token = _TOLD.set(hear)
    try:
        yield
    finally:
        _TOLD.reset(token)


def hide_folder(folder: Path) -> None:
    """Never say where a folder lies, whatever an error's message holds."""
    _hidden.append(folder)


def _without_paths(refusal: RpcError) -> RpcError:
    message = refusal.message
    for folder in _hidden:
        message = without_folder(message, folder)
    return dataclasses.replace(refusal, message=message)


async def abort(context: Context, error: BaseException) -> NoReturn:
    """End a call with an error."""
    refusal = _without_paths(to_rpc_error(error))
    hear = _TOLD.get()
    if hear is not None:
        hear(refusal)
    context.set_trailing_metadata(((DETAILS, status_bytes(refusal)),))
    await context.abort(refusal.code, refusal.message)
    raise AssertionError  # abort always raises


def refuse_controls(message: Message, above: str = "") -> None:
    """Refuses characters that aren't for reading in any text of a request: others will see them.

    Raises:
        RpcError: INVALID_ARGUMENT, with the field that is wrong.
    """
    for field, value in message.ListFields():
        name = f"{above}{field.name}"
        items = [value] if isinstance(value, str | Message) else value
        if isinstance(value, Mapping):
            items = [*value.keys(), *value.values()]
        for item in items if isinstance(items, Iterable) and not isinstance(items, bytes) else ():
            if isinstance(item, Message):
                refuse_controls(item, f"{name}.")
            elif isinstance(item, str) and has_control_characters(
                item, "\n\t" if field.name in _OF_LINES else ""
            ):
                raise invalid_field(name, "must hold printable characters only")


def unary_read(method: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """A unary method whose errors are told as gRPC tells them; one that isn't async reads in a thread."""
    return _unary(method, run_read)


def unary_write(method: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """The same for a method that writes, in a thread that may wait for a lock."""
    return _unary(method, run_write)


def _unary(
    method: Callable[..., Any], in_thread: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Any]]:
    is_async = inspect.iscoroutinefunction(method)

    @functools.wraps(method)
    async def answered(self: Any, request: Any, context: Context) -> Any:
        try:
            if isinstance(request, Message):
                request.DiscardUnknownFields()  # what this engine can't check, it doesn't keep
                refuse_controls(request)
            if is_async:
                return await method(self, request, context)
            return await in_thread(method, self, request, context)
        except CALL_ERRORS as error:
            await abort(context, error)

    return answered


def server_stream(method: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    """The same for a method that answers with a stream."""

    @functools.wraps(method)
    async def answered(self: Any, request: Any, context: Context) -> AsyncIterator[Any]:
        try:
            async for message in method(self, request, context):
                yield message
        except CALL_ERRORS as error:
            await abort(context, error)

    return answered
