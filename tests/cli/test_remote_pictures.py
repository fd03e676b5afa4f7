"""Sequences of pictures at an engine: sent and fetched as zips, the same as without one."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from recaster.api.v1 import clip_pb2, job_pb2
from recaster.cli import main as cli
from recaster.client import JobFailedError
from recaster.client.errors import CallError
from recaster.files import sha256
from recaster.media.picture_file import PicturePart, write_picture
from recaster.media.reader import read_frames
from recaster.zips import pack_pictures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serving import Served

    from recaster.client import Client
    from recaster.facesets.faceset import Faceset

NUMBERS = [*range(998, 1002), 1004]
"""Of the shot's pictures; two are missing."""


@pytest.fixture
def shot(actors: Path, tmp_path: Path) -> Path:
    """The pattern of a sequence in linear light, with a gap."""
    folder = tmp_path / "shot"
    for number, frame in zip(NUMBERS, read_frames(actors / "performer.mp4", 0, len(NUMBERS)), strict=True):
        pixels = ((frame.image / 255) ** 2.2).astype("float16")
        write_picture(folder / f"take.{number:04}.exr", [PicturePart(("R", "G", "B"), pixels)])
    return folder / "take.%04d.exr"


@pytest.fixture
def run(served: Served, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a command with RECASTER_ENGINE set."""
    monkeypatch.setenv("RECASTER_ENGINE", served.address)
    monkeypatch.setenv("RECASTER_TOKEN", served.token)
    return lambda *arguments: cli.main([str(one) for one in arguments])


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_sequence_comes_back_as_one(
    run: Callable[..., int], served: Served, shot: Path, few_faces: Faceset, tmp_path: Path
) -> None:
    swap = ("swap", shot, "--source", few_faces.folder, "--no-manifest", "-o")
    there = tmp_path / "there"
    here = tmp_path / "here"
    assert run(*swap, there / "out.%04d.exr", "--matte", there / "matte" / "m.%04d.exr") == 0
    assert run(*swap, here / "out.%04d.exr", "--matte", here / "matte" / "m.%04d.exr", "--local") == 0
    assert sorted(path.name for path in there.glob("*.exr")) == [f"out.{n:04}.exr" for n in NUMBERS]
    for folder in ("matte", "."):
        made = {path.name: path.read_bytes() for path in (there / folder).glob("*.exr")}
        assert made == {path.name: path.read_bytes() for path in (here / folder).glob("*.exr")}
        assert len(made) == len(NUMBERS)
    assert not list(there.glob(".*"))
    assert run(*swap[:-2], "-o", there / "signed.%04d.exr") == 0
    assert {path.name for path in there.glob("signed*")} >= {"signed.exr.sha256", "signed.exr.c2pa"}
    assert (
        cli.main(["verify", str(there / "signed.exr.sha256")]) == 10
    )  # the engine signed, whom nobody knows
    picture = there / "signed.1000.exr"
    picture.write_bytes(picture.read_bytes()[:-1] + b"\0")
    assert cli.main(["verify", str(there / "signed.exr.sha256")]) == 3
    left = [path for path in (served.data / "jobs").rglob("*.exr") if "inputs" not in path.parts]
    assert left == []


def test_layers_come_back_as_pictures(
    run: Callable[..., int], actors: Path, few_faces: Faceset, tmp_path: Path
) -> None:
    clip = actors / "performer.mp4"
    swap = ("swap", clip, "--source", few_faces.folder, "--range", "3-6", "--layers", "face,st,mesh")
    there = tmp_path / "there"
    here = tmp_path / "here"
    assert run(*swap, "-o", there / "out.mp4", "--layers-out", there / "comp" / "s.%04d.exr") == 0
    local = ("-o", here / "out.mp4", "--layers-out", here / "comp" / "s.%04d.exr", "--no-manifest", "--local")
    assert run(*swap, *local) == 0
    made = files_in(there / "comp")
    assert {"s.exr.sha256", "s.exr.c2pa"} == set(made) - set(files_in(here / "comp"))
    names = ["s.0004.exr", "s.0005.exr", "s.0006.exr", "s.0007.exr", "s.json", "s.usda"]
    assert sorted(files_in(here / "comp")) == names
    for name, expected in files_in(here / "comp").items():
        assert made[name].replace(b"swapped.mp4", b"out.mp4") == expected, name
    lines = made["s.exr.sha256"].decode().splitlines()
    assert [line.split()[1].lstrip("*") for line in lines] == names[:4]
    assert sha256(there / "comp" / names[0]) in lines[0]


def test_the_same_pictures_are_the_same_clip(engine: Client, shot: Path, tmp_path: Path) -> None:
    packed = tmp_path / "take.%04d.exr.zip"
    pictures = {number: shot.with_name(f"take.{number:04}.exr") for number in NUMBERS}
    pack_pictures(pictures, 4, packed)
    clip = engine.clip(engine.take_clip(packed))
    assert (clip.frame_count, clip.codec, clip.width) == (len(NUMBERS), "openexr", 320)
    assert clip.digest == sha256(packed)
    assert clip.size == packed.stat().st_size
    again = tmp_path / "other.zip"
    pack_pictures(dict(reversed(pictures.items())), 4, again)
    assert engine.take_clip(again) == clip.clip_id
    shown = engine.connection.call(
        engine.clips.GetThumbnail, clip_pb2.GetThumbnailRequest(clip_id=clip.clip_id)
    )
    assert shown.jpeg
    request = clip_pb2.FindPeopleRequest(clip_id=clip.clip_id)
    assert len(engine.connection.call(engine.clips.FindPeople, request, timeout_s=120).people) == 1


@pytest.mark.parametrize("name", ["../1.png", "a/1.png", "one.png", "1.png.exe.png", ".1.png", "1.svg"])
def test_other_zips_are_refused(engine: Client, tmp_path: Path, name: str) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (32, 32)).save(picture)
    given = tmp_path / f"{abs(hash(name))}.zip"
    with zipfile.ZipFile(given, "w") as packed:
        packed.write(picture, name)
    with pytest.raises(JobFailedError, match=r"refused|holds something else|holds no pictures|can.t be read"):
        engine.take_clip(given)


def test_what_an_engine_can_not_write_is_refused(
    run: Callable[..., int], engine: Client, shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "faces").mkdir()
    swap = ("swap", shot, "--source", tmp_path / "faces", "-o", tmp_path / "out.%04d.exr")
    assert run(*swap, "--matte", tmp_path / "matte.mov") == 2
    assert "an engine writes the matte as it does the result" in capsys.readouterr().err
    assert run(*swap, "--layers", "face", "--layers-out", tmp_path / "face.mkv") == 2
    assert "an engine writes layers as .mov, or as .exr" in capsys.readouterr().err
    (tmp_path / "shot.json").write_text("[]")
    assert run(*swap, "--layers", "st", "--layers-out", tmp_path / "shot.%04d.exr") == 2
    assert "shot.json: is in the way of the tracking file" in capsys.readouterr().err
    spec = job_pb2.SwapSpec(clip_id="0" * 12, faceset_id="0" * 12, layers=["face", "st"])
    with pytest.raises(CallError, match="layers_pictures"):
        engine.jobs.create(job_pb2.JobSpec(swap=spec))
    for name in ("shot.exr", "../%04d.exr", "%0999999999d.exr", "a%d%d.exr", "%04d.mov"):
        spec = job_pb2.SwapSpec(clip_id="0" * 12, faceset_id="0" * 12, pictures=name)
        with pytest.raises(CallError, match="pictures"):
            engine.jobs.create(job_pb2.JobSpec(swap=spec))


def test_a_preview_is_the_same_there(
    run: Callable[..., int], shot: Path, few_faces: Faceset, tmp_path: Path
) -> None:
    preview = ("swap", shot, "--source", few_faces.folder, "--preview", "4", "-o", tmp_path / "4.png")
    assert run(*preview) == 0
    assert run(*preview[:-1], tmp_path / "here.png", "--local") == 0
    with Image.open(tmp_path / "4.png") as there, Image.open(tmp_path / "here.png") as here:
        assert there.tobytes() == here.tobytes()


def test_masks_go_to_an_engine_with_their_clip(
    run: Callable[..., int], actors: Path, actor_faceset: Faceset, tmp_path: Path
) -> None:
    mask = tmp_path / "mask"
    mask.mkdir()
    for number in range(3):
        Image.new("L", (160, 160), 255 * (number == 1)).save(mask / f"{number:04}.png")
    half = tmp_path / "half.png"
    Image.new("L", (320, 320), 128).save(half)
    swap = ("swap", actors / "performer.mp4", "--source", actor_faceset.folder, "--range", "3-5")
    masks = ("--no-manifest", "--keep-out", mask, "--keep-in", half)
    made = {}
    for name, where in (("there", ()), ("here", ("--local",))):
        out = tmp_path / f"{name}.mkv"
        assert run(*swap, "-o", out, *masks, *where, "--codec", "ffv1", "--matte", tmp_path / "m.mkv") == 0
        made[name] = [frame.image.tobytes() for frame in read_frames(out)]
        mattes = [frame.image.any() for frame in read_frames(tmp_path / "m.mkv")]
        assert mattes == [True, False, True]
    assert made["there"] == made["here"]
    shown = {}
    for name, where in (("there", ()), ("here", ("--local",))):
        shown[name] = tmp_path / f"{name}.png"
        assert run(*swap, "--preview", "4", "-o", shown[name], *masks, *where) == 0
    assert Image.open(shown["there"]).tobytes() == Image.open(shown["here"]).tobytes()
