"""Files to an engine and back: nothing is sent twice, and a break costs no more than what was on its way."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grpc

from recaster.api.v1 import blob_pb2, blob_pb2_grpc
from recaster.client.connection import RetryTimer
from recaster.client.errors import AnswerError, BusyError, CallError, UnreachableError
from recaster.errors import InputError
from recaster.files import HANDOFF_NAME, atomic_file
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recaster.client.connection import Connection

MAX_READ_BYTES: Final = 64 << 20
"""Of a blob that is read into memory."""
PIECE_BYTES: Final = 1 << 18
"""Bytes sent at a time: the 1 MiB that is allowed costs the engine 1.7 times the CPU."""
REPORT_INTERVAL_BYTES: Final = 64 << 20
STREAM_TIMEOUT_S: Final = 24 * 3600.0
_AGAIN: Final = frozenset({"WRONG_OFFSET", "DIGEST_MISMATCH", "UPLOAD_BUSY"})


class Transfer:
    """Uploads and downloads over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stub = blob_pb2_grpc.BlobServiceStub(connection.channel)

    def upload(self, path: Path, report: Report = silent, *, local: bool = True) -> str:
        """Bring a file to the engine, unless it is there; returns its digest.

        Where engine and client share a machine, it isn't sent but handed over, if that is ``local``.

        Raises:
            InputError: the file can't be read, or changes meanwhile.
            EngineError: the engine can't be reached, or has no room.
        """
        digest, size = _hash_file(path, report)
        if not self.missing([digest]):
            return digest
        if local and self._hand_over(path, digest, size):
            return digest
        self._send(path, digest, size, report)
        return digest

    def missing(self, digests: list[str]) -> list[str]:
        """Digests among these of blobs that the engine doesn't have."""
        request = blob_pb2.FindMissingBlobsRequest(digests=digests)
        return list(self._connection.call(self._stub.FindMissingBlobs, request).missing)

    def download(self, digest: str, out: Path, report: Report = silent, size: int | None = None) -> None:
        """Fetch a blob to a file, which is whole or absent; goes on after a break.

        Args:
            size: bytes that it has, where that is known: more aren't taken.

        Raises:
            EngineError: it isn't there, the engine can't be reached, or what came is damaged.
            OutputError: the file can't be written.
        """
        with atomic_file(out) as temporary:
            sha256 = hashlib.sha256()
            with temporary.open("wb") as file:
                for data in self._read_pieces(digest, size):
                    sha256.update(data)
                    file.write(data)
                    report(Update("downloading", file.tell() / 1e6, None, "MB"))
            if sha256.hexdigest() != digest:
                raise AnswerError(f"{out}: what came is damaged; try again")

    def read(self, digest: str) -> bytes:
        """A small blob (EngineError: as ``download``)."""
        data = b"".join(self._read_pieces(digest, MAX_READ_BYTES))
        if hashlib.sha256(data).hexdigest() != digest:
            raise AnswerError("what came from the engine is damaged; try again")
        return data

    def _read_pieces(self, digest: str, max_bytes: int | None) -> Iterator[bytes]:
        """A blob's bytes (AnswerError where there are more than ``max_bytes``)."""
        offset = 0

        def read() -> Any:
            request = blob_pb2.ReadBlobRequest(digest=digest, offset=offset)
            return self._stub.ReadBlob(request, metadata=self._connection.metadata, timeout=STREAM_TIMEOUT_S)

        for piece in self._connection.reconnecting(read):
            offset += len(piece.data)
            if max_bytes is not None and offset > max_bytes:
                raise AnswerError("the engine sends more than it said that there is; nothing was kept")
            yield piece.data

    def _hand_over(self, path: Path, digest: str, size: int) -> bool:
        """Let an engine on this machine copy the file from disk; False where it didn't.

        No path that an engine names is used: it is shown a folder made here, and may only read.
        """
        if self._connection.clear_target is None:
            return False
        try:
            with _handoff_folder(path, digest) as folder:
                request = blob_pb2.TakeFileRequest(digest=digest, size=size, folder=str(folder))
                self._connection.call(self._stub.TakeFile, request, timeout_s=STREAM_TIMEOUT_S)
        except BusyError as error:
            if error.reason in ("QUOTA_EXCEEDED", "DISK_FULL"):
                raise
            return False
        except (OSError, CallError):
            return False
        return not self.missing([digest])

    def _send(self, path: Path, digest: str, size: int, report: Report) -> None:
        start = blob_pb2.StartUploadRequest(digest=digest, size=size)
        upload = self._connection.call(self._stub.StartUpload, start)
        timer = RetryTimer(self._connection)
        while not upload.complete:
            before = upload.committed
            if not 0 <= before <= size:
                raise AnswerError(f"{path}: the engine says that it has {before} bytes of {size}")
            try:
                upload = self._stub.WriteUpload(
                    _upload_requests(path, digest, before, size, report),
                    metadata=self._connection.metadata,
                    timeout=STREAM_TIMEOUT_S,
                )
                if not upload.complete and upload.committed <= before:
                    raise AnswerError(f"{path}: the engine takes it, but keeps nothing of it")
            except (grpc.RpcError, UnreachableError) as error:
                failure = timer.retryable(error, _AGAIN)
                time.sleep(timer.next_pause())
                upload = self._connection.call(self._stub.StartUpload, start)
                if upload.committed > before:
                    timer.restart()
                else:
                    timer.check(failure)


@contextlib.contextmanager
def _handoff_folder(path: Path, digest: str) -> Iterator[Path]:
    """A folder for this user alone that holds a link to a file, as long as the block lasts.

    It lies beside the file, so that nothing is copied; OSError where that can't be.
    """
    folder = Path(tempfile.mkdtemp(prefix=".recaster-", dir=path.resolve().parent))
    link = folder / HANDOFF_NAME.format(digest=digest)
    try:
        os.link(path.resolve(), link)
        yield folder
    finally:
        link.unlink(missing_ok=True)
        folder.rmdir()


def _hash_file(path: Path, report: Report) -> tuple[str, int]:
    digest = hashlib.sha256()
    done = 0
    try:
        total = path.stat().st_size
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
                done += len(piece)
                if done % REPORT_INTERVAL_BYTES == 0:
                    report(Update("reading", done / 1e6, total / 1e6, "MB"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    return digest.hexdigest(), done


def _upload_requests(
    path: Path, digest: str, offset: int, size: int, report: Report
) -> Iterator[blob_pb2.WriteUploadRequest]:
    with path.open("rb") as file:
        file.seek(offset)
        while True:
            data = file.read(PIECE_BYTES)
            if not data and offset < size:
                return  # it has become shorter: the engine will miss the rest
            yield blob_pb2.WriteUploadRequest(digest=digest, offset=offset, data=data)
            offset += len(data)
            report(Update("uploading", offset / 1e6, size / 1e6, "MB"))
            if offset >= size:
                return
