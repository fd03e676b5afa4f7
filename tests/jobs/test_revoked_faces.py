"""A revoked face is neither handed out nor taken in, in whatever shape."""

from __future__ import annotations

import base64
import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from recaster.api.v1 import faceset_pb2, identity_pb2, job_pb2, swap_pb2
from recaster.client.errors import JobFailedError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Material
    from serving import Served

    from recaster.client import Client

SYNTHETIC = identity_pb2.Attestation(basis=identity_pb2.BASIS_SYNTHETIC, attested_by="Ben")


def judging_of(material: Material, result: str, folder: Path) -> job_pb2.JobSpec:
    """An evaluation of a swap of the first five frames."""
    material.client.transfer.download(result, folder / "swapped.mp4")
    spec = job_pb2.EvaluateSpec(
        original_clip_id=material.clip,
        swapped_clip_id=material.client.take_clip(folder / "swapped.mp4"),
        source_faceset_id=material.faceset,
        range="0-4",
    )
    return job_pb2.JobSpec(evaluate=spec)


def with_embeddings_of_nobody(packed_faces: Path, out: Path) -> Path:
    """Packs faces again with embeddings of a stranger's own making."""
    with zipfile.ZipFile(packed_faces) as old, zipfile.ZipFile(out, "w") as new:
        values = json.loads(old.read("manifest.json"))
        for face in values["faces"]:
            face["embedding"] = base64.b64encode(bytes(512)).decode()
        for name in old.namelist():
            new.writestr(name, json.dumps(values) if name == "manifest.json" else old.read(name))
    return out


def check_casts(client: Client, clip: str, model: str, why: str) -> None:
    """A cast is refused with the member's name."""
    cast = [job_pb2.CastMember(name="bob", model_id=model, everyone=True)]
    named = rf"bob \(.+\): {why}"
    with pytest.raises(RefusedError, match=named):
        client.preview(swap_pb2.PreviewFrameRequest(clip_id=clip, cast=cast, frame=3))
    with pytest.raises(RefusedError, match=named):
        client.jobs.create(job_pb2.JobSpec(swap=job_pb2.SwapSpec(clip_id=clip, cast=cast)))


def test_a_revoked_face_neither_goes_nor_comes_back(
    serve: Callable[..., Served],
    prepare: Callable[[Served], Material],
    packed_faces: Path,
    actors: Path,
    tmp_path: Path,
) -> None:
    material = prepare(serve())  # of whose faces nothing is said: RECASTER_BASIS stands for them
    client = material.client
    model = client.jobs.wait(client.jobs.create(material.training(2)).job_id).result.model_id
    result = client.jobs.wait(client.jobs.create(material.swapping("0-4")).job_id).result.artifacts[0].digest
    packed = job_pb2.JobSpec(export=job_pb2.ExportSpec(faceset_id=material.faceset))
    exported = client.jobs.wait(client.jobs.create(packed).job_id).result.artifacts[0].digest
    judging = judging_of(material, result, tmp_path)
    judged = client.jobs.wait(client.jobs.create(judging).job_id).result.artifacts[0].digest
    person = client.state_basis("her", "synthetic").identity_id
    client.assign(person, faceset_id=material.faceset)
    assert client.model(model).identity_id == person
    client.revoke(person, "enough")

    for digest in (result, exported, judged):
        with pytest.raises(RefusedError, match="revoked"):
            client.transfer.download(digest, tmp_path / "out")
    with pytest.raises(RefusedError, match="revoked"):
        client.jobs.create(judging)
    faces = faceset_pb2.ListFacesRequest(faceset_id=material.faceset, thumbnails=True)
    with pytest.raises(RefusedError, match="revoked"):
        client.connection.call(client.facesets.ListFaces, faces)
    faces.thumbnails = False  # what is known of them is no face
    assert client.connection.call(client.facesets.ListFaces, faces).faces
    with pytest.raises(RefusedError, match="revoked"):
        client.jobs.create(packed)
    preview = swap_pb2.PreviewFrameRequest(clip_id=material.clip, model_id=model, frame=3)
    with pytest.raises(RefusedError, match="revoked"):
        client.preview(preview)
    check_casts(client, material.clip, model, f"identity {person}: the right to use this face was revoked")

    again = with_embeddings_of_nobody(packed_faces, tmp_path / "again.zip")
    with pytest.raises(JobFailedError, match="revoked"):
        client.take_faceset(again)
    clip = client.take_clip(actors / "likeness.mp4")
    spec = job_pb2.ExtractSpec(inputs=[job_pb2.ExtractInput(clip_id=clip)])
    spec.options.range = "0-49"
    spec.options.every = 10
    with pytest.raises(JobFailedError, match="revoked"):
        client.jobs.wait(client.jobs.create(job_pb2.JobSpec(extract=spec)).job_id)

    client.attest(person, identity_pb2.Attestation(basis=identity_pb2.BASIS_SYNTHETIC, attested_by="Ben"))
    client.transfer.download(result, tmp_path / "out")
    client.take_faceset(again)
