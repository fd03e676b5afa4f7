"""Errors as gRPC tells them: a standard status code, one ErrorInfo, and the fields that are wrong."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

import grpc
from google.rpc import error_details_pb2, status_pb2

from recaster.errors import (
    ConsentError,
    DiskFullError,
    FaceNotFoundError,
    InputError,
    OutputError,
    RecasterError,
    UsageError,
)
from recaster.store.blobs import QuotaError
from recaster.store.jobs import ReusedError, UnknownError
from recaster.store.uploads import DigestError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

log = logging.getLogger("recaster.service")

DOMAIN: Final = "recaster"
DETAILS: Final = "grpc-status-details-bin"
Code = grpc.StatusCode
Context: TypeAlias = grpc.aio.ServicerContext

_CODES: Final[tuple[tuple[type[RecasterError], grpc.StatusCode, str], ...]] = (
    (UnknownError, Code.NOT_FOUND, "NOT_FOUND"),
    (ReusedError, Code.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
    (QuotaError, Code.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED"),
    (DiskFullError, Code.RESOURCE_EXHAUSTED, "DISK_FULL"),
    (DigestError, Code.DATA_LOSS, "DIGEST_MISMATCH"),
    (UsageError, Code.INVALID_ARGUMENT, "USAGE"),
    (InputError, Code.INVALID_ARGUMENT, "INPUT"),
    (FaceNotFoundError, Code.NOT_FOUND, "FACE_NOT_FOUND"),
    (OutputError, Code.INTERNAL, "OUTPUT"),
    (RecasterError, Code.INTERNAL, "INTERNAL"),
)
"""Status code and reason of an error; the first that fits."""


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - a refusal is no fault of ours
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


def invalid(field: str, why: str) -> Refusal:
    """One field of the request is wrong."""
    return Refusal(Code.INVALID_ARGUMENT, "INVALID_FIELD", f"{field}: {why}", ((field, why),))


def blob_missing(digest: str) -> Refusal:
    """The request names a blob that was not uploaded."""
    return Refusal(
        Code.FAILED_PRECONDITION,
        "BLOB_MISSING",
        f"there is no blob {digest[:12]} yet; upload it first",
        metadata={"digest": digest},
    )


def refusal_of(error: BaseException) -> Refusal:
    """How an error is told."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, ConsentError):
        return Refusal(Code.FAILED_PRECONDITION, error.reason, str(error))
    for kind, code, reason in _CODES:
        if isinstance(error, kind):
            return Refusal(code, reason, str(error))
    log.exception("a request failed", exc_info=error)
    return Refusal(Code.INTERNAL, "INTERNAL", "an error in Recaster itself; the engine's log has more")


def details(refusal: Refusal) -> bytes:
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


async def abort(context: Context, error: BaseException) -> NoReturn:
    """End a call with an error."""
    refusal = refusal_of(error)
    context.set_trailing_metadata(((DETAILS, details(refusal)),))
    await context.abort(refusal.code, refusal.message)
    raise AssertionError  # abort always raises


def answering(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """A unary method whose errors are told as gRPC tells them."""

    @functools.wraps(method)
    async def answered(self: Any, request: Any, context: Context) -> Any:
        try:
            return await method(self, request, context)
        except (Refusal, RecasterError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            await abort(context, error)

    return answered


def streaming(method: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    """The same for a method that answers with a stream."""

    @functools.wraps(method)
    async def answered(self: Any, request: Any, context: Context) -> AsyncIterator[Any]:
        try:
            async for one in method(self, request, context):
                yield one
        except (Refusal, RecasterError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            await abort(context, error)

    return answered
