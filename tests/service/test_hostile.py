"""Hostile requests: each gets a clear error, nothing is written elsewhere, the engine stays up."""

from __future__ import annotations

import base64
import io
import json
import os
import random
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import grpc
import numpy as np
import pytest
from google.protobuf import message_factory
from safetensors.numpy import save

from recaster.api.v1 import (
    blob_pb2,
    clip_pb2,
    faceset_pb2,
    identity_pb2,
    job_pb2,
    model_pb2,
    provenance_pb2,
    server_pb2,
    swap_pb2,
)
from recaster.client import JobFailedError
from recaster.facesets import faceset_archive
from recaster.facesets.faceset_index import ARRAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
    from google.protobuf.message import Message
    from serving import Served

    from recaster.client import Client

FILES = (
    blob_pb2, clip_pb2, faceset_pb2, identity_pb2, job_pb2, model_pb2, provenance_pb2, server_pb2, swap_pb2,
)  # fmt: skip
METHODS = [
    method
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
CARD = {
    "format": 4,
    "family": "guided",
    "preset": {},
    "source": "0",
    "target": None,
    "steps": 0,
    "seconds": 0,
    "seed": 0,
}


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def huge_gif() -> bytes:
    """A few bytes that ask for a picture of 65,535 by 65,535."""
    head = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    picture = b"\x2c" + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\x02\x44\x01\x00"
    return head + b"\x21\xf9\x04\x00\x0a\x00\x00\x00" + picture + b"\x3b"


def odd_faces(file: str) -> bytes:
    """An exported faceset whose only face has an odd name, and isn't there."""
    arrays = {
        name: base64.b64encode(np.zeros(shape, kind).tobytes()).decode()
        for name, (kind, shape) in ARRAYS.items()
    }
    face = {
        "id": 1, "file": file, "source": "a", "source_id": 1, "frame": 0, "time": 0, "track": 0,
        "box": {"left": 0, "top": 0, "right": 1, "bottom": 1}, "score": 1, "sharpness": 1,
        "pose": {"yaw": 0, "pitch": 0, "roll": 0}, "dropped": None, "crop_sha256": "0" * 64,
    }  # fmt: skip
    source = {"id": 1, "name": "a", "digest": "d", "kind": "image", "finished": [], "counts": {}}
    manifest = {
        "format": faceset_archive.FORMAT,
        "version": faceset_archive.VERSION,
        "faceset": {"size": 256, "coverage": 1.6, "identity": ""},
        "digest": "x",
        "sources": [source],
        "faces": [face | arrays],
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("manifest.json", json.dumps(manifest))
    return out.getvalue()


def wide() -> bytes:
    """A clip that is wider than any."""
    out = io.BytesIO()
    with av.open(out, "w", "matroska") as container:
        stream = container.add_stream("ffv1", 1, width=20_000, height=64, pix_fmt="yuv420p")
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 20_000, 3), np.uint8))
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def everything(folder: Path) -> set[Path]:
    """All files and folders but blobs; what others remove meanwhile is left out."""
    found = (Path(at) / name for at, folders, files in os.walk(folder) for name in (*folders, *files))
    return {one for one in found if "blobs" not in one.parts}


HOSTILE: list[tuple[str, int, Callable[[Path], bytes], str, str]] = [
    (
        "list.mp4",
        1,
        lambda at: f"ffconcat version 1.0\nfile '{at}/secret.mp4'\n".encode(),
        "CLIP",
        "not a clip",
    ),
    ("list.mp4", 1, lambda _: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "CLIP", "not a clip|not a video"),
    ("huge.gif", 1, lambda _: huge_gif(), "CLIP", "huge.gif: "),
    ("wide.mkv", 1, lambda _: wide(), "CLIP", "20000x64 pixels are too many"),
    ("noise.mp4", 1, lambda _: bytes(range(256)) * 400, "CLIP", "not a video"),
    ("empty.mp4", 1, lambda _: b"", "CLIP", "empty"),
    ("out.zip", 2, lambda _: zipped(**{"../../out.jpg": b"x"}), "FACESET", "points outside"),
    ("abs.zip", 2, lambda _: zipped(**{"/etc/x.jpg": b"x"}), "FACESET", "absolute path"),
    ("bomb.zip", 2, lambda _: zipped(**{"a.jpg": bytes(50_000_000)}), "FACESET", "200 times over"),
    ("bad.zip", 2, lambda _: zipped(**{"manifest.json": b"[" * 100_000}), "FACESET", "damaged"),
    ("name.zip", 2, lambda _: odd_faces("faces/\udc80.jpg"), "FACESET", "faces/"),
    ("long.zip", 2, lambda _: odd_faces("x" * (17 << 20)), "FACESET", "x"),
    ("no.zip", 2, lambda _: b"PK", "FACESET", "not a zip"),
    ("out.zip", 3, lambda _: zipped(**{"../model.json": b"x"}), "MODEL", "points outside"),
    ("py.zip", 3, lambda _: zipped(**{"model.json": b"{}", "code.py": b"x"}), "MODEL", "code.py"),
    ("bad.zip", 3, lambda _: zipped(**{"model.json": b"{}"}), "MODEL", "no format"),
]


