"""Checks of the fields of requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from recaster.service.rpc_errors import Code, RpcError, invalid_field, missing_blob
from recaster.store.blobs import is_digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recaster.store.blobs import Blobs

MAX_NAME_LETTERS: Final = 200
MAX_NOTE_LETTERS: Final = 2000
MAX_REQUEST_ID_LETTERS: Final = 100
MAX_LABEL_LETTERS: Final = 100
MAX_LABELS: Final = 16
_ID: Final = re.compile(r"[0-9a-f]{12}")


def refuse_outdated(record: Any) -> None:
    """Refuse to work with a model that another Recaster trained (RpcError, FAILED_PRECONDITION)."""
    why = getattr(record, "unusable_reason", "")
    if why:
        raise RpcError(Code.FAILED_PRECONDITION, "OUTDATED", f"this model was {why}")


def check_id(field: str, value: str) -> str:
    """An id that this engine could have given."""
    if not _ID.fullmatch(value):
        raise invalid_field(field, "must be an id that this engine gave, 12 hex digits")
    return value


def check_digest(field: str, value: str) -> str:
    """A SHA-256 digest."""
    if not is_digest(value):
        raise invalid_field(field, "must be a SHA-256 digest, 64 lower-case hex digits")
    return value


def check_name(field: str, value: str, longest: int = MAX_NAME_LETTERS) -> str:
    """A name for people: printable, one line, no path."""
    if len(value) > longest:
        raise invalid_field(field, f"must be at most {longest} characters long")
    if not all(letter.isprintable() for letter in value):
        raise invalid_field(field, "must hold printable characters only")
    if "/" in value or "\\" in value or value in (".", ".."):
        raise invalid_field(field, "must be a name, not a path")
    return value


def check_text(field: str, value: str, longest: int = MAX_NOTE_LETTERS) -> str:
    """A text of a few lines."""
    if len(value) > longest or "\0" in value:
        raise invalid_field(field, f"must be text of at most {longest} characters")
    return value


def check_labels(labels: Mapping[str, str]) -> Mapping[str, str]:
    """A client's own marks."""
    if len(labels) > MAX_LABELS:
        raise invalid_field("labels", f"must be at most {MAX_LABELS}")
    for name, value in labels.items():
        check_text(f"labels[{name[:MAX_LABEL_LETTERS]}]", name + value, MAX_LABEL_LETTERS)
    return labels


def check_offset(field: str, value: int, highest: int) -> int:
    """A place in a file, in bytes."""
    if not 0 <= value <= highest:
        raise invalid_field(field, f"must be 0 to {highest}")
    return value


def kept_blob(blobs: Blobs, digest: str) -> Path:
    """Path of a blob that is here (RpcError: FAILED_PRECONDITION, BLOB_MISSING)."""
    if not blobs.has(digest):
        raise missing_blob(digest)
    return blobs.path(digest)
