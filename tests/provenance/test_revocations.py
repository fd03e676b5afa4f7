"""A revoked face is known by its content, whatever becomes of its name, its note or the store."""

from __future__ import annotations

import datetime as dt
import json
import random
import shutil
from typing import TYPE_CHECKING

import pytest

from recaster.api.v1 import faceset_pb2, identity_pb2, model_pb2
from recaster.errors import ConsentError
from recaster.provenance.face_traces import EMBEDDING_LENGTH, FaceTraces
from recaster.provenance.register import Register, open_register

if TYPE_CHECKING:
    from pathlib import Path

SYNTHETIC = identity_pb2.Attestation(basis=identity_pb2.BASIS_SYNTHETIC)


def person(seed: int, count: int = 20, spread: float = 0.01) -> list[list[float]]:
    """Embeddings of some pictures of one person; others are more than one apart."""
    chance = random.Random(seed)  # noqa: S311
    middle = [chance.gauss(0, 0.12) for _ in range(EMBEDDING_LENGTH)]
    return [[value + chance.gauss(0, spread) for value in middle] for _ in range(count)]


HER = FaceTraces.of_pictures(["a" * 64], person(1))


@pytest.fixture
def revoked(register: Register) -> Register:
    """A register where one of two people was revoked."""
    her = register.add("her", SYNTHETIC)
    register.add("Nobody", SYNTHETIC)
    faces = register.catalog.facesets.add(faceset_pb2.Faceset(digest="a" * 64))
    register.add_traces("faceset", faces.faceset_id, HER)
    register.assign(her.identity_id, "faceset", faces)
    register.revoke(her.identity_id)
    return register


@pytest.mark.parametrize(
    "traces",
    [
        FaceTraces(frozenset({"a" * 64})),  # packed anew, renamed
        FaceTraces.of_pictures(["b" * 64], person(1)[1:]),  # one face dropped
        FaceTraces.of_pictures(["b" * 64], person(1, spread=0.015)),  # extracted anew
        FaceTraces.of_pictures(["b" * 64], person(2, 80) + person(1, 8)),  # among others
    ],
)
def test_a_face_is_known_again(revoked: Register, traces: FaceTraces) -> None:
    thing = revoked.catalog.facesets.add(faceset_pb2.Faceset(digest="b" * 64))
    revoked.add_traces("faceset", thing.faceset_id, traces)
    with pytest.raises(ConsentError, match="known") as caught:
        revoked.assign(revoked.find_named("Nobody").identity_id, "faceset", thing)
    assert caught.value.reason == "CONSENT_REVOKED"
    with pytest.raises(ConsentError, match="use them was revoked"):
        revoked.refuse_revoked("", traces)


def test_others_are_not(revoked: Register) -> None:
    revoked.refuse_revoked("", FaceTraces.of_pictures(["b" * 64], person(2)))
    revoked.refuse_revoked("", FaceTraces())
    # A stray picture in a revoked set doesn't revoke whoever is in it.
    both = FaceTraces.of_pictures(["c" * 64], person(3) + person(4, 1))
    other = revoked.add("other", SYNTHETIC).identity_id
    revoked.add_person_traces(other, both)
    revoked.revoke(other)
    revoked.refuse_revoked("", FaceTraces.of_pictures([], person(4)))
    with pytest.raises(ConsentError, match="use them was revoked"):
        revoked.refuse_revoked("", FaceTraces.of_pictures([], person(3)))


def test_only_her_own_right_lifts_it(revoked: Register) -> None:
    her = revoked.find_named("her").identity_id
    revoked.attest(revoked.find_named("Nobody").identity_id, SYNTHETIC)
    revoked.add("her again", SYNTHETIC)
    with pytest.raises(ConsentError, match="use them was revoked"):
        revoked.refuse_revoked("", HER)
    revoked.attest(her, SYNTHETIC)
    revoked.refuse_revoked(her, HER)
    revoked.revoke(her)
    with pytest.raises(ConsentError, match="use them was revoked"):
        revoked.refuse_revoked("", HER)


def test_deleting_her_keeps_the_no(revoked: Register) -> None:
    revoked.delete(revoked.find_named("her").identity_id)
    with pytest.raises(ConsentError, match="use them was revoked"):
        revoked.refuse_revoked("", HER)


def test_what_is_found_out_later_counts_too(revoked: Register) -> None:
    her = revoked.find_named("her").identity_id
    revoked.add_person_traces(her, FaceTraces(frozenset({"d" * 64})))
    with pytest.raises(ConsentError, match="use them was revoked"):
        revoked.refuse_revoked("", FaceTraces(frozenset({"d" * 64})))


def test_a_model_gets_its_owner_when_its_faces_do(register: Register) -> None:
    model = register.catalog.models.add(model_pb2.Model(source_digest="a" * 64))
    faces = register.catalog.facesets.add(faceset_pb2.Faceset(digest="a" * 64))
    her = register.add("her", SYNTHETIC).identity_id
    register.assign(her, "faceset", faces)
    assert register.catalog.models.get(model.model_id).identity_id == her


