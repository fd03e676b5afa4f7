"""Errors of storages' libraries, in this program's words: which ones pass by themselves, and what to do."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_PASSING: Final = frozenset(
    getattr(errno, name)
    for name in (
        "EAGAIN", "EBUSY", "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EHOSTDOWN", "EHOSTUNREACH", "EINTR",
        "EIO", "ENETDOWN", "ENETRESET", "ENETUNREACH", "ENOTCONN", "EPIPE", "EREMOTEIO", "ESTALE",
        "ETIMEDOUT",
    )
    if hasattr(errno, name)
)  # fmt: skip
"""Numbers of errors of networks, network disks and busy servers."""
_PASSING_KINDS: Final = frozenset(
    {
        "aiohttp.ClientError",
        "botocore.ConnectionError",
        "botocore.FlexibleChecksumError",
        "botocore.HTTPClientError",
        "botocore.ResponseParserError",
        "http.HTTPException",
        "httpx.TransportError",
        "paramiko.SSHException",
        "requests.ConnectionError",
        "requests.Timeout",
        "urllib3.HTTPError",
    }
)
"""Errors of connections by their library and name: the libraries needn't be there."""
_CREDENTIAL_KINDS: Final = frozenset(
    {
        "botocore.NoCredentialsError",
        "botocore.PartialCredentialsError",
        "botocore.CredentialRetrievalError",
        "botocore.ProfileNotFound",
        "botocore.TokenRetrievalError",
        "google.DefaultCredentialsError",
        "paramiko.AuthenticationException",
    }
)
MAX_QUOTED_LETTERS: Final = 200
_SERVER_FAULT: Final = 500
_TOO_MANY: Final = 429
_PASSING_CODES: Final = frozenset(
    {
        "BadDigest",
        "IncompleteBody",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
    }
)
"""Codes of servers that have too much to do, or to which a request came broken."""


class Trouble(NamedTuple):
    """An error in words: what happened, and what to do about it.

    Attributes:
        is_passing: it may pass by itself.
        is_missing: the object isn't there, and no more is wrong than that.
    """

    what: str
    advice: str
    is_passing: bool = False
    is_missing: bool = False


def describe_error(error: BaseException) -> Trouble:
    """Describes the error of a request that didn't go well."""
    chain = list(_list_causes(error))
    kinds = {kind for each in chain for kind in _list_kinds(each)}
    answer = next((found for each in chain if (found := _read_answer(each))), None)
    if answer is not None and answer.code == "NoSuchBucket":
        return Trouble("there is no such bucket", "make it, or correct the URL")
    if isinstance(error, FileNotFoundError):
        return Trouble("it isn't there", "store it again", is_missing=True)
    if kinds & _CREDENTIAL_KINDS:
        return Trouble(
            f"no credentials that can be used were found here ({_shorten(error)})",
            "set them on this machine as the storage's library reads them (docs/scale.md)",
        )
    if isinstance(error, PermissionError):
        return Trouble(
            f"these credentials give no right to that ({_shorten(error)})",
            "correct the credentials of this machine, or their rights: reading, writing, listing, deleting",
        )
    if _may_pass(error, kinds, answer):
        return Trouble(
            f"the storage doesn't answer as it should ({_shorten(error)})",
            "see whether it and the network work, then try again",
            is_passing=True,
        )
    return Trouble(
        f"the storage refuses that ({_shorten(error)})", "look at the URL and the storage's settings"
    )


class _Answer(NamedTuple):
    """Answer of a server that speaks S3: the status of HTTP and its own code."""

    status: int
    code: str


def _may_pass(error: BaseException, kinds: set[str], answer: _Answer | None) -> bool:
    if answer is not None:
        return answer.status >= _SERVER_FAULT or answer.status == _TOO_MANY or answer.code in _PASSING_CODES
    if isinstance(error, TimeoutError | ConnectionError) or kinds & _PASSING_KINDS:
        return True
    return isinstance(error, OSError) and error.errno in _PASSING


def _read_answer(error: BaseException) -> _Answer | None:
    response: Any = getattr(error, "response", None)
    if not isinstance(response, dict):
        return None
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return _Answer(int(status), str(response.get("Error", {}).get("Code", "")))


def _list_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _list_kinds(error: BaseException) -> Iterator[str]:
    for kind in type(error).__mro__:
        yield f"{kind.__module__.partition('.')[0]}.{kind.__name__}"


def _shorten(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MAX_QUOTED_LETTERS else f"{text[:MAX_QUOTED_LETTERS]}..."
