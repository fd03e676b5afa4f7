"""Errors of an engine, as a client sees them; all are an ``EngineError`` (exit code 8)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from recaster.errors import EngineError

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2

DETAILS: Final = "grpc-status-details-bin"
MAX_DETAILS_LETTERS: Final = 4000
Code = grpc.StatusCode


class CallError(EngineError):
    """A call that failed; one that is ``retryable`` may do better later.

    Attributes:
        fields: names of wrong fields of the request, each with why it is wrong.
        metadata: what else the engine said.
    """

    retryable = False

    def __init__(
        self,
        message: str,
        code: grpc.StatusCode,
        reason: str = "",
        fields: tuple[tuple[str, str], ...] = (),
        metadata: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        if reason.startswith("CONSENT_"):  # as the command's own, without an engine
            self.exit_code = 9
        self.fields = fields
        self.metadata = metadata or {}


class UnreachableError(CallError):
    """Nobody answers there, or not in time."""

    retryable = True

    @property
    def is_late(self) -> bool:
        """Tells if somebody is there, but didn't answer in time."""
        return self.code is Code.DEADLINE_EXCEEDED


class TokenError(CallError):
    """The token is missing or wrong."""


class RoleError(CallError):
    """The client's role isn't enough for that."""


class MissingError(CallError):
    """There is no such thing."""


class RefusedError(CallError):
    """The request is wrong."""


class BusyError(CallError):
    """Not now: there is no room, or something is in use."""

    retryable = True


class AnswerError(EngineError):
    """An engine answered what none of ours does."""

    reason = "ANSWER"


class StrangerError(EngineError):
    """Somebody else answers where the engine should, or could; nothing was said to them."""


class JobFailedError(EngineError):
    """A job ended without its result; ``reason`` is "CANCELLED" where somebody ended it."""

    def __init__(self, job: job_pb2.Job) -> None:
        cancelled = not job.HasField("error")
        super().__init__("the job was cancelled" if cancelled else job.error.message)
        self.job = job
        self.reason = "CANCELLED" if cancelled else job.error.reason
        # One that the shell takes for a failure, whatever an engine names.
        self.exit_code = 130 if cancelled else job.error.exit_code if 0 < job.error.exit_code < 126 else 1


_CLASSES: Final[dict[grpc.StatusCode, type[CallError]]] = {
    Code.UNAVAILABLE: UnreachableError,
    Code.DEADLINE_EXCEEDED: UnreachableError,
    Code.UNAUTHENTICATED: TokenError,
    Code.PERMISSION_DENIED: RoleError,
    Code.NOT_FOUND: MissingError,
    Code.RESOURCE_EXHAUSTED: BusyError,
    Code.ABORTED: BusyError,
}


def error_of(error: grpc.RpcError, address: str) -> CallError:
    """A failed call as one of ours."""
    code: grpc.StatusCode = error.code()
    reason = ""
    fields = list[tuple[str, str]]()
    metadata = dict[str, str]()
    for detail in _status_details(error):
        info = error_details_pb2.ErrorInfo()
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason = info.reason
            metadata = dict(info.metadata)
        elif detail.Unpack(bad):
            fields += [(violation.field, violation.description) for violation in bad.field_violations]
    message = (error.details() or code.name)[:MAX_DETAILS_LETTERS]
    if code is Code.UNAVAILABLE and not reason:
        message = f"no engine answers at {address} ({message}); is it running? Start one with: recaster serve"
    elif code is Code.DEADLINE_EXCEEDED:
        message = f"the engine at {address} didn't answer in time"
    return _CLASSES.get(code, RefusedError)(message, code, reason or code.name, tuple(fields), metadata)


def _status_details(error: grpc.RpcError) -> list[Any]:
    for name, value in error.trailing_metadata() or ():
        if name == DETAILS:
            with contextlib.suppress(DecodeError):  # whatever that is, it tells nothing
                return list(status_pb2.Status.FromString(value).details)
    return []
