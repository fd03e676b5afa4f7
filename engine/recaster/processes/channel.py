"""Messages between this program's processes: those of ``proto/recaster/internal``, each after its length.

Whatever comes from a process that reads strangers' files may be hostile: a length is checked before any of
a message is read, nothing is unpickled, and what doesn't parse is an error.
"""

from __future__ import annotations

import asyncio
import os
import struct
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, TypeVar

from google.protobuf.message import DecodeError, Message

from recaster.api.v1 import job_pb2
from recaster.progress import Update

if TYPE_CHECKING:
    from collections.abc import Iterator

M = TypeVar("M", bound=Message)

MAX_MESSAGE_BYTES: Final = 16 << 20
MAX_TEXT_LENGTH: Final = 4000
"""Characters of a text that are passed on."""
_LENGTH: Final = struct.Struct(">I")


class ChannelError(ValueError):
    """Something came that is no message, or too long."""


def pack(message: Message) -> bytes:
    """Encodes a message after its length."""
    data: bytes = message.SerializeToString()
    return _LENGTH.pack(len(data)) + data


def receive(stream: IO[bytes], kind: type[M], max_bytes: int = MAX_MESSAGE_BYTES) -> M | None:
    """Reads one message (ChannelError); None at the stream's end, also where that cuts a message off."""
    prefix = stream.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return None
    length = _checked_length(prefix, max_bytes)
    data = stream.read(length)
    return _parse(data, kind) if len(data) == length else None


async def receive_async(
    reader: asyncio.StreamReader, kind: type[M], max_bytes: int = MAX_MESSAGE_BYTES
) -> M | None:
    """Does the same in an event loop."""
    try:
        length = _checked_length(await reader.readexactly(_LENGTH.size), max_bytes)
        return _parse(await reader.readexactly(length), kind)
    except asyncio.IncompleteReadError:
        return None


def messages(stream: IO[bytes], kind: type[M]) -> Iterator[M]:
    """Yields messages until the stream's end (ChannelError)."""
    while (message := receive(stream, kind)) is not None:
        yield message


class Sender:
    """Sends messages to a stream, from any thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Writes a message, at once."""
        with self._lock:
            self._stream.write(pack(message))
            self._stream.flush()


def plain_text(text: str) -> str:
    """Text that any message may hold, whatever a hostile file has put into it."""
    return text[:MAX_TEXT_LENGTH].encode("utf-8", "replace").decode()


def path_to_bytes(path: Path | None) -> bytes:
    """A path as a message holds it, which may be no text; empty for None."""
    return b"" if path is None else os.fsencode(path)


def path_of(data: bytes) -> Path:
    """The path that a message holds."""
    return Path(os.fsdecode(data))


def optional_path(data: bytes) -> Path | None:
    """The path that a message holds; None where it is empty."""
    return path_of(data) if data else None


def progress_to_proto(update: Update) -> job_pb2.Progress:
    """A report of progress as a message; an unknown total is 0."""
    return job_pb2.Progress(
        stage=update.stage,
        done=update.done,
        total=update.total or 0,
        unit=update.unit,
        detail=plain_text(update.detail),
    )


def progress_from_proto(progress: job_pb2.Progress) -> Update:
    """The report of progress that a message holds."""
    return Update(progress.stage, progress.done, progress.total or None, progress.unit, progress.detail)


def _checked_length(prefix: bytes, max_bytes: int) -> int:
    length: int = _LENGTH.unpack(prefix)[0]
    if length > max_bytes:
        raise ChannelError(f"a message of {length} bytes is longer than the {max_bytes} that one may have")
    return length


def _parse(data: bytes, kind: type[M]) -> M:
    try:
        message: M = kind.FromString(data)
    except DecodeError as error:
        raise ChannelError(f"no {kind.__name__} ({error})") from None
    return message
