"""Service of blobs: uploads, downloads, and files handed over on one machine."""

from __future__ import annotations

import asyncio
import functools
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster.api.v1 import blob_pb2, blob_pb2_grpc
from recaster.errors import NotFoundError
from recaster.files import remove_folder
from recaster.jobs.rights import refuse_revoked, refuse_revoked_result, register_of
from recaster.provenance.caller import caller
from recaster.service.permissions import current_client
from recaster.service.request_checks import check_digest, check_offset
from recaster.service.rpc_errors import Code, Context, RpcError, invalid_field
from recaster.service.threads import run_hash, run_read, run_transfer, unary_read, unary_write
from recaster.store.blobs import PIECE_BYTES
from recaster.store.catalog import record_id
from recaster.store.tokens import Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from recaster.service.engine import Engine
    from recaster.store.uploads import Upload, UploadWriter

MAX_DIGESTS: Final = 1000
MAX_DROPS: Final = 100
DROP_LEASE_S: Final = 60.0
"""Seconds that a drop waits for its file where others want one."""
MAX_OFFSET: Final = 1 << 50


class BlobService(blob_pb2_grpc.BlobServiceServicer):
    """See proto/recaster/v1/blob.proto."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._blobs = engine.store.blobs
        self._writing: set[str] = set()
        self._drops: dict[str, tuple[str, int, Path]] = {}

    @unary_read
    def FindMissingBlobs(
        self, request: blob_pb2.FindMissingBlobsRequest
    ) -> blob_pb2.FindMissingBlobsResponse:
        """Blobs among these that aren't here."""
        if len(request.digests) > MAX_DIGESTS:
            raise invalid_field("digests", f"must be at most {MAX_DIGESTS}")
        for at, digest in enumerate(request.digests):
            check_digest(f"digests[{at}]", digest)
        missing = [digest for digest in request.digests if not self._blobs.touch(digest)]
        return blob_pb2.FindMissingBlobsResponse(missing=missing)

    @unary_write
    def StartUpload(self, request: blob_pb2.StartUploadRequest) -> blob_pb2.Upload:
        """Begin an upload, or find one."""
        check_digest("digest", request.digest)
        check_offset("size", request.size, MAX_OFFSET)
        upload = self._blobs.start(request.digest, request.size, caller())
        if upload.size == 0 and not self._blobs.has(upload.digest):  # nothing to send: it is whole already
            writer = self._blobs.writer(upload)
            writer.close()
            upload = writer.finish()
        return _upload_message(upload)

    @unary_read
    def GetUpload(self, request: blob_pb2.GetUploadRequest) -> blob_pb2.Upload:
        """State of an upload."""
        return _upload_message(self._find_upload(check_digest("digest", request.digest), "asking for"))

    async def WriteUpload(
        self, requests: AsyncIterator[blob_pb2.WriteUploadRequest], context: Context
    ) -> blob_pb2.Upload:
        """Take bytes."""
        first = await anext(aiter(requests), None)
        if first is None:
            raise invalid_field("digest", "must be in the first message")
        upload = await run_read(self._find_upload, check_digest("digest", first.digest), "writing to")
        if upload.complete:
            return _upload_message(upload)
        if upload.file in self._writing:
            raise RpcError(
                Code.ABORTED, "UPLOAD_BUSY", "another connection is sending this blob; wait, or ask GetUpload"
            )
        self._writing.add(upload.file)
        try:
            return _upload_message(await self._receive(upload, first, requests))
        finally:
            self._writing.discard(upload.file)

    async def _receive(
        self,
        upload: Upload,
        first: blob_pb2.WriteUploadRequest,
        requests: AsyncIterator[blob_pb2.WriteUploadRequest],
    ) -> Upload:
        writer = await run_transfer(self._blobs.writer, upload)
        syncing: asyncio.Task[None] | None = None
        try:
            piece: blob_pb2.WriteUploadRequest | None = first
            while piece is not None:
                await run_transfer(self._write_piece, writer, piece)
                if writer.due:  # while the disk works, more may come
                    if syncing is not None:
                        await syncing
                    syncing = asyncio.create_task(run_transfer(writer.sync))
                piece = await anext(requests, None)
        finally:
            if syncing is not None:
                await asyncio.gather(syncing, return_exceptions=True)  # close() tells of its failure again
            # The last sync must not be cut short, even where the connection is gone.
            await asyncio.shield(run_transfer(writer.close))
        return await run_hash(writer.finish)

    @staticmethod
    def _write_piece(writer: UploadWriter, piece: blob_pb2.WriteUploadRequest) -> None:
        data = piece.data  # every look at it is a copy
        if piece.offset != writer.offset:
            raise RpcError(
                Code.OUT_OF_RANGE,
                "WRONG_OFFSET",
                f"the upload goes on at byte {writer.offset}, not {piece.offset}",
                metadata={"committed": str(writer.offset)},
            )
        if len(data) > PIECE_BYTES:
            raise invalid_field("data", f"must be at most {PIECE_BYTES} bytes")
        writer.write(data)

    @unary_write
    def CancelUpload(self, request: blob_pb2.CancelUploadRequest) -> blob_pb2.CancelUploadResponse:
        """Give an upload up; of an operator, everybody's."""
        client = current_client()
        whose = None if client.role >= Role.OPERATOR else client.name
        uploads = self._blobs.uploads(check_digest("digest", request.digest), whose)
        if any(upload.file in self._writing for upload in uploads):
            raise RpcError(
                Code.ABORTED, "UPLOAD_BUSY", "another connection is sending this blob; end it first"
            )
        self._blobs.cancel(request.digest, whose)
        return blob_pb2.CancelUploadResponse()

    async def ReadBlob(
        self, request: blob_pb2.ReadBlobRequest, context: Context
    ) -> AsyncIterator[blob_pb2.ReadBlobResponse]:
        """Send bytes."""
        if not await run_read(self._blobs.has, check_digest("digest", request.digest)):
            raise NotFoundError(f"there is no blob {request.digest[:12]}")
        await run_read(self._refuse_revoked, request.digest)
        of = await run_read(self._blobs.owners_of, request.digest)
        check_offset("offset", request.offset, await run_read(self._blobs.size, request.digest))
        check_offset("limit", request.limit, MAX_OFFSET)
        await self._engine.call_audit.note_shown("blob.read", digest=request.digest, of=sorted(of))
        pieces = self._blobs.read(request.digest, request.offset, request.limit)
        while data := await run_transfer(next, pieces, b""):
            yield blob_pb2.ReadBlobResponse(data=data)

    async def OpenDrop(self, request: blob_pb2.OpenDropRequest, context: Context) -> blob_pb2.Drop:
        """Make a folder to put a file into."""
        self._refuse_remote(context)
        check_digest("digest", request.digest)
        check_offset("size", request.size, MAX_OFFSET)
        self._drops = {name: drop for name, drop in self._drops.items() if _is_drop_open(drop[2])}
        if len(self._drops) >= MAX_DROPS:
            raise RpcError(
                Code.RESOURCE_EXHAUSTED, "TOO_MANY_DROPS", "too many drops are open; take some first"
            )
        await run_read(self._blobs.check_room, request.size)
        drop_id = secrets.token_hex(16)
        folder = self._engine.store.folder.drops / drop_id
        folder.mkdir(mode=0o700)
        self._drops[drop_id] = (request.digest, request.size, folder / "file")
        return blob_pb2.Drop(drop_id=drop_id, path=str((folder / "file").resolve()))

    async def TakeDrop(
        self, request: blob_pb2.TakeDropRequest, context: Context
    ) -> blob_pb2.TakeDropResponse:
        """Take what was put there."""
        self._refuse_remote(context)
        if request.drop_id not in self._drops:
            raise NotFoundError("there is no such drop; it can be taken once only")
        digest, size, path = self._drops.pop(request.drop_id)
        try:
            await run_hash(self._blobs.take, path, digest, size)
        finally:
            await asyncio.shield(run_transfer(functools.partial(remove_folder, path.parent, quietly=True)))
        return blob_pb2.TakeDropResponse(digest=digest)

    async def TakeFile(
        self, request: blob_pb2.TakeFileRequest, context: Context
    ) -> blob_pb2.TakeFileResponse:
        """Take a file from where a client of this machine shows it."""
        self._refuse_remote(context)
        check_digest("digest", request.digest)
        check_offset("size", request.size, MAX_OFFSET)
        await run_hash(self._blobs.take_offered, Path(request.folder), request.digest, request.size)
        return blob_pb2.TakeFileResponse(digest=request.digest)

    def _refuse_revoked(self, digest: str) -> None:
        """Refuse a result whose face was revoked, and a letter that somebody's right rests on."""
        store = self._engine.store
        if register_of(store).documents.path(digest).is_file():
            raise NotFoundError(f"there is no blob {digest[:12]} for clients: it is a person's document")
        for owner in self._blobs.owners_of(digest):
            if owner.startswith("job "):
                refuse_revoked_result(store.jobs.get(owner.removeprefix("job ")), digest, store)
        for kind in ("faceset", "model"):  # a zip that one came in
            holder = store.catalog.of(kind).find_by_origin(digest)
            if holder is not None:
                refuse_revoked([(kind, record_id(holder))], store)

    def _find_upload(self, digest: str, doing: str) -> Upload:
        """The upload of the client who asks; of an operator, any; or the blob."""
        client = current_client()
        upload = self._blobs.find(digest, client.name)
        if upload is None and self._blobs.uploads(digest):
            client.require(Role.OPERATOR, f"{doing} another client's upload")
            upload = self._blobs.find(digest, None)
        if upload is None:
            raise NotFoundError(f"there is no upload of blob {digest[:12]}; start one")
        return upload

    def _refuse_remote(self, context: Any) -> None:
        peer = context.peer()
        if not self._engine.local_drops or not peer.startswith(
            ("unix:", "ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D")
        ):
            raise RpcError(
                Code.UNIMPLEMENTED, "NOT_LOCAL", "files are handed over on the engine's own machine only"
            )


def _is_drop_open(path: Path) -> bool:
    """Tells if a drop is there, and holds a file or may still get one."""
    try:
        return path.exists() or time.time() - path.parent.stat().st_mtime < DROP_LEASE_S
    except FileNotFoundError:
        return False


def _upload_message(upload: Upload) -> blob_pb2.Upload:
    message = blob_pb2.Upload(
        digest=upload.digest, size=upload.size, committed=upload.committed, complete=upload.complete
    )
    message.expire_time.FromNanoseconds(int(upload.expires * 1e9))
    return message
