"""Every call of the interface, made one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recaster.api.v1 import (
    clip_pb2,
    faceset_pb2,
    identity_pb2,
    job_pb2,
    model_pb2,
    server_pb2,
    swap_pb2,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recaster.client import Client


def make_every_call(client: Client, actors: Path, packed_faces: Path, folder: Path) -> Iterator[str]:
    """Makes every call, and says which one it has just made."""
    call = client.connection.call
    jobs = client.jobs

    def do(**work: Any) -> job_pb2.JobResult:
        return jobs.wait(jobs.create(job_pb2.JobSpec(**work)).job_id).result

    clip = client.take_clip(actors / "performer.mp4")
    faces = client.take_faceset(packed_faces)
    options = job_pb2.SwapOptions(range="0-4")
    swapped = do(swap=job_pb2.SwapSpec(clip_id=clip, faceset_id=faces, options=options)).artifacts[0].digest
    client.transfer.download(swapped, folder / "swapped.mp4")
    result = client.take_clip(folder / "swapped.mp4")
    judged = {"original_clip_id": clip, "swapped_clip_id": result, "source_faceset_id": faces}
    do(evaluate=job_pb2.EvaluateSpec(**judged, range="0-4"))
    model = do(train=job_pb2.TrainSpec(source_faceset_id=faces, options={"steps": 2})).model_id
    do(extract=job_pb2.ExtractSpec(inputs=[{"clip_id": clip}], options={"range": "0-9", "every": 5}))
    edit = client.transfer.upload(actors / "neighbour.mp4")
    do(sign=job_pb2.SignSpec(digest=edit, display_name="edit.mp4", swaps=[swapped]))
    one = job_pb2.SwapSpec(clip_id=clip, options=job_pb2.SwapOptions(range="0-0"))
    do(anonymise=job_pb2.AnonymiseSpec(swap=one))
    exported = do(export=job_pb2.ExportSpec(faceset_id=faces)).artifacts[0].digest
    yield "JobService/CreateJob"

    client.transfer.read(exported)
    yield "BlobService/ReadBlob"
    yield from looked_at(client, clip, result, faces, model)
    yield from named(client, faces)
    yield from steered(client, faces)
    call(client.models.DeleteModel, model_pb2.DeleteModelRequest(model_id=model))
    yield "ModelService/DeleteModel"
    call(client.facesets.DeleteFaceset, faceset_pb2.DeleteFacesetRequest(faceset_id=faces))
    yield "FacesetService/DeleteFaceset"
    call(client.clips.DeleteClip, clip_pb2.DeleteClipRequest(clip_id=clip))
    yield "ClipService/DeleteClip"
    call(client.server.DrainServer, server_pb2.DrainServerRequest())
    yield "ServerService/DrainServer"
    call(client.server.UndrainServer, server_pb2.UndrainServerRequest())
    yield "ServerService/UndrainServer"


def looked_at(client: Client, clip: str, result: str, faces: str, model: str) -> Iterator[str]:
    """Makes every call that shows faces or takes some away."""
    call = client.connection.call
    options = job_pb2.SwapOptions(range="0-4")
    call(client.clips.GetThumbnail, clip_pb2.GetThumbnailRequest(clip_id=result))
    yield "ClipService/GetThumbnail"
    call(client.clips.FindPeople, clip_pb2.FindPeopleRequest(clip_id=clip, range="0-4"))
    yield "ClipService/FindPeople"
    call(client.clips.ListTracks, clip_pb2.ListTracksRequest(clip_id=clip, options=options))
    yield "ClipService/ListTracks"
    drop = {"track": 0, "range": "2"}
    call(client.clips.CorrectTracks, clip_pb2.CorrectTracksRequest(clip_id=clip, options=options, drop=drop))
    yield "ClipService/CorrectTracks"
    call(client.facesets.ListFaces, faceset_pb2.ListFacesRequest(faceset_id=faces, thumbnails=True))
    yield "FacesetService/ListFaces"
    call(client.models.GetModelPreview, model_pb2.GetModelPreviewRequest(model_id=model))
    yield "ModelService/GetModelPreview"
    client.preview(swap_pb2.PreviewFrameRequest(clip_id=clip, faceset_id=faces, frame=3, options=options))
    yield "SwapService/PreviewFrame"
    call(client.facesets.DropFaces, faceset_pb2.DropFacesRequest(faceset_id=faces, face_ids=["1"]))
    yield "FacesetService/DropFaces"


def named(client: Client, faces: str) -> Iterator[str]:
    """Makes every call about people and their rights."""
    call = client.connection.call
    name = client.state_basis("her", "synthetic").identity_id
    yield "IdentityService/CreateIdentity"
    client.assign(name, faceset_id=faces)
    yield "IdentityService/AssignIdentity"
    client.revoke(name, "enough")
    yield "IdentityService/RevokeIdentity"
    client.attest(name, identity_pb2.Attestation(basis=identity_pb2.BASIS_SYNTHETIC))
    yield "IdentityService/AttestIdentity"
    other = client.state_basis("another", "self").identity_id
    call(client.identities.DeleteIdentity, identity_pb2.DeleteIdentityRequest(identity_id=other))
    yield "IdentityService/DeleteIdentity"


def steered(client: Client, faces: str) -> Iterator[str]:
    """Makes every call that steers a job."""
    jobs = client.jobs
    training = jobs.create(job_pb2.JobSpec(train={"source_faceset_id": faces, "options": {"steps": 100_000}}))
    jobs.pause(training.job_id)
    yield "JobService/PauseJob"
    jobs.resume(training.job_id)
    yield "JobService/ResumeJob"
    jobs.cancel(training.job_id)
    yield "JobService/CancelJob"
    list(jobs.watch(training.job_id))
    jobs.delete(training.job_id)
    yield "JobService/DeleteJob"