@pytest.mark.parametrize("also", ["", "revocations.jsonl"])
def test_a_restored_store_revives_nobody(tmp_path: Path, also: str) -> None:
    with open_register(_folder(tmp_path)) as register:
        her = register.add("her", SYNTHETIC).identity_id
        register.add_person_traces(her, HER)
    shutil.copy(tmp_path / "data/store.sqlite", tmp_path / "last night")
    with open_register(_folder(tmp_path)) as register:
        register.revoke(her)
    for end in ("-wal", "-shm"):
        (tmp_path / f"data/store.sqlite{end}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "last night", tmp_path / "data/store.sqlite")
    if also:  # the log alone is enough
        (tmp_path / "data" / also).unlink()
    with open_register(_folder(tmp_path)) as register:
        assert register.get(her).HasField("revocation")
        with pytest.raises(ConsentError, match="revoked"):
            register.require(her)
        with pytest.raises(ConsentError, match="use them was revoked"):
            register.refuse_revoked("", HER)
        register.attest(her, SYNTHETIC)
    with open_register(_folder(tmp_path)) as register:
        assert register.require(her)


def test_the_user_s_own_list_holds_in_all_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path / "own"))
    with open_register() as own:
        her = own.add("her", SYNTHETIC).identity_id
        own.add_person_traces(her, HER)
        own.revoke(her)
        (tmp_path / "carried").write_bytes(own.revocations.lines())
    with (
        open_register(_folder(tmp_path)) as engine,
        pytest.raises(ConsentError, match="use them was revoked"),
    ):
        engine.refuse_revoked("", HER)
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path / "another"))
    with open_register() as another:
        another.refuse_revoked("", HER)
        assert another.revocations.take(tmp_path / "carried") == 1
        with pytest.raises(ConsentError, match="use them was revoked"):
            another.refuse_revoked("", HER)


def test_a_damaged_list_refuses(revoked: Register) -> None:
    with revoked.revocations.path.open("ab") as file:
        file.write(b"nonsense\n")
    with pytest.raises(ConsentError, match="no record"):
        revoked.refuse_revoked("", FaceTraces())


@pytest.mark.parametrize("how", ["removed", "emptied", "cut", "a folder", "a link to nowhere"])
def test_a_list_that_is_lost_refuses(revoked: Register, how: str) -> None:
    path = revoked.revocations.path
    other = revoked.find_named("Nobody").identity_id
    revoked.revoke(other)
    with pytest.raises(ConsentError, match="revoked"):
        revoked.refuse_revoked("", HER)
    whole = path.read_bytes()
    path.unlink()
    if how == "emptied":
        path.touch()
    elif how == "cut":
        path.write_bytes(whole.splitlines(keepends=True)[0])
    elif how == "a folder":
        path.mkdir()
    elif how == "a link to nowhere":
        path.symlink_to("nowhere")
    for traces in (HER, FaceTraces()):  # nobody knows now whose face these are
        with pytest.raises(ConsentError, match="put"):
            revoked.refuse_revoked("", traces)
    if how == "a folder":
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(whole)
    revoked.refuse_revoked("", FaceTraces())


def test_half_a_line_was_never_said(revoked: Register) -> None:
    with revoked.revocations.path.open("ab") as file:
        file.write(b'{"event":"lif')
    with pytest.raises(ConsentError, match="use them was revoked"):
        revoked.refuse_revoked("", HER)
    other = revoked.find_named("Nobody").identity_id
    revoked.revoke(other)
    assert set(revoked.revocations.known()) == {other, revoked.find_named("her").identity_id}


def test_an_older_clock_revives_no_right(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    now = dt.datetime.now(dt.UTC)
    said = identity_pb2.Attestation(basis=identity_pb2.BASIS_CONSENT)
    said.valid_until.FromDatetime(now - dt.timedelta(hours=1))
    her = register.add("her", said).identity_id

    class Earlier(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
            assert tz is not None
            return now - dt.timedelta(days=1)

    monkeypatch.setattr("recaster.provenance.register.dt.datetime", Earlier)
    with pytest.raises(ConsentError, match="ended"):
        register.require(her)


def test_a_replaced_letter_goes(register: Register, tmp_path: Path) -> None:
    letters = []
    for text in ("first", "second"):
        (tmp_path / text).write_text(text)
        letters.append(register.documents.keep(tmp_path / text))
    said = identity_pb2.Attestation(basis=identity_pb2.BASIS_CONSENT, document_digest=letters[0])
    her = register.add("her", said).identity_id
    said.document_digest = letters[1]
    register.attest(her, said)
    assert not register.documents.path(letters[0]).exists()
    assert register.documents.path(letters[1]).exists()


@pytest.mark.parametrize("how", ["replaced", "deleted"])
def test_a_letter_that_the_policy_holds_stays_for_its_years(
    register: Register, tmp_path: Path, how: str
) -> None:
    (register.folder.path / "policy.toml").write_text("[retention]\nletters_years = 10\n")
    (tmp_path / "letter").write_text("I agree")
    said = identity_pb2.Attestation(basis=identity_pb2.BASIS_CONSENT, scope="the film")
    said.document_digest = register.documents.keep(tmp_path / "letter")
    her = register.add("Anna", said).identity_id
    if how == "replaced":
        said.ClearField("document_digest")
        register.attest(her, said)
    else:
        assert register.delete(her).startswith(str(dt.datetime.now(dt.UTC).year + 10)[:3])
    documents = register.documents
    [held] = (documents.folder / "held").iterdir()
    assert {path.name for path in documents.folder.iterdir()} == {"held"}
    assert (held / "letter").read_text() == "I agree"
    assert json.loads((held / "record.json").read_text())["displayName"] == "Anna"
    assert not any(path.stat().st_mode & 0o077 for path in (held, *held.iterdir()))
    end = dt.date.fromisoformat(held.name[:10])
    assert 9 * 365 < (end - dt.datetime.now(dt.UTC).date()).days < 11 * 365
    documents.end_holds(end)
    assert held.is_dir()
    documents.end_holds(end + dt.timedelta(days=1))
    assert not list((documents.folder / "held").iterdir())


def _folder(tmp_path: Path):
    from recaster.store.folder import DataFolder

    return DataFolder(tmp_path / "data")
