"""Engines that lie: whatever they are asked, they answer with texts, ids and bytes of an attacker's."""

from __future__ import annotations

import hashlib
import importlib
import struct
import zlib
from concurrent import futures
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor

from recaster.api.v1 import job_pb2
from recaster.client import validation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

PACKAGE = "recaster.v1"
SERVICES = (
    "BlobService", "ClipService", "FacesetService", "IdentityService", "JobService", "ModelService",
    "ProvenanceService", "ServerService", "SwapService",
)  # fmt: skip
EVIL = (
    "../../x", "/recaster-planted", "C:\\Windows\\x", "con", "x.py", "x.exe", "x.blend", "a\0b", "$(x)",
    "\x1b]0;owned\x07\x1b[2J", "line\nanother: line", "\u202egpj.exe", "-x", "x" * 10_000, "",
)  # fmt: skip
"""What attackers call things."""
ID = "0123456789ab"
DEPTH = 5


def _chunk(kind: bytes, inside: bytes) -> bytes:
    return struct.pack(">I", len(inside)) + kind + inside + struct.pack(">I", zlib.crc32(kind + inside))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(bytes(7)))
    + _chunk(b"IEND", b"")
)
"""A picture of two pixels."""
CORRECTIONS = b'{"format": 1, "clip": "0", "corrections": []}'


class Liar:
    """An engine that answers every call of every service with what an attacker likes.

    Attributes:
        text: what every text is, also names, labels and suffixes.
        shape: what every id, digest, suffix and role is; None for what a client takes for one.
        data: the bytes of every blob.
        picture: the bytes of every picture.
        has_all: whether it says that it has every blob already.
        answered: the calls that were answered, as "Service/Method".
        edits: changes an answer before it is sent.
    """

    def __init__(self, text: str, shape: str | None = None, data: bytes = b"data") -> None:
        self.text = text
        self.shape = shape
        self.data = data
        self.picture = PNG
        self.has_all = True
        self.answered: list[str] = []
        self.edits: Callable[[Message], None] = lambda _: None
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers((_Handler(self),))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        """Hang up."""
        self._server.stop(None)

    def answer(self, kind: Any, depth: int = DEPTH) -> Message:
        """A message of this kind with every field filled."""
        made: Message = message_factory.GetMessageClass(kind)()
        for field in kind.fields:
            if field.name == "next_page_token":
                continue  # else lists have no end; there is a test of that
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                self._fill_message(made, field, depth)
            elif field.is_repeated:
                getattr(made, field.name).extend([self._value(field)] * 2)
            elif field.containing_oneof is None or not made.WhichOneof(field.containing_oneof.name):
                setattr(made, field.name, self._value(field))
        if isinstance(made, job_pb2.Job):
            self._settle(made)
        return made

    def _fill_message(self, made: Message, field: Any, depth: int) -> None:
        if field.message_type.GetOptions().map_entry:
            getattr(made, field.name).update(dict.fromkeys((self.text, "name", "client"), self.text))
        elif field.message_type.full_name.startswith("google."):
            getattr(made, field.name).seconds = 1_700_000_000
        elif depth and (field.containing_oneof is None or not made.WhichOneof(field.containing_oneof.name)):
            inside = self.answer(field.message_type, depth - 1)
            if field.is_repeated:
                getattr(made, field.name).add().CopyFrom(inside)
            else:
                getattr(made, field.name).CopyFrom(inside)

    def _value(self, field: Any) -> Any:
        if field.type == FieldDescriptor.TYPE_STRING:
            known = validation.text_pattern(field)
            if known is None:
                return self.text
            if self.shape is not None:
                return self.shape
            return {"digest": hashlib.sha256(self.data).hexdigest(), "suffix": ".exe", "role": "clip"}.get(
                field.name.rpartition("_")[2], ID
            )
        if field.type == FieldDescriptor.TYPE_BYTES:
            if field.full_name.endswith("CorrectTracksResponse.document") and self.picture == PNG:
                return CORRECTIONS
            return self.data if field.full_name.endswith("ReadBlobResponse.data") else self.picture
        if field.type == FieldDescriptor.TYPE_ENUM:
            return 7
        return True if field.type == FieldDescriptor.TYPE_BOOL else 1

    def _settle(self, job: job_pb2.Job) -> None:
        """A job that has ended well, with one file of each role."""
        job.state = job_pb2.JOB_STATE_SUCCEEDED
        job.ClearField("error")
        if self.shape is None:
            job.labels.update(before=self.text, request=ID, client="blender")
            [made] = job.result.artifacts
            for role in ("clip", "manifest", "matte", "layers", "evaluation", "sheet", "worst", "zip"):
                job.result.artifacts.add(
                    role=role, digest=made.digest, size=len(self.data), suffix=made.suffix
                )
            del job.result.artifacts[0]


class _Handler(grpc.GenericRpcHandler):
    """Every method of every service."""

    def __init__(self, liar: Liar) -> None:
        self._liar = liar
        for service in SERVICES:  # the pool knows what was imported
            importlib.import_module(f"recaster.api.v1.{service.removesuffix('Service').lower()}_pb2")
        pool = descriptor_pool.Default()
        self._methods = {
            f"/{PACKAGE}.{service}/{method.name}": method
            for service in SERVICES
            for method in pool.FindServiceByName(f"{PACKAGE}.{service}").methods
        }

    def service(self, details: Any) -> Any:
        method = self._methods[details.method]

        def answer(request: Any, _: Any) -> bytes:
            if method.client_streaming:
                list(request)
            self._liar.answered.append(details.method.removeprefix(f"/{PACKAGE}."))
            made = self._liar.answer(method.output_type)
            if self._liar.has_all and method.output_type.name == "FindMissingBlobsResponse":
                made.ClearField("missing")
            self._liar.edits(made)
            return made.SerializeToString()

        def stream(request: Any, context: Any) -> Iterator[bytes]:
            yield answer(request, context)

        if method.client_streaming:
            return grpc.stream_unary_rpc_method_handler(answer)
        return (
            grpc.unary_stream_rpc_method_handler(stream)
            if method.server_streaming
            else grpc.unary_unary_rpc_method_handler(answer)
        )
