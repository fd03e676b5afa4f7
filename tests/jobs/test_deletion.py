"""A deleted person is gone from everywhere but where the report says that something stays."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from serving import wait_for

from recaster.api.v1 import clip_pb2, faceset_pb2, identity_pb2, job_pb2, swap_pb2
from recaster.client.errors import MissingError
from recaster.provenance.audit_log import AuditLog
from recaster.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from serving import Served

    from recaster.client import Client

NAME = "Anna Unmistakable"
LETTER = b"I, Anna Unmistakable, agree."


class Studio:
    """An engine with a data folder and a cache of its own, and what was done there."""

    def __init__(self, serve: Callable[..., Served], cache: Path, actors: Path) -> None:
        self.cache = cache
        self.served = serve()
        self.data = self.served.data
        self.client: Client = self.served.client(patience_s=60)
        self.actors = actors

    def clip(self, name: str, shown: str, folder: Path) -> str:
        return self.client.take_clip(shutil.copy(self.actors / name, folder / shown))

    def register(self, name: str, letter: Path | None = None) -> str:
        said = identity_pb2.Attestation(basis=identity_pb2.BASIS_CONSENT, attested_by="Ben")
        if letter is not None:
            said.document_digest = self.client.transfer.upload(letter)
        request = identity_pb2.CreateIdentityRequest(display_name=name, attestation=said)
        return self.client.connection.call(self.client.identities.CreateIdentity, request).identity_id

    def do(self, **work: object) -> job_pb2.Job:
        return self.client.jobs.wait(self.client.jobs.create(job_pb2.JobSpec(**work)).job_id)

    def extract(self, clip: str, person: str, shown: str) -> job_pb2.Job:
        options = job_pb2.ExtractOptions(every=4, range="0-19")
        inputs = [job_pb2.ExtractInput(clip_id=clip)]
        return self.do(
            extract=job_pb2.ExtractSpec(
                inputs=inputs, identity_id=person, display_name=shown, options=options
            )
        )

    def swap(self, clip: str, **source: str) -> job_pb2.Job:
        options = job_pb2.SwapOptions(range="0-5")
        return self.do(swap=job_pb2.SwapSpec(clip_id=clip, options=options, **source))

    def holding(self, *parts: bytes) -> set[str]:
        """Files of data folder and cache that hold some bytes, or have them in their name."""
        found = set()
        for top in (self.data, self.cache):
            for folder, _, names in os.walk(top):  # passes over what the engine is just clearing away
                for name in names:
                    path = Path(folder, name)
                    shown = str(path.relative_to(top))
                    with contextlib.suppress(FileNotFoundError):
                        data = path.read_bytes() if path.is_file() else b""
                        if any(part in data or part in shown.encode() for part in parts):
                            found.add(shown)
        return found


@pytest.fixture
def studio(serve: Callable[..., Served], actors: Path, tmp_path: Path) -> Iterable[Studio]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RECASTER_BASIS")
        patch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
        yield Studio(serve, tmp_path / "cache", actors)


def middle(path: Path) -> bytes:
    data = path.read_bytes()
    return data[len(data) // 2 :][:48]


def things(report: identity_pb2.DeleteIdentityResponse, kind: str) -> set[str]:
    return {one.id for one in report.deleted if one.kind == kind}


def kept(report: identity_pb2.DeleteIdentityResponse) -> dict[tuple[str, str], str]:
    return {(one.kind, one.id): one.reason for one in report.kept}


def bytes_of_her(studio: Studio, person: str, faces: str, model: str, blobs: list[str]) -> list[bytes]:
    """Bytes out of everything that shows a person: name, letter, embedding, texture, crops and pictures."""
    (studio.data / "store.sqlite.v1").write_bytes(NAME.encode())  # as one from before an upgrade
    database = Database(studio.data / "store.sqlite")
    [known] = database.rows("select body from trace where owner = ?", (f"identity {person}",))
    database.close()
    embedding = known["body"].split("[[[")[1][:60].encode()
    crops = [middle(path) for path in (studio.data / "facesets" / faces / "faces").iterdir()]
    assert crops
    pictures = [middle(studio.data / "blobs" / digest[:2] / digest) for digest in blobs]
    texture = (studio.data / "models" / model / "likeness.safetensors").read_bytes()[-4096:][:64]
    return [NAME.encode(), b"anna-unmistakable", LETTER, embedding, texture, *crops, *pictures]


def deleted_as_foreseen(studio: Studio, person: str) -> identity_pb2.DeleteIdentityResponse:
    """Deletes a person after a dry run, which changes nothing and tells the same."""
    before = studio.holding(b"")
    foreseen = studio.client.delete_identity(person, dry_run=True)
    assert studio.holding(b"") == before
    assert studio.client.identity(person).display_name == NAME
    report = studio.client.delete_identity(person)
    assert report == foreseen
    return report


def only_the_log_knows(
    studio: Studio, person: str, report: identity_pb2.DeleteIdentityResponse, names: set[str]
) -> None:
    assert studio.holding(person.encode()) == {"audit.jsonl"}
    for name in things(report, "job") | names:
        assert studio.holding(name.encode()) <= {"audit.jsonl"}
    last = list(AuditLog(studio.data / "audit.jsonl").records())[-1]
    assert (last.event, last.details["identity"]) == ("identity.delete", person)
    assert set(last.details["jobs"]) == things(report, "job")


def everything_is_refused(*calls: Callable[[], object]) -> None:
    for call in calls:
        with pytest.raises(MissingError, match="there is no"):
            call()


def test_all_that_shows_a_person_goes(studio: Studio, tmp_path: Path) -> None:
    client = studio.client
    letter = tmp_path / "letter.txt"
    letter.write_bytes(LETTER)
    anna = studio.register(NAME, letter)
    ben = studio.register("Ben")
    source = studio.clip("likeness.mp4", "anna-unmistakable.mp4", tmp_path)
    target = studio.clip("performer.mp4", "scene.mp4", tmp_path)
    faces = studio.extract(source, anna, NAME).result.faceset_id
    others = studio.extract(target, ben, "ben").result.faceset_id
    swap = studio.swap(target, faceset_id=faces)
    made = swap.result.artifacts[0].digest
    client.transfer.download(made, tmp_path / "result.mp4")
    result = client.take_clip(tmp_path / "result.mp4")
    on_top = studio.swap(result, faceset_id=others)  # shows her as well
    other_swap = studio.swap(target, faceset_id=others)
    edit = client.transfer.upload(studio.actors / "neighbour.mp4")
    signed = studio.do(sign=job_pb2.SignSpec(digest=edit, display_name="edit.mp4", swaps=[made]))
    training = studio.do(
        train=job_pb2.TrainSpec(
            source_faceset_id=faces, display_name=NAME, options=job_pb2.TrainOptions(steps=2)
        )
    )
    packed = studio.do(export=job_pb2.ExportSpec(faceset_id=faces))
    client.preview(swap_pb2.PreviewFrameRequest(clip_id=target, model_id=training.job_id, frame=3))

    hers = bytes_of_her(studio, anna, faces, training.job_id, [made, client.clip(source).digest])
    assert all(studio.holding(one) for one in hers)
    assert studio.holding(client.clip(source).digest.encode())
    about_her = {client.clip(source).digest, made}

    report = deleted_as_foreseen(studio, anna)
    assert things(report, "faceset") == {faces}
    assert things(report, "model") == {training.job_id}
    jobs = {one.job_id for one in (swap, on_top, signed, training, packed)}
    assert jobs < things(report, "job")
    assert other_swap.job_id not in things(report, "job")
    assert things(report, "clip") == {source, result}
    assert len(things(report, "letter")) == len(things(report, "identity")) == 1
    assert set(kept(report).values()) <= {"AUDIT_LOG", "LOOKS_ALIKE"}
    assert not studio.holding(*hers)
    only_the_log_knows(studio, anna, report, {faces, source, result})
    assert studio.holding(*(one.encode() for one in about_her)) == {"audit.jsonl"}
    assert studio.holding(client.clip(target).digest.encode())  # whose analysis is nobody else's
    everything_is_refused(
        lambda: client.identity(anna), lambda: client.clip(result), lambda: client.jobs.get(swap.job_id)
    )
    assert client.faceset(others).identity_id == ben
    client.transfer.download(other_swap.result.artifacts[0].digest, tmp_path / "other.mp4")
    assert studio.swap(target, faceset_id=others).state == job_pb2.JOB_STATE_SUCCEEDED


def test_whoever_deletes_piece_by_piece_leaves_nothing_either(studio: Studio, tmp_path: Path) -> None:
    client = studio.client
    letters = [tmp_path / "first.txt", tmp_path / "second.txt"]
    for number, letter in enumerate(letters):
        letter.write_bytes(LETTER + str(number).encode())
    anna = studio.register(NAME, letters[0])
    said = identity_pb2.Attestation(basis=identity_pb2.BASIS_CONSENT, attested_by="Ben")
    said.document_digest = client.transfer.upload(letters[1])
    client.attest(anna, said)
    source = studio.clip("likeness.mp4", "anna-unmistakable.mp4", tmp_path)
    faces = studio.extract(source, anna, NAME).result.faceset_id
    crops = [middle(one) for one in (studio.data / "facesets" / faces / "faces").iterdir()]
    hers = [NAME.encode(), b"anna-unmistakable", LETTER, *crops, middle(studio.actors / "likeness.mp4")]
    assert all(studio.holding(one) for one in hers)
    looked_at = client.clip(source).digest.encode()
    for job in list(client.jobs.listed()):
        client.jobs.delete(job.job_id)
    for call, request in (
        (client.clips.DeleteClip, clip_pb2.DeleteClipRequest(clip_id=source)),
        (client.facesets.DeleteFaceset, faceset_pb2.DeleteFacesetRequest(faceset_id=faces)),
        (client.identities.DeleteIdentity, identity_pb2.DeleteIdentityRequest(identity_id=anna)),
    ):
        client.connection.call(call, request)
    assert not studio.holding(*hers)
    assert studio.holding(looked_at) == {"audit.jsonl"}


def test_what_stays_is_named_with_its_reason(studio: Studio, tmp_path: Path) -> None:
    client = studio.client
    (studio.data / "policy.toml").write_text("[retention]\nletters_years = 10\n")
    letter = tmp_path / "letter.txt"
    letter.write_bytes(LETTER)
    anna = studio.register(NAME, letter)
    source = studio.clip("likeness.mp4", "street.mp4", tmp_path)
    faces = studio.extract(source, anna, "hers").result.faceset_id
    spec = job_pb2.JobSpec(
        train=job_pb2.TrainSpec(source_faceset_id=faces, options=job_pb2.TrainOptions(steps=100_000))
    )
    waiting = client.jobs.create(spec).job_id
    client.jobs.pause(waiting)

    report = client.delete_identity(anna)
    reasons = kept(report)
    for one in (("job", waiting), ("faceset", faces), ("identity", anna)):
        assert reasons[one] == "RUNNING_JOB"
    assert all(one.message for one in report.kept)
    assert things(report, "clip") == {source}
    assert client.faceset(faces).identity_id == anna
    assert studio.holding(LETTER)

    client.jobs.cancel(waiting)
    wait_for(client, waiting)
    client.revoke(anna, "enough")
    report = client.delete_identity(anna)
    reasons = kept(report)
    assert reasons.pop(("held", anna)) == "HOLD"
    assert reasons.pop(("traces", "")) == "REVOCATION_LIST"
    assert reasons.pop(("records", "")) == "AUDIT_LOG"
    assert not reasons
    assert {path.split("/")[1] for path in studio.holding(LETTER, NAME.encode())} == {"held"}
    assert "revocations.jsonl" in studio.holding(anna.encode())


def test_a_clip_of_somebody_else_s_work_stays(studio: Studio, tmp_path: Path) -> None:
    anna = studio.register(NAME)
    ben = studio.register("Ben")
    scene = studio.clip("likeness.mp4", "scene.mp4", tmp_path)
    faces = studio.extract(scene, anna, "hers").result.faceset_id
    others = studio.extract(scene, ben, "his").result.faceset_id
    analysed = studio.holding(studio.client.clip(scene).digest.encode())
    report = studio.client.delete_identity(anna)
    assert kept(report)["clip", scene] == "OTHERS"
    assert kept(report)["faceset", others] == "LOOKS_ALIKE"  # it is her, whatever was said
    assert things(report, "faceset") == {faces}
    assert things(report, "analyses") == {scene}
    assert any(one.endswith(".npz") for one in analysed)
    assert not list((studio.cache / "analysis").iterdir())
    assert studio.client.clip(scene).display_name == "scene.mp4"


def test_what_was_done_with_faces_that_are_gone_is_found(studio: Studio, tmp_path: Path) -> None:
    anna = studio.register(NAME)
    client = studio.client
    source = studio.clip("likeness.mp4", "hers.mp4", tmp_path)
    target = studio.clip("performer.mp4", "scene.mp4", tmp_path)
    faces = studio.extract(source, "", "hers").result.faceset_id
    client.assign(anna, faceset_id=faces)
    swap = studio.swap(target, faceset_id=faces)
    client.connection.call(client.facesets.DeleteFaceset, faceset_pb2.DeleteFacesetRequest(faceset_id=faces))
    alone = identity_pb2.DeleteIdentityRequest(identity_id=anna, dry_run=True)
    report = client.connection.call(client.identities.DeleteIdentity, alone)
    assert kept(report)["job", swap.job_id] == "NOT_ASKED"
    assert things(report, "identity") == {anna}
    report = client.delete_identity(anna)
    assert swap.job_id in things(report, "job")
    assert things(report, "clip") == {source}
    assert not studio.holding(middle(studio.actors / "likeness.mp4"))
