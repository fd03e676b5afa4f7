"""Validation of an engine's answers, before anybody uses them.

An engine may be anybody's. What it calls things becomes files, commands that are shown, names in a .blend: so
ids, digests and suffixes must look like ids, digests and suffixes, numbers and times must be some, and
pictures must be pictures. Texts stay as they are, but of bounded length: whoever shows one escapes it.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from recaster.client.errors import AnswerError
from recaster.client.portrait_size import MAX_PICTURE_PIXELS, picture_size
from recaster.errors import InputError
from recaster.settings.corrections import parse_corrections
from recaster.texts import escape

M = TypeVar("M", bound=Message)

MAX_TEXT_LETTERS: Final = 4000
MAX_LINES: Final = 1000
"""Texts in one list: what a job sums up, say."""
_WORD: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_DIGEST: Final = re.compile(r"[0-9a-f]{1,128}")
_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,8}")
_SHAPES: Final = (
    (re.compile(r"(?:.*_)?ids?"), _WORD),
    (re.compile(r"(?:.*_)?digests?|missing|swaps"), _DIGEST),
    (re.compile(r"suffix"), _SUFFIX),
    (re.compile(r"role"), _WORD),
)
"""By a field's name, what its texts must look like."""
_SHAPED: Final = {"recaster.v1.PresetInfo.name": _WORD, "recaster.v1.JobError.reason": _WORD}
"""The same of fields that share their name with texts for people."""
_PIECES: Final = "recaster.v1.ReadBlobResponse.data"
"""Bytes that may be any."""
_CORRECTIONS: Final = "recaster.v1.CorrectTracksResponse.document"
"""Bytes that are no picture, but a file of corrections."""
_REALS: Final = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)


def validate(answer: M) -> M:
    """An answer that can be used, whose longer texts are cut (AnswerError for what no engine answers)."""
    if isinstance(answer, Timestamp):
        try:
            answer.ToDatetime()
        except (ValueError, OverflowError):
            raise _unexpected_answer("a time", answer.seconds) from None
        return answer
    for field, value in answer.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            _check_messages(field, value)
        elif field.type == FieldDescriptor.TYPE_STRING:
            _check_texts(answer, field, value)
        elif field.type == FieldDescriptor.TYPE_BYTES:
            _check_bytes(field.full_name, value)
        elif field.type in _REALS and not all(map(math.isfinite, value if field.is_repeated else [value])):
            raise _unexpected_answer(field.full_name, value)
    return answer


def text_pattern(field: Any) -> re.Pattern[str] | None:
    """Pattern of the texts of a field; None for texts that people read."""
    return _SHAPED.get(field.full_name) or next(
        (shape for name, shape in _SHAPES if name.fullmatch(field.name)), None
    )


def _check_messages(field: Any, value: Any) -> None:
    if field.message_type.GetOptions().map_entry:
        for name, text in list(value.items()):
            if isinstance(text, str) and len(name) + len(text) > MAX_TEXT_LETTERS:
                del value[name]
    else:
        for message in [value] if isinstance(value, Message) else value:
            validate(message)


def _check_texts(answer: Message, field: Any, value: Any) -> None:
    texts = [value] if isinstance(value, str) else value
    shape = text_pattern(field)
    if shape is not None:
        for text in texts:
            if text and not shape.fullmatch(text):
                raise _unexpected_answer(field.full_name, text)
    elif isinstance(value, str):
        if len(value) > MAX_TEXT_LETTERS:
            setattr(answer, field.name, _truncate(value))
    elif len(value) > MAX_LINES or any(len(text) > MAX_TEXT_LETTERS for text in value):
        value[:] = [_truncate(text) for text in value[:MAX_LINES]]


def _truncate(text: str) -> str:
    return text if len(text) <= MAX_TEXT_LETTERS else text[: MAX_TEXT_LETTERS - 3] + "..."


def _check_bytes(where: str, data: bytes) -> None:
    if where == _CORRECTIONS:
        try:
            parse_corrections(data)
        except InputError:
            raise _unexpected_answer(where, f"{len(data)} bytes") from None
    elif where != _PIECES:
        _require_picture(where, data)


def _require_picture(where: str, data: bytes) -> None:
    width, height = picture_size(data)
    if not 0 < width * height <= MAX_PICTURE_PIXELS:
        raise _unexpected_answer(where, f"{width} x {height} pixels")


def _unexpected_answer(where: str, value: object) -> AnswerError:
    return AnswerError(
        f"the engine answered what no Recaster answers ({where.removeprefix('recaster.v1.')}: "
        f"{escape(value)[:40]}); is that address an engine's, and of a version that this one knows?"
    )
