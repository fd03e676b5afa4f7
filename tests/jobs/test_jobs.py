"""Jobs of every kind at a real engine."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from recaster.api.v1 import clip_pb2, faceset_pb2, identity_pb2, job_pb2, model_pb2, swap_pb2
from recaster.client import Client, JobFailedError, MissingError, RefusedError
from recaster.media.clip import Clip
from recaster.media.probe import probe
from recaster.settings.swap import SwapSettings
from recaster.swapping.load import load_swapper
from recaster.swapping.pipeline import swap_clip
from recaster.swapping.request import SwapRequest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.jobs.conftest import Material

    from recaster.facesets.faceset import Faceset


def test_a_clip_was_looked_at(material: Material, actors: Path) -> None:
    clip = material.client.clip(material.clip)
    info = probe(actors / "performer.mp4")
    assert (clip.width, clip.height, clip.frame_count) == (info.width, info.height, info.frame_count)
    assert (clip.display_name, clip.frame_rate, clip.has_sound) == ("performer.mp4", "25", True)
    stub = material.client.clips
    shown = material.client.connection.call(
        stub.GetThumbnail, clip_pb2.GetThumbnailRequest(clip_id=material.clip)
    )
    assert Image.open(io.BytesIO(shown.jpeg)).size == (320, 320)
    listed = material.client.connection.call(stub.ListClips, clip_pb2.ListClipsRequest())
    assert material.clip in [one.clip_id for one in listed.clips]


def test_a_lone_picture_is_no_clip(material: Material, tmp_path: Path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "frame.0001.png")
    with pytest.raises(JobFailedError, match="not a clip, but a still image"):
        material.client.take_clip(tmp_path / "frame.0001.png")


def test_the_same_upload_is_the_same_thing(material: Material, actors: Path, packed_faces: Path) -> None:
    assert material.client.take_clip(actors / "performer.mp4") == material.clip
    assert material.client.take_faceset(packed_faces) == material.faceset


def test_a_swap_is_what_the_command_makes(
    material: Material, actors: Path, few_faces: Faceset, tmp_path: Path
) -> None:
    spec = material.swapping("10-29", marked=False)
    spec.swap.matte = True
    spec.swap.layers.append("face")
    job = material.client.jobs.wait(material.client.jobs.create(spec).job_id)
    made = {one.role: one for one in job.result.artifacts}
    material.client.transfer.download(made["clip"].digest, tmp_path / "there.mp4")
    files = {"matte": tmp_path / "matte.mp4", "layers": ("face",), "layers_out": tmp_path / "face.mov"}
    settings = SwapSettings(frames=range(10, 30), **files)
    swapper = load_swapper(source=few_faces.folder)
    swap_clip(SwapRequest(Clip(actors / "performer.mp4"), tmp_path / "here.mp4", swapper, settings))
    assert (tmp_path / "there.mp4").read_bytes() == (tmp_path / "here.mp4").read_bytes()
    assert material.client.transfer.read(made["matte"].digest) == (tmp_path / "matte.mp4").read_bytes()
    assert material.client.transfer.read(made["layers"].digest) == (tmp_path / "face.mov").read_bytes()
    assert made["layers"].suffix == ".mov"
    assert "20 frames, 20 with a swapped face" in job.result.summary[0]
    assert job.result.HasField("mark")
    assert job.result.mark == ""
    folder = material.served.data / "jobs" / job.job_id
    assert {path.name for path in folder.iterdir()} <= {"stderr.txt", "log.jsonl"}
    coverage = job.result.coverage
    assert (coverage.first, coverage.frames, coverage.swapped, len(coverage.ranges)) == (10, 20, 20, 0)
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["event"] for line in log][-1] == "succeeded"
    assert {line["job"] for line in log} == {job.job_id}
    assert "performer" not in (folder / "log.jsonl").read_text()


def test_a_job_tells_what_it_did_not_swap(
    material: Material, few_faces: Faceset, patchy: Path, tmp_path: Path
) -> None:
    spec = material.swapping("8-45", marked=False)
    spec.swap.clip_id = material.client.take_clip(patchy)
    spec.swap.report = True
    job = material.client.jobs.wait(material.client.jobs.create(spec).job_id)
    coverage = job.result.coverage
    assert (coverage.first, coverage.frames, coverage.swapped) == (8, 38, 20)
    assert [(one.first, one.last, one.reason) for one in coverage.ranges] == [
        (12, 17, "no-face"),
        (18, 25, "other-person"),
        (36, 39, "hidden"),
    ]
    assert coverage.ranges[2].sentence == "half of the face is behind something"
    assert "frames 12-17: no face found" in job.result.summary
    [made] = [one for one in job.result.artifacts if one.role == "report"]
    there = json.loads(material.client.transfer.read(made.digest))
    here = SwapSettings(frames=range(8, 46), report=tmp_path / "here.json")
    swapper = load_swapper(source=few_faces.folder)
    swap_clip(SwapRequest(Clip(patchy), tmp_path / "swapped.mp4", swapper, here))
    assert there == json.loads((tmp_path / "here.json").read_text())


def test_faces_out_of_a_clip_and_a_picture(material: Material, actors: Path, tmp_path: Path) -> None:
    client = material.client
    faceset = client.faceset(material.faceset)
    assert faceset.faces == 9
    page = faceset_pb2.ListFacesRequest(faceset_id=material.faceset, page_size=5, thumbnails=True)
    shown = client.connection.call(client.facesets.ListFaces, page)
    picture = tmp_path / "her.jpg"
    picture.write_bytes(shown.faces[0].thumbnail)
    Image.open(picture).resize((512, 512)).save(picture)
    digest = client.transfer.upload(picture)
    spec = job_pb2.ExtractSpec(
        inputs=[
            job_pb2.ExtractInput(clip_id=client.take_clip(actors / "rehearsal.mp4")),
            job_pb2.ExtractInput(picture=job_pb2.Picture(digest=digest, display_name="her.jpg")),
        ],
        display_name="both",
        options=job_pb2.ExtractOptions(range="0-19", every=5),
    )
    job = client.jobs.wait(client.jobs.create(job_pb2.JobSpec(extract=spec)).job_id)
    made = client.faceset(job.result.faceset_id)
    assert (made.faces, made.display_name) == (5, "both")
    assert len(job.result.summary) >= 2
    spec.faceset_id = made.faceset_id
    spec.options.range = "20-29"
    again = client.jobs.wait(client.jobs.create(job_pb2.JobSpec(extract=spec)).job_id)
    assert again.result.faceset_id == made.faceset_id
    assert client.faceset(made.faceset_id).faces == 7


def test_faces_added_by_a_job_that_was_cancelled_are_counted(material: Material, actors: Path) -> None:
    client = material.client
    clip = job_pb2.ExtractInput(clip_id=client.take_clip(actors / "rehearsal.mp4"))
    few = job_pb2.ExtractSpec(inputs=[clip], options=job_pb2.ExtractOptions(range="0-3"))
    faceset = client.jobs.wait(client.jobs.create(job_pb2.JobSpec(extract=few)).job_id).result.faceset_id
    many = job_pb2.ExtractSpec(inputs=[clip], faceset_id=faceset)
    job = client.jobs.create(job_pb2.JobSpec(extract=many))
    for event in client.jobs.watch(job.job_id):
        if event.progress.stage == "extracting" and event.progress.done >= 10:
            client.jobs.cancel(job.job_id)
            break
    material.until(job.job_id, job_pb2.JOB_STATE_CANCELLED, job_pb2.JOB_STATE_SUCCEEDED)
    listed = list_all_faces(client, faceset_pb2.ListFacesRequest(faceset_id=faceset, page_size=200))
    deadline = time.monotonic() + 30
    while client.faceset(faceset).faces != len(listed) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert client.faceset(faceset).faces == len(listed)


def list_all_faces(client: Client, request: faceset_pb2.ListFacesRequest) -> list[faceset_pb2.Face]:
    """Lists the faces of all pages."""
    listed: list[faceset_pb2.Face] = []
    while True:
        page = client.connection.call(client.facesets.ListFaces, request)
        listed += page.faces
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return listed


def test_faces_are_listed_dropped_and_taken_back(material: Material) -> None:
    client = material.client
    request = faceset_pb2.ListFacesRequest(faceset_id=material.faceset, page_size=4, thumbnails=True)
    listed = list_all_faces(client, request)
    assert len(listed) == len({one.face_id for one in listed}) == 9
    assert Image.open(io.BytesIO(listed[0].thumbnail)).width == 96
    names = [one.face_id for one in listed[:3]]
    drop = faceset_pb2.DropFacesRequest(faceset_id=material.faceset, face_ids=names)
    before = client.faceset(material.faceset)
    dropped = client.connection.call(client.facesets.DropFaces, drop)
    assert (dropped.faces, dropped.dropped) == (6, 3)
    assert dropped.digest != before.digest
    drop.restore = True
    back = client.connection.call(client.facesets.DropFaces, drop)
    assert (back.faces, back.digest) == (9, before.digest)
    drop.face_ids.append("999")
    with pytest.raises(RefusedError, match="no face 999"):
        client.connection.call(client.facesets.DropFaces, drop)


def test_a_frame_at_once(material: Material) -> None:
    request = swap_pb2.PreviewFrameRequest(clip_id=material.clip, faceset_id=material.faceset, frame=20)
    answer = material.client.preview(request)
    assert Image.open(io.BytesIO(answer.png)).size == (320, 320)
    request.frame = 100_000
    with pytest.raises(RefusedError, match="choose another") as caught:
        material.client.preview(request)
    assert str(material.served.data) not in str(caught.value)
    request.options.person = "0" * 64
    with pytest.raises(RefusedError, match="upload it first") as caught:
        material.client.preview(request)
    assert caught.value.reason == "BLOB_MISSING"


def test_who_is_in_a_clip(material: Material, actors: Path) -> None:
    client = material.client
    both = client.take_clip(actors / "neighbour.mp4")
    request = clip_pb2.FindPeopleRequest(clip_id=both, range="10-49")
    [person] = client.connection.call(client.clips.FindPeople, request, timeout_s=120).people
    face = Image.open(io.BytesIO(person.portrait))
    assert face.size == (256, 256)
    assert 10 <= person.frame <= 49
    assert list(person.tracks) == [0]
    assert 0.3 < person.first_seen_s < person.last_seen_s < 2.1
    request.range = "forty"
    with pytest.raises(RefusedError, match="forty"):
        client.connection.call(client.clips.FindPeople, request, timeout_s=120)


def test_the_portrait_of_a_person_names_them(material: Material, tmp_path: Path) -> None:
    client = material.client
    request = clip_pb2.FindPeopleRequest(clip_id=material.clip, range="0-9")
    [person] = client.connection.call(client.clips.FindPeople, request, timeout_s=120).people
    (tmp_path / "person.jpg").write_bytes(person.portrait)
    spec = material.swapping("0-9", person=client.transfer.upload(tmp_path / "person.jpg"))
    assert client.jobs.wait(client.jobs.create(spec).job_id).result.artifacts


def test_a_model_is_trained_seen_and_sent_round(material: Material, tmp_path: Path) -> None:
    client = material.client
    job = client.jobs.create(material.training(4, ingredients={"warmup": "3"}))
    previews = [
        event.preview for event in client.jobs.watch(job.job_id, previews=True) if event.HasField("preview")
    ]
    job = client.jobs.wait(job.job_id)
    model = client.model(job.result.model_id)
    assert (model.steps, model.preset, model.usable, model.display_name) == (4, "guided-128", True, "her")
    assert previews[-1].step == 4
    sheet = client.connection.call(
        client.models.GetModelPreview, model_pb2.GetModelPreviewRequest(model_id=model.model_id)
    )
    assert sheet.step == 4
    assert client.transfer.read(previews[-1].digest) == sheet.png
    curves = client.connection.call(
        client.models.GetLossCurves, model_pb2.GetLossCurvesRequest(model_id=model.model_id)
    ).curves
    assert curves[0].name == "loss"
    assert len(curves[0].steps) == len(curves[0].values) > 0
    export = job_pb2.JobSpec(export=job_pb2.ExportSpec(model_id=model.model_id))
    packed = client.jobs.wait(client.jobs.create(export).job_id).result.artifacts[0]
    client.transfer.download(packed.digest, tmp_path / "model.zip")
    assert "checkpoints/step-00000004.json" in zipfile.ZipFile(tmp_path / "model.zip").namelist()
    assert client.take_model(tmp_path / "model.zip") == model.model_id
    delete = model_pb2.DeleteModelRequest(model_id=model.model_id)
    client.connection.call(client.models.DeleteModel, delete)
    with pytest.raises(MissingError, match="there is no model"):
        client.model(model.model_id)
    other = client.take_model(tmp_path / "model.zip")
    assert other != model.model_id
    assert client.model(other).steps == 4
    longer = material.training(6)
    longer.train.model_id = other
    client.jobs.wait(client.jobs.create(longer).job_id)
    assert client.model(other).steps == 6


@pytest.mark.parametrize(
    ("options", "reason", "says"),
    [
        ({"preset": "fast-96"}, "USAGE", "trains on two people"),
        ({"device": "gpu"}, "DEVICE", "GPU cannot be used"),
    ],
)
def test_a_training_that_can_not_be_says_why(
    material: Material, options: dict[str, object], reason: str, says: str
) -> None:
    job = material.client.jobs.create(material.training(4, **options))
    with pytest.raises(JobFailedError, match=says) as caught:
        material.client.jobs.wait(job.job_id)
    assert caught.value.reason == reason
    assert caught.value.exit_code == {"USAGE": 2, "DEVICE": 7}[reason]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"preset": "nonsense"}, "options.preset: there is no preset 'nonsense'"),
        ({"ingredients": {"nonsense": "1"}}, "options.ingredients: there is no ingredient 'nonsense'"),
        ({"ingredients": {"warmup": "many"}}, "options.ingredients: ingredient warmup can't be 'many'"),
    ],
)
def test_a_training_that_nobody_could_do_is_not_queued(
    material: Material, options: dict[str, object], says: str
) -> None:
    with pytest.raises(RefusedError, match=says):
        material.client.jobs.create(material.training(4, **options))


def test_a_swap_is_judged(material: Material, tmp_path: Path) -> None:
    client = material.client
    job = client.jobs.wait(client.jobs.create(material.swapping("0-29")).job_id)
    client.transfer.download(job.result.artifacts[0].digest, tmp_path / "swapped.mp4")
    spec = job_pb2.EvaluateSpec(
        original_clip_id=material.clip,
        swapped_clip_id=client.take_clip(tmp_path / "swapped.mp4"),
        source_faceset_id=material.faceset,
        range="0-29",
    )
    job = client.jobs.wait(client.jobs.create(job_pb2.JobSpec(evaluate=spec)).job_id)
    made = {one.role: one.digest for one in job.result.artifacts}
    figures = json.loads(client.transfer.read(made["evaluation"]))["figures"]
    assert next(one["value"] for one in figures if one["name"] == "missed") == 0
    assert made.keys() == {"evaluation", "sheet", "worst"}
    assert any("Likeness to the source" in line for line in job.result.summary)


def test_a_person_is_needed_while_faces_are_theirs(material: Material, packed_faces: Path) -> None:
    client = material.client
    create = identity_pb2.CreateIdentityRequest(display_name="Anna")
    anna = client.connection.call(client.identities.CreateIdentity, create).identity_id
    rename = packed_faces.with_name("anna.zip")
    with zipfile.ZipFile(packed_faces) as given, zipfile.ZipFile(rename, "w") as other:
        for name in given.namelist():
            other.writestr(name, given.read(name))
    digest = client.transfer.upload(rename)
    ingest = job_pb2.IngestSpec(digest=digest, kind=job_pb2.INGEST_KIND_FACESET, identity_id=anna)
    job = client.jobs.create(job_pb2.JobSpec(ingest=ingest))
    delete = identity_pb2.DeleteIdentityRequest(identity_id=anna)
    for _ in range(2):
        with pytest.raises(RefusedError, match=r"needed by job|is theirs") as caught:
            client.connection.call(client.identities.DeleteIdentity, delete)
        assert caught.value.reason == "IN_USE"
        made = client.jobs.wait(job.job_id).result.faceset_id
    assert client.faceset(made).identity_id == anna
    client.connection.call(client.facesets.DeleteFaceset, faceset_pb2.DeleteFacesetRequest(faceset_id=made))
    client.connection.call(client.identities.DeleteIdentity, delete)


def test_what_is_needed_is_not_deleted(material: Material, actors: Path) -> None:
    client = material.client
    clip = client.take_clip(actors / "neighbour.mp4")
    spec = material.swapping("0-99")
    spec.swap.clip_id = clip
    job = client.jobs.create(spec)
    client.jobs.pause(job.job_id)
    delete = clip_pb2.DeleteClipRequest(clip_id=clip)
    with pytest.raises(RefusedError, match=f"needed by job {job.job_id}") as caught:
        client.connection.call(client.clips.DeleteClip, delete)
    assert caught.value.metadata == {"job_id": job.job_id}
    with pytest.raises(RefusedError, match="cancel it first"):
        client.jobs.delete(job.job_id)
    client.jobs.cancel(job.job_id)
    material.until(job.job_id, job_pb2.JOB_STATE_CANCELLED)
    digest = client.clip(clip).digest
    client.connection.call(client.clips.DeleteClip, delete)
    assert client.transfer.missing([digest]) == [digest]  # there is room again
    client.jobs.delete(job.job_id)
    with pytest.raises(MissingError, match="there is no job"):
        client.jobs.get(job.job_id)
    assert not (material.served.data / "jobs" / job.job_id).exists()


def test_an_edit_that_shows_a_layer_is_signed(material: Material) -> None:
    spec = material.swapping("10-11")
    spec.swap.layers.append("face")
    job = material.client.jobs.wait(material.client.jobs.create(spec).job_id)
    made = {one.role: one.digest for one in job.result.artifacts}
    sign = job_pb2.SignSpec(digest=made["clip"], display_name="edit.mp4", swaps=[made["layers"]])
    signed = material.client.jobs.wait(material.client.jobs.create(job_pb2.JobSpec(sign=sign)).job_id)
    assert [one.role for one in signed.result.artifacts] == ["clip"]
    assert signed.result.summary[0].endswith("1 swap in it")
