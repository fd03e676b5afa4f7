"""Errors as gRPC status: a standard code, one ErrorInfo, and the fields that are wrong."""

from __future__ import annotations

import dataclasses
import errno
import logging
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

import grpc
from google.rpc import error_details_pb2, status_pb2

from recaster import errors
from recaster.texts import without_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger("recaster.service")

DOMAIN: Final = "recaster"
DETAILS: Final = "grpc-status-details-bin"
Code = grpc.StatusCode
Context: TypeAlias = grpc.aio.ServicerContext
BUSY: Final = "the engine is busy: another process keeps its store or its audit log locked; try again"
TOO_MANY_FILES: Final = "the engine has too many files open; try again"
_hidden: Final[list[Path]] = []

_CODES: Final[dict[type[errors.RecasterError], grpc.StatusCode]] = {
    errors.NotFoundError: Code.NOT_FOUND,
    errors.ReusedError: Code.ALREADY_EXISTS,
    errors.QuotaError: Code.RESOURCE_EXHAUSTED,
    errors.DiskFullError: Code.RESOURCE_EXHAUSTED,
    errors.DigestError: Code.DATA_LOSS,
    errors.NotOfferedError: Code.FAILED_PRECONDITION,
    errors.CertificateError: Code.FAILED_PRECONDITION,
    errors.UsageError: Code.INVALID_ARGUMENT,
    errors.InputError: Code.INVALID_ARGUMENT,
    errors.FaceNotFoundError: Code.NOT_FOUND,
    errors.OutputError: Code.INTERNAL,
    errors.RecasterError: Code.INTERNAL,
}
"""Status codes; an error of another class is told as the nearest class above it, with that one's reason."""


@dataclass(eq=False)
class RpcError(Exception):
    """A request that is refused.

    Attributes:
        reason: for programs, in capitals.
        message: for people: what is wrong and what to do.
        fields: names of wrong fields of the request, each with why it is wrong.
        metadata: what else programs may want.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    fields: tuple[tuple[str, str], ...] = ()
    metadata: Mapping[str, str] | None = None


CALL_ERRORS: Final = (
    RpcError,
    errors.RecasterError,
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


def precondition_error(reason: str, message: str, **metadata: str) -> RpcError:
    """Something must be done or change before the request can be met."""
    return RpcError(Code.FAILED_PRECONDITION, reason, message, metadata=metadata)


def missing_blob(digest: str) -> RpcError:
    """The request names a blob that was not uploaded."""
    why = f"there is no blob {digest[:12]} yet; upload it first"
    return precondition_error("BLOB_MISSING", why, digest=digest)


def to_rpc_error(error: BaseException) -> RpcError:
    """Status, reason and message of an error."""
    if isinstance(error, RpcError):
        return error
    if isinstance(error, errors.ConsentError):
        return precondition_error(error.reason, str(error))
    if isinstance(error, errors.LockedError):
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


def hide_folder(folder: Path) -> None:
    """Never say where a folder lies, whatever an error's message holds."""
    _hidden.append(folder)


async def abort(context: Context, refusal: RpcError) -> NoReturn:
    """End a call with an error."""
    message = refusal.message
    for folder in _hidden:
        message = without_folder(message, folder)
    status = status_bytes(dataclasses.replace(refusal, message=message))
    context.set_trailing_metadata(((DETAILS, status),))
    await context.abort(refusal.code, message)
    raise AssertionError  # abort always raises
