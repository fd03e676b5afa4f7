"""In a real Blender: engines that lie, and clients whose role isn't enough."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hostile import EVIL, PNG, Liar
from tests.addon.conftest import facts_of
from tests.addon.test_messages import TERMINAL

from recaster.api.v1 import job_pb2
from recaster.store.database import Database
from recaster.store.folder import DataFolder
from recaster.store.tokens import Role, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving import Served
    from tests.addon.conftest import Blender

OURS = {".jpg", ".png", ".mp4", ".mov", ".blend", ".json", ".c2pa"}
IMAGES = {"Render Result", "Viewer Node", "Recaster Preview"}


def lied_to(blender: Blender, liar: Liar, clip: Path, place: Path) -> dict[str, Any]:
    """Do everything at an engine that lies; whatever it says, nothing that it names comes to be."""
    place.mkdir()
    beside = {one.name for one in place.parent.iterdir()}
    facts = {"engine": liar.address, "clip": clip, "folder": place, "render": clip}
    found = blender.run("lied_to", place.parent, **facts)
    liar.stop()
    assert found["wrong"] == []
    places = {"cache", "results", "render.mp4", "render.c2pa", "kept.blend"}
    assert {Path(one).parts[0] for one in found["files"]} <= places
    assert {Path(one).suffix for one in found["files"]} <= OURS
    for kind, called, path in found["new"]:
        assert (kind, called in IMAGES) == ("images", True), found["new"]
        assert not path or Path(path).suffix in OURS
    made = {one.name for one in place.parent.iterdir()} - beside
    assert made == {"lied_to.json", "lied_to.out.json"}
    assert not Path(EVIL[1]).exists()
    return found


@pytest.mark.parametrize("evil", EVIL, ids=lambda one: ascii(one)[1:12])
def test_what_an_engine_calls_things_stays_its_own(
    newest_blender: Blender, actors: Path, tmp_path: Path, evil: str
) -> None:
    clip = actors / "performer.mp4"
    liar = Liar(evil, None, clip.read_bytes())
    found = lied_to(newest_blender, liar, clip, tmp_path / "own")
    assert found["online"]
    asked = {
        "ClipService/FindPeople", "SwapService/PreviewFrame", "BlobService/ReadBlob",
        "FacesetService/ListFaces",
        "ModelService/GetModelPreview", "ModelService/GetLossCurves", "ProvenanceService/VerifyFile",
        "IdentityService/RevokeIdentity", "JobService/DeleteJob",
    }  # fmt: skip
    assert asked <= set(liar.answered)
    assert "shot (Face Swap)" in found["strips"]
    made = [Path(one) for one in found["files"] if one.startswith("results")]
    [result] = [one for one in made if one.name != "recaster-results.json"]
    assert result.name.startswith("shot-")


@pytest.mark.parametrize("shape", ["../../x", "a\0b"])
def test_ids_that_are_none_are_not_used(
    newest_blender: Blender, actors: Path, tmp_path: Path, shape: str
) -> None:
    clip = actors / "performer.mp4"
    found = lied_to(newest_blender, Liar("words", shape), clip, tmp_path / "own")
    assert not found["online"]
    assert found["trouble"].startswith("This is no engine that the add-on knows")


@pytest.mark.parametrize(
    "picture", [b"\x7fELF", PNG[:30], PNG[:16] + bytes([0, 1, 0x86, 0xA0]) * 2 + PNG[24:]]
)
def test_pictures_that_are_none_are_not_shown(
    newest_blender: Blender, actors: Path, tmp_path: Path, picture: bytes
) -> None:
    clip = actors / "performer.mp4"
    liar = Liar("words", None, clip.read_bytes())
    liar.picture = picture
    lied_to(newest_blender, liar, clip, tmp_path / "own")


ALL = {"swap", "preview", "people", "train", "folder", "faces", "drop", "verify"}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR, Role.CONSENT_OFFICER, Role.OPERATOR])
def test_what_a_role_may_not_do_is_grey_and_says_why(
    newest_blender: Blender, shared: tuple[Served, dict[str, Any], str], tmp_path: Path, role: Role
) -> None:
    engine, facts, job = shared
    found = newest_blender.run(
        "in_role", tmp_path, **{**facts, "token": token_of(engine, role.label, role)}, job=job
    )
    may = role > Role.VIEWER
    assert {name for name, pressed in found["pressed"].items() if pressed} == (ALL if may else set())
    assert bool(found["why"]) is not may
    assert found["stage"] == ("placed" if may else "failed")
    whose = role >= Role.OPERATOR
    assert (found["job"] == "") is found["buttons"] is whose
    assert (found["own"], found["mine"]) == (False, False)
    assert (found["basis"] == "") is (role >= Role.CONSENT_OFFICER)
    assert found["stating"] == ""
    words = [found[name] for name in ("why", "trouble", "job", "basis")]
    assert not any(TERMINAL.search(one) or "JobService" in one or "recaster" in one for one in words)
    if role is Role.VIEWER:
        assert found["trouble"] == found["why"] == found["basis"]
        assert found["why"].startswith("This token is for looking only")
    if role < Role.OPERATOR:
        assert "Error: anna asked for this" in found["cancelled"]
    if role < Role.CONSENT_OFFICER:
        assert found["basis"] in found["told"]
        assert f"Your role there: {role.label.capitalize()}" in found["shown"]


def token_of(engine: Served, name: str, role: Role) -> str:
    database = Database(DataFolder(engine.data).database)
    try:
        return Tokens(database).add(name, role)[1]
    finally:
        database.close()


@pytest.fixture(scope="module")
def shared(
    serve: Callable[..., Served], packed_faces: Path, actors: Path
) -> tuple[Served, dict[str, Any], str]:
    """An engine of several clients, what a scenario needs to know, and a job of anna's, from her Blender."""
    engine = serve()
    facts = facts_of(engine, packed_faces, actors)
    from recaster.client import Address, Client

    with Client(Address(engine.address, token_of(engine, "anna", Role.EDITOR))) as anna:
        spec = job_pb2.JobSpec(
            swap=job_pb2.SwapSpec(
                clip_id=anna.take_clip(actors / "performer.mp4"), faceset_id=facts["face"].partition(":")[2]
            )
        )
        job = anna.jobs.create(spec, {"client": "blender"})
    return engine, facts, job.job_id
