"""A result is taken for a request's own only where the audit log says so, byte for byte."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from recaster.api.v1 import job_pb2
from recaster.errors import ConsentError
from recaster.files import sha256
from recaster.operations import swap
from recaster.operations.face_rights import FaceClaim
from recaster.provenance.identity_note import read_identity
from recaster.provenance.inspection import inspect_file
from recaster.provenance.picture_list import check_pictures
from recaster.provenance.register import open_register
from recaster.swapping import pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset

FRAMES = 6


@pytest.fixture
def request_made(
    fake: Any, few_faces: Faceset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> swap.Request:
    """A request with matte, report and a manifest beside its result, that was carried out."""
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(
        pipeline, "analyse_clip", lambda *_, **__: fake.analysis([fake.track(range(FRAMES))], FRAMES)
    )
    faces = tmp_path / "faces"
    shutil.copytree(few_faces.folder, faces)
    made = swap.Request(
        clip=fake.make_clip(tmp_path / "clip.mp4", FRAMES),
        out=tmp_path / "out.mkv",
        options=job_pb2.SwapOptions(threads=1),
        source=faces,
        matte=tmp_path / "matte.mkv",
        report=tmp_path / "report.json",
        claim=FaceClaim(basis="synthetic"),
    )
    swap.run(made, load=loader(fake))
    return made


def loader(fake: Any, digest: str = "f00d") -> Any:
    return lambda *_: (fake.FakeSwapper(digest), "on the CPU")


def test_the_same_request_is_known_again(fake: Any, request_made: swap.Request, tmp_path: Path) -> None:
    load = loader(fake)
    assert swap.is_made(request_made, load)
    changes: list[dict[str, Any]] = [
        {"options": job_pb2.SwapOptions(threads=1, feather=0.1)},
        {"options": job_pb2.SwapOptions(threads=1, quality=20)},
        {"matte": None},
        {"report": None},
        {"layers": ("face",), "layers_out": tmp_path / "matte.mkv"},
        {"has_manifest": False},
        {"out": tmp_path / "other.mkv"},
        {"clip": fake.make_clip(tmp_path / "longer.mp4", FRAMES + 1)},
    ]
    for change in changes:
        assert not swap.is_made(dataclasses.replace(request_made, **change), load), change
    assert not swap.is_made(request_made, loader(fake, "another model"))


@pytest.mark.parametrize("name", ["out.mkv", "out.c2pa", "matte.mkv", "report.json"])
def test_a_changed_or_missing_file_is_made_again(fake: Any, request_made: swap.Request, name: str) -> None:
    path = request_made.out.with_name(name)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert not swap.is_made(request_made, loader(fake))
    path.unlink()
    assert not swap.is_made(request_made, loader(fake))
    path.write_bytes(whole)
    assert swap.is_made(request_made, loader(fake))


def test_layers_carry_the_manifest_of_their_swap(
    fake: Any, request_made: swap.Request, tmp_path: Path
) -> None:
    layers = {"out": tmp_path / "again.mp4", "layers": ("face",)}
    made = dataclasses.replace(request_made, **layers, layers_out=tmp_path / "face.mov")
    swap.run(made, load=loader(fake))
    assert swap.is_made(made, loader(fake))
    for path in (made.out, made.layers_out):
        assert inspect_file(path, tmp_path / "data").swap
        with open_register() as register:
            assert [each.event for each in register.audit.mentioning(sha256(path))] == ["swap.deliver"]
    beside = dataclasses.replace(made, layers_out=tmp_path / "face.mkv")
    swap.run(beside, load=loader(fake))
    assert swap.is_made(beside, loader(fake))
    (tmp_path / "face.c2pa").unlink()
    assert not swap.is_made(beside, loader(fake))


def test_pictures_of_layers_are_signed_by_their_list(
    fake: Any, request_made: swap.Request, tmp_path: Path
) -> None:
    layers = {"out": tmp_path / "again.mp4", "layers": ("face", "st")}
    made = dataclasses.replace(request_made, **layers, layers_out=tmp_path / "comp" / "face.%04d.exr")
    swap.run(made, load=loader(fake))
    names = ["face.exr.c2pa", "face.exr.sha256", "face.json"]
    pictures = [f"face.{number:04}.exr" for number in range(1, FRAMES + 1)]
    assert sorted(path.name for path in (tmp_path / "comp").iterdir()) == sorted([*names, *pictures])
    assert inspect_file(tmp_path / "comp" / "face.exr.sha256", tmp_path / "data").swap
    assert check_pictures(tmp_path / "comp" / "face.exr.sha256") == FRAMES
    with open_register() as register:
        events = register.audit.mentioning(sha256(tmp_path / "comp" / "face.exr.sha256"))
    assert [each.event for each in events] == ["swap.deliver"]
    for name in [*names, pictures[1]]:
        path = tmp_path / "comp" / name
        assert swap.is_made(made, loader(fake))
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        assert not swap.is_made(made, loader(fake)), name
        path.write_bytes(whole)


def test_a_face_that_was_revoked_is_not_passed_over(fake: Any, request_made: swap.Request) -> None:
    assert request_made.source is not None
    with open_register() as register:
        register.revoke(read_identity(request_made.source))
    with pytest.raises(ConsentError, match="revoked"):
        swap.is_made(request_made, loader(fake))
