"""Checks of the fields of requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import Message

from recaster.service.rpc_errors import invalid_field, missing_blob, precondition_error
from recaster.store.blobs import is_digest
from recaster.texts import has_control_characters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from google.protobuf.descriptor import FieldDescriptor

    from recaster.store.blobs import Blobs

MAX_NAME_LETTERS: Final = 200
MAX_NOTE_LETTERS: Final = 2000
MAX_REQUEST_ID_LETTERS: Final = 100
MAX_LABEL_LETTERS: Final = 100
MAX_LABELS: Final = 16
MULTILINE_FIELDS: Final = frozenset({"note", "scope", "reason"})
_ID: Final = re.compile(r"[0-9a-f]{12}")


def fields_in(message: Message, above: str = "") -> Iterator[tuple[str, FieldDescriptor, Any]]:
    """Paths ("swap.clip_id"), fields and values that are set in a message and in all messages inside."""
    for field, value in message.ListFields():
        path = f"{above}{field.name}"
        yield path, field, value
        if field.message_type and not isinstance(value, Mapping):
            for inner in [value] if isinstance(value, Message) else value:
                yield from fields_in(inner, f"{path}.")


def texts_in(message: Message) -> Iterator[tuple[str, str]]:
    """Paths and texts of a message and of all messages inside, also of its lists, and of its maps' keys."""
    for path, field, value in fields_in(message):
        if isinstance(value, Mapping):
            texts = [*value.keys(), *value.values()]
        elif field.type == field.TYPE_STRING:
            texts = [value] if isinstance(value, str) else value
        else:
            continue
        yield from ((path, text) for text in texts)


def refuse_controls(message: Message) -> None:
    """Refuses characters that aren't for reading in any text of a request: others will see them.

    Raises:
        RpcError: INVALID_ARGUMENT, with the field that is wrong.
    """
    for path, text in texts_in(message):
        if has_control_characters(text, "\n\t" if path.split(".")[-1] in MULTILINE_FIELDS else ""):
            raise invalid_field(path, "must hold printable characters only")


def refuse_outdated(record: Any) -> None:
    """Refuse to work with a model that another Recaster trained (RpcError, FAILED_PRECONDITION)."""
    why = getattr(record, "unusable_reason", "")
    if why:
        raise precondition_error("OUTDATED", f"this model was {why}")


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