@pytest.mark.parametrize(("name", "kind", "content", "reason", "says"), HOSTILE)
def test_hostile_files(
    engine: Client,
    served: Served,
    actors: Path,
    tmp_path: Path,
    name: str,
    kind: int,
    content: Callable[[Path], bytes],
    reason: str,
    says: str,
) -> None:
    (tmp_path / "s.mp4").write_bytes((actors / "performer.mp4").read_bytes())
    path = tmp_path / name
    path.write_bytes(content(tmp_path))
    before = everything(served.data.parent)
    digest = engine.transfer.upload(path)
    spec = job_pb2.JobSpec(ingest=job_pb2.IngestSpec(digest=digest, kind=kind, display_name=name))
    job = engine.jobs.create(spec)
    with pytest.raises(JobFailedError, match=says) as caught:
        engine.jobs.wait(job.job_id)
    assert caught.value.reason == reason
    assert str(served.data) not in str(caught.value)
    assert name not in (served.data / "jobs" / job.job_id / "log.jsonl").read_text()
    after = everything(served.data.parent)
    assert {one.relative_to(served.data).parts[:2] for one in after - before} <= {("jobs", job.job_id)}
    assert engine.info().api_version == "v1"


def test_weights_of_another_shape(engine: Client, trained: bytes, tmp_path: Path) -> None:
    given = zipfile.ZipFile(io.BytesIO(trained))
    files = {name: given.read(name) for name in given.namelist() if "checkpoints" not in name}
    files["weights.safetensors"] = save({"a": np.zeros((2, 2), np.float32)})
    path = tmp_path / "model.zip"
    path.write_bytes(zipped(**files))
    with pytest.raises(JobFailedError, match=r"has no '|holds '") as caught:
        engine.take_model(path)
    assert caught.value.reason == "WEIGHTS"


@pytest.fixture(scope="module")
def trained(served: Served, few_faces: Any, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real model, packed by the engine that trained it."""
    from recaster.facesets.faceset_archive import export_zip

    packed = tmp_path_factory.mktemp("faces") / "faces.zip"
    export_zip(few_faces, packed)
    with served.client() as client:
        train = job_pb2.TrainSpec(
            source_faceset_id=client.take_faceset(packed), options=job_pb2.TrainOptions(steps=1)
        )
        model = client.jobs.wait(client.jobs.create(job_pb2.JobSpec(train=train)).job_id).result.model_id
        export = job_pb2.JobSpec(export=job_pb2.ExportSpec(model_id=model))
        job = client.jobs.wait(client.jobs.create(export).job_id)
        return client.transfer.read(job.result.artifacts[0].digest)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_call_with_random_messages(served: Served, method: MethodDescriptor) -> None:
    """Random bytes, and messages of random values: nothing but a clear no."""
    dice = random.Random(method.full_name)  # noqa: S311 - the same every time
    kind = message_factory.GetMessageClass(method.input_type)
    with grpc.insecure_channel(served.address) as channel:
        for _ in range(15):
            code = answer(channel, served.token, method, filled(kind(), dice).SerializeToString())
            assert code not in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL)
        for _ in range(15):
            answer(channel, served.token, method, dice.randbytes(dice.randrange(200)))
    with served.client(patience_s=5) as client:
        assert client.info().api_version == "v1"
    assert "Traceback" not in served.log()


def answer(channel: grpc.Channel, token: str, method: MethodDescriptor, data: bytes) -> grpc.StatusCode:
    path = f"/{method.containing_service.full_name}/{method.name}"
    how = ("stream_" if method.client_streaming else "unary_") + (
        "stream" if method.server_streaming else "unary"
    )
    call = getattr(channel, how)(path)
    sent: Any = iter([data, data]) if method.client_streaming else data
    try:
        got = call(sent, metadata=(("authorization", f"Bearer {token}"),), timeout=20)
        if method.server_streaming:
            for _ in zip(range(5), got, strict=False):
                pass
            got.cancel()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


TEXTS = ("", "x", "0" * 12, "f" * 64, "../../etc/passwd", "\u202e\x00", "é" * 300, "1" * 5000, "-1", "NaN")
NUMBERS = (0, 1, -1, 7, 2**31 - 1, -(2**31))


def filled(message: Message, dice: random.Random, depth: int = 0) -> Message:
    """Random values in random fields."""
    for field in message.DESCRIPTOR.fields:
        if dice.random() < 0.4 or depth > 4:
            continue
        if field.is_repeated:
            fill_many(message, field, dice, depth)
        elif field.message_type:
            filled(getattr(message, field.name), dice, depth + 1)
            getattr(message, field.name).SetInParent()
        else:
            setattr(message, field.name, value(field, dice))
    return message


def fill_many(message: Message, field: FieldDescriptor, dice: random.Random, depth: int) -> None:
    many = getattr(message, field.name)
    for _ in range(dice.randrange(4)):
        if field.message_type and field.message_type.GetOptions().map_entry:
            many[dice.choice(TEXTS)] = dice.choice(TEXTS)
        elif field.message_type:
            filled(many.add(), dice, depth + 1)
        else:
            many.append(value(field, dice))


def value(field: FieldDescriptor, dice: random.Random) -> Any:
    if field.cpp_type == field.CPPTYPE_STRING:
        return dice.randbytes(20) if field.type == field.TYPE_BYTES else dice.choice(TEXTS)
    if field.cpp_type == field.CPPTYPE_BOOL:
        return dice.random() < 0.5
    if field.cpp_type == field.CPPTYPE_DOUBLE:
        return dice.choice((0.0, -1.5, 1e300, float("nan"), float("inf")))
    return dice.choice((0, 1, 2, 99) if field.cpp_type == field.CPPTYPE_ENUM else NUMBERS)
