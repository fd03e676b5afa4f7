"""Service that verifies what files say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.api.internal.v1 import query_pb2
from recaster.api.v1 import provenance_pb2, provenance_pb2_grpc
from recaster.processes.channel import path_to_bytes
from recaster.provenance.signer import local_authority
from recaster.service.request_checks import check_digest, check_name
from recaster.service.rpc_errors import Context, missing_blob, unary_read
from recaster.service.threads import run_read

if TYPE_CHECKING:
    from recaster.service.engine import Engine


class ProvenanceService(provenance_pb2_grpc.ProvenanceServiceServicer):
    """See proto/recaster/v1/provenance.proto."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @unary_read
    async def VerifyFile(
        self, request: provenance_pb2.VerifyFileRequest, context: Context
    ) -> provenance_pb2.VerifyFileResponse:
        """Look at a file, in a process that may fall over it."""
        blobs = self._engine.store.blobs
        check_name("display_name", request.display_name)
        digests = {"digest": request.digest}
        if request.manifest_digest:
            digests["manifest_digest"] = request.manifest_digest
        for field, digest in digests.items():
            if not await run_read(blobs.has, check_digest(field, digest)):
                raise missing_blob(digest)
        data = self._engine.store.folder.path
        authority = local_authority(data)
        question = query_pb2.VerifyQuestion(
            path=path_to_bytes(blobs.path(request.digest)),
            name=request.display_name,
            beside=path_to_bytes(blobs.path(request.manifest_digest) if request.manifest_digest else None),
            data=path_to_bytes(data),
            authority=path_to_bytes(authority if authority.is_file() else None),
        )
        return (await self._engine.ask(query_pb2.Question(verify=question), context)).verify
