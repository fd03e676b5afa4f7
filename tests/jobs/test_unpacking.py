"""Zips that don't fit: what never could fails, what could later waits."""

from __future__ import annotations

import os
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
from serving import wait_for

from recaster.api.v1 import job_pb2
from recaster.errors import DiskFullError, FacesetError, ModelError
from recaster.facesets.faceset_archive import import_faces
from recaster.models.archive import import_model
from recaster.models.model_folder import ModelFolder
from recaster.zips import UnpackingRoom, ZipLimits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serving import Served

    from recaster.errors import InputError

MIB = 1 << 20


def packed(path: Path, name: str, size: int) -> Path:
    """A zip of one entry that is packed some 17 times over, which no bomb is."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"".join(os.urandom(64 << 10) + bytes(MIB) for _ in range(size // MIB)))
    return path


@pytest.mark.parametrize(
    ("kind", "name", "error"),
    [("faces", "a.jpg", FacesetError), ("model", "weights.safetensors", ModelError)],
)
def test_more_than_there_is_room_for(tmp_path: Path, kind: str, name: str, error: type[InputError]) -> None:
    given = packed(tmp_path / "a.zip", name, 5 * MIB)
    with pytest.raises(error, match="may be kept in all"):
        unpack(kind, given, tmp_path / "out", UnpackingRoom(most=4 * MIB))
    with pytest.raises(DiskFullError, match="are left of what may be kept"):
        unpack(kind, given, tmp_path / "out", UnpackingRoom(left=4 * MIB))
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("kind", ["restored", "pictures", "model"])
def test_the_disk_is_looked_at_while_a_zip_is_unpacked(
    tmp_path: Path, packed_faces: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Somebody else fills it meanwhile: the second look finds less than is to be spared."""
    free = iter([10 * MIB, *[MIB] * 1000])
    found = (shutil._ntuple_diskusage(0, 0, one) for one in free)
    monkeypatch.setattr("recaster.zips.shutil.disk_usage", lambda _: next(found))
    monkeypatch.setattr("recaster.facesets.faceset_archive.BATCH_SIZE", 3)
    given = packed_faces
    out = tmp_path / "out"
    room = UnpackingRoom(spare=5 * MIB)
    if kind == "model":
        given = packed(tmp_path / "m.zip", "weights.safetensors", 5 * MIB)
    elif kind == "pictures":
        given = tmp_path / "p.zip"
        with zipfile.ZipFile(given, "w") as archive:
            archive.writestr("a.jpg", b"x")
            archive.writestr("b.jpg", b"x")
    with pytest.raises(DiskFullError, match="no room on the disk"):
        unpack(kind, given, out, room)
    assert next(free) == MIB
    assert not out.exists()


def unpack(kind: str, given: Path, out: Path, room: UnpackingRoom) -> None:
    if kind == "model":
        limits = ZipLimits(room=room, error=ModelError, ratio=1e9, total_ratio=1e9)
        import_model(given, ModelFolder(out), limits=limits)
    else:
        import_faces(given, out, limits=ZipLimits(room=room, ratio=1e9, total_ratio=1e9))


@pytest.mark.parametrize("kind", [job_pb2.INGEST_KIND_FACESET, job_pb2.INGEST_KIND_MODEL])
def test_an_engine_fails_what_its_quota_could_never_hold(
    serve: Callable[..., Served], tmp_path: Path, kind: job_pb2.IngestKind
) -> None:
    served = serve("--quota-gib", "0.05")
    name = "a.jpg" if kind == job_pb2.INGEST_KIND_FACESET else "weights.safetensors"
    given = packed(tmp_path / "a.zip", name, 60 * MIB)
    with served.client(patience_s=5) as client:
        digest = client.transfer.upload(given)
        spec = job_pb2.IngestSpec(digest=digest, kind=kind, display_name="a.zip")
        job = client.jobs.create(job_pb2.JobSpec(ingest=spec)).job_id
        found = wait_for(client, job, job_pb2.JOB_STATE_BLOCKED)
    assert found.state == job_pb2.JOB_STATE_FAILED
    assert "may be kept in all" in found.error.message
    assert str(served.data) not in found.error.message
    served.kill()
