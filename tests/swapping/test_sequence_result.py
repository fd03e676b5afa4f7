"""Results that are sequences of pictures: the same bytes each time, gone on with, signed by their list."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.api.v1 import job_pb2
from recaster.cli.main import main
from recaster.cli.swap_tasks import choose_result_name
from recaster.errors import ClipError, ConsentError, ManifestError, OutputError, UsageError
from recaster.files import sha256
from recaster.media.clip import Clip, note_blob
from recaster.media.picture_file import PicturePart, read_picture, write_picture
from recaster.media.sequence_name import SequenceName
from recaster.operations import swap
from recaster.operations.face_rights import FaceClaim
from recaster.provenance.identity_note import read_identity
from recaster.provenance.inspection import inspect_file
from recaster.provenance.register import open_register
from recaster.swapping import pipeline
from recaster.swapping.sequence_list import find_list

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset

COUNT = 12
FORMATS = ["exr", "dpx", "tif", "png", "jpg"]


@pytest.fixture
def ask(fake: Any, few_faces: Faceset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Requests whose face is there in all frames; results lie in ``out``."""
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(
        pipeline, "analyse_clip", lambda *_, **__: fake.analysis([fake.track(range(COUNT))], COUNT)
    )
    clip = fake.make_clip(tmp_path / "clip.mp4", COUNT, sound=True)
    shutil.copytree(few_faces.folder, tmp_path / "faces")

    def make(name: str, **changes: Any) -> swap.Request:
        options = changes.pop("options", None) or job_pb2.SwapOptions(threads=1)
        claim = FaceClaim(basis="synthetic")
        faces = tmp_path / "faces"
        out = tmp_path / "out" / name
        return swap.Request(clip, out, options, source=faces, claim=claim, **changes)

    return make


def load(fake: Any) -> Any:
    return lambda *_: (fake.FakeSwapper(), "on the CPU")


def read_all(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.suffix != ".c2pa"
    }


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_swap_is_a_sequence_with_its_list(fake: Any, ask: Any, tmp_path: Path, suffix: str) -> None:
    request = ask(f"shot.%04d.{suffix}")
    result = swap.run(request, load=load(fake))
    numbers = range(1, COUNT + 1)
    names = {f"shot.{number:04}.{suffix}" for number in numbers}
    assert set(read_all(tmp_path / "out")) == names | {f"shot.{suffix}.sha256"}
    assert f"list of its pictures in shot.{suffix}.c2pa" in result.swap.marked
    [lost] = [each for each in result.swap.warnings if "cannot hold" in each]
    assert "1 sound stream" in lost
    [part] = read_picture(tmp_path / "out" / f"shot.0003.{suffix}")
    assert part.pixels.shape == (fake.HEIGHT, fake.WIDTH, 3)
    first = read_all(tmp_path / "out")
    assert swap.is_made(request, load(fake))
    swap.run(request, load=load(fake))
    assert read_all(tmp_path / "out") == first


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_sequence_stays_what_it_is(fake: Any, ask: Any, tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in").mkdir()
    numbers = [1001, 1002, 1005, *range(1006, 1006 + COUNT - 3)]
    dtype = {"exr": np.float16, "jpg": np.uint8}.get(suffix, np.uint16)
    for index, number in enumerate(numbers):
        values = fake.picture(index).astype(np.float32) * (1 / 255 if suffix == "exr" else 257)
        pixels = fake.picture(index) if suffix == "jpg" else values.astype(dtype)
        write_picture(tmp_path / "in" / f"a.{number}.{suffix}", [PicturePart(("R", "G", "B"), pixels)])
    request = dataclasses.replace(ask(f"a.%04d.{suffix}"), clip=tmp_path / "in")
    result = swap.run(request, load=load(fake))
    assert not [each for each in result.swap.warnings if "cannot hold" in each]
    for number in numbers:
        [before] = read_picture(tmp_path / "in" / f"a.{number}.{suffix}")
        [after] = read_picture(tmp_path / "out" / f"a.{number}.{suffix}")
        assert after.pixels.dtype == before.pixels.dtype
        changed = (after.pixels != before.pixels).any(axis=-1)
        if suffix != "jpg":
            assert 200 < changed.sum() < 3000
            assert not changed[:10].any()
        assert np.abs(after.pixels[:10].astype(float) - before.pixels[:10]).mean() < 2
    assert swap.is_made(request, load(fake))


def test_a_list_speaks_for_its_pictures(fake: Any, ask: Any, tmp_path: Path, capsys: Any) -> None:
    request = ask("shot.####.png")
    swap.run(request, load=load(fake))
    name = SequenceName.parse(request.out)
    assert name is not None
    inspection = inspect_file(name.list_path, tmp_path / "data")
    assert inspection.swap
    assert inspection.local
    assert inspection.line.endswith("; 12 pictures are as listed")
    if shutil.which("sha256sum"):
        command = ["sha256sum", "--check", "--strict", name.list_path.name]
        subprocess.run(command, cwd=name.folder, check=True, capture_output=True)
    capsys.readouterr()
    for path in (request.out, name.list_path, name.picture_path(3)):
        assert main(["verify", str(path)]) == 0
        assert "a face swap made by Recaster" in capsys.readouterr().out
    part = name.list_path.with_name("shot.0001-0012.png.sha256")  # as a machine of a render farm calls it
    name.list_path.rename(part)
    assert find_list(name.picture_path(3)) == part
    part.rename(name.list_path)
    name.picture_path(5).write_bytes(name.picture_path(6).read_bytes())
    assert main(["verify", str(request.out)]) == ManifestError.exit_code
    assert "shot.0005.png: was changed after its list was signed" in capsys.readouterr().err
    assert main(["verify", str(name.picture_path(6))]) == 0
    name.picture_path(4).unlink()
    with pytest.raises(ManifestError, match=r"shot\.0004\.png: is gone, and so are 1 more of 12"):
        inspect_file(name.list_path, tmp_path / "data")
    listed = name.list_path.read_text()
    name.list_path.write_text(listed.replace(sha256(name.picture_path(6)), "0" * 64))
    with pytest.raises(ManifestError, match="was changed after it was signed"):
        inspect_file(name.list_path, tmp_path / "data")
    assert not swap.is_made(request, load(fake))


def test_a_list_speaks_for_no_other_pictures(fake: Any, ask: Any, tmp_path: Path, capsys: Any) -> None:
    request = ask("a.%04d.png")
    swap.run(request, load=load(fake))
    folder = tmp_path / "out"
    listed = folder / "a.png.sha256"
    edit = fake.make_clip(tmp_path / "edit.mp4", 3)
    data = (folder / "a.0003.png").read_bytes()
    (folder / "a_0003.png").write_bytes(data)
    (folder / "a_0004.png").write_bytes(data)
    capsys.readouterr()
    for pattern in ("a_%04d.png", "a%04d.png", "a.%03d.png", "a_####.png"):
        other = str(folder / pattern)
        assert main(["verify", other]) == ManifestError.exit_code
        assert "a.png.sha256: is the list of a.0001.png and 11 more, and not of" in capsys.readouterr().err
        assert main(["sign", str(edit), "--swap", other]) == ManifestError.exit_code
        capsys.readouterr()
    assert main(["verify", str(request.out)]) == 0
    assert "beside them" not in capsys.readouterr().out
    assert main(["verify", str(listed)]) == 0
    said = "12 pictures are as listed; nothing is known of a_0003.png and 1 more beside them"
    assert said in capsys.readouterr().out
    (folder / "a_0003.png").unlink()
    assert main(["verify", str(folder)]) == 0
    assert "as listed; nothing is known of a_0004.png beside them" in capsys.readouterr().out
    (folder / "a.0013.png").write_bytes(data)
    (folder / "a.0099.png").write_bytes(data)
    for path in (request.out, folder):
        assert main(["verify", str(path)]) == ManifestError.exit_code
        told = capsys.readouterr().err
        assert "a.png.sha256: names no a.0013.png and 1 more" in told
    assert main(["sign", str(edit), "--swap", str(request.out)]) == ManifestError.exit_code


def test_a_list_is_not_replaced_by_that_of_others(fake: Any, ask: Any, tmp_path: Path) -> None:
    swap.run(ask("a.%04d.png"), load=load(fake))
    before = read_all(tmp_path / "out")
    other = ask("a_%04d.png")
    with pytest.raises(UsageError, match=r"a\.png\.sha256: is the list of a\.0001\.png and 11 more, and"):
        swap.check(other)
    with pytest.raises(UsageError, match="choose another folder"):
        swap.run(other, load=load(fake))
    assert read_all(tmp_path / "out") == before
    assert swap.check(dataclasses.replace(other, has_manifest=False)) == COUNT
    assert swap.check(ask("a.####.png")) == COUNT
    for number in range(1, COUNT + 1):
        (tmp_path / "out" / f"a.{number:04}.png").unlink()
    assert swap.check(other) == COUNT, "a list of no pictures is in nobody's way"
    (tmp_path / "out" / "a.png.sha256").write_text("notes")
    with pytest.raises(UsageError, match=r"a\.png\.sha256: is in the way of the list of a_%04d\.png"):
        swap.check(other)


def test_nothing_is_written_over_lists_and_manifests(fake: Any, ask: Any, tmp_path: Path) -> None:
    for name, what in (("a.png.sha256", "list"), ("a.png.c2pa", "manifest")):
        with pytest.raises(UsageError, match=f"the report would replace the {what} of the result"):
            swap.check(ask("a.%04d.png", report=tmp_path / "out" / name))
    with pytest.raises(UsageError, match="the report would replace the manifest of the result"):
        swap.check(ask("a.mkv", report=tmp_path / "out" / "a.c2pa"))
    layers = {"layers": ("face",), "layers_out": tmp_path / "l" / "a.%04d.exr"}
    with pytest.raises(UsageError, match="the report would replace the list of the layers"):
        swap.check(ask("a.%04d.png", report=tmp_path / "l" / "a.exr.sha256", **layers))
    layers["layers_out"] = tmp_path / "out" / "a_%04d.exr"
    with pytest.raises(UsageError, match="the list of the result would replace the list of the layers"):
        swap.check(ask("a.%04d.exr", **layers))
    swap.run(ask("a.%04d.png"), load=load(fake))
    request = dataclasses.replace(ask("b.%04d.png"), clip=tmp_path / "out")
    with pytest.raises(UsageError, match="the report would replace the list of the clip"):
        swap.check(dataclasses.replace(request, report=tmp_path / "out" / "a.png.sha256"))


def test_an_edit_of_a_sequence_is_signed(fake: Any, ask: Any, tmp_path: Path) -> None:
    request = ask("shot.%04d.png")
    swap.run(request, load=load(fake))
    edit = fake.make_clip(tmp_path / "edit.mp4", 3)
    assert main(["sign", str(edit), "--swap", str(request.out)]) == 0
    assert inspect_file(edit, tmp_path / "data").swap
    (tmp_path / "out" / "shot.0002.png").write_bytes(b"another")
    assert main(["sign", str(edit), "--swap", str(request.out)]) == ManifestError.exit_code


def test_a_matte_is_a_sequence_beside_any_result(fake: Any, ask: Any, tmp_path: Path) -> None:
    request = ask("a.mov", matte=tmp_path / "mattes" / "m.%04d.exr", options=job_pb2.SwapOptions(threads=1))
    swap.run(request, load=load(fake))
    [part] = read_picture(tmp_path / "mattes" / "m.0012.exr")
    assert (part.channels, part.pixels.max()) == (("Y",), 1)
    assert len(list((tmp_path / "mattes").iterdir())) == COUNT
    assert swap.is_made(request, load(fake))
    request = ask("b.%04d.png", matte=tmp_path / "m.mov")
    swap.run(request, load=load(fake))
    assert (tmp_path / "m.mov").stat().st_size > 0


def test_without_a_manifest_there_is_no_list(fake: Any, ask: Any, tmp_path: Path) -> None:
    request = ask("%d.png", has_manifest=False)
    swap.run(request, load=load(fake))
    assert set(read_all(tmp_path / "out")) == {f"{number}.png" for number in range(1, COUNT + 1)}
    assert swap.is_made(request, load(fake))
    (tmp_path / "out" / "7.png").write_bytes(b"another")
    assert not swap.is_made(request, load(fake))


def test_what_a_revocation_overtakes_is_removed(
    fake: Any, ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask("shot.%04d.png", matte=tmp_path / "m.%04d.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "shot.0099.png").write_text("of another take")

    def swap_and_revoke(*given: Any) -> Any:
        result = pipeline.swap_clip(*given)
        with open_register() as register:
            register.revoke(read_identity(tmp_path / "faces"), "asked for")
        return result

    monkeypatch.setattr(swap, "_swap", lambda _request, swapped, report: swap_and_revoke(swapped, report))
    with pytest.raises(ConsentError, match="revoked"):
        swap.run(request, load=load(fake))
    assert set(read_all(tmp_path / "out")) == {"shot.0099.png"}
    assert not list(tmp_path.glob("m.*.png"))


def test_a_range_keeps_its_numbers_and_leaves_the_others(fake: Any, ask: Any, tmp_path: Path) -> None:
    whole = ask("shot.%04d.png")
    swap.run(whole, load=load(fake))
    before = read_all(tmp_path / "out")
    (tmp_path / "out" / "shot.0005.png").write_bytes(b"another")
    swap.run(ask("shot.%04d.png", options=job_pb2.SwapOptions(threads=1, range="3-6")), load=load(fake))
    after = read_all(tmp_path / "out")
    assert after["shot.png.sha256"] != before.pop("shot.png.sha256")
    changed = {name for name in before if before[name] != after[name]}
    assert after["shot.0005.png"] != b"another"
    assert changed <= {f"shot.{number:04}.png" for number in (4, 5, 6, 7)}, "colours look at neighbours"


def test_a_killed_swap_goes_on(fake: Any, tmp_path: Path) -> None:
    clip = fake.make_clip(tmp_path / "clip.mp4", 40)
    program = [sys.executable, fake.__file__, str(clip)]
    out = tmp_path / "a" / "shot.%04d.exr"
    with subprocess.Popen([*program, str(out), "24"], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as held:
        assert held.stdout is not None
        held.stdout.readline()
        held.kill()
    parts = sorted(path.name for path in (tmp_path / "a" / "shot.%04d.exr.parts").glob("0*"))
    assert "00000000.clip.exr" in parts
    subprocess.run([*program, str(out)], check=True, capture_output=True)
    subprocess.run([*program, str(tmp_path / "b" / "shot.%04d.exr")], check=True, capture_output=True)
    assert read_all(tmp_path / "a") == read_all(tmp_path / "b")
    assert len(read_all(tmp_path / "a")) == 40


def test_a_swap_that_stopped_among_its_pictures_goes_on(
    fake: Any, ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask("shot.%04d.png")
    swap.run(request, load=load(fake))
    expected = read_all(tmp_path / "out")
    other = dataclasses.replace(request, out=tmp_path / "other" / "shot.%04d.png")
    place = pipeline.place_pictures

    def stop(pictures: Any, places: Any, **_: Any) -> None:
        place(pictures[:5], places[:5])
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "place_pictures", stop)
    with pytest.raises(KeyboardInterrupt):
        swap.run(other, load=load(fake))
    assert len(list((tmp_path / "other").glob("*.png"))) == 5
    monkeypatch.setattr(pipeline, "place_pictures", place)
    result = swap.run(other, load=load(fake))
    assert result.swap.resumed == COUNT
    assert read_all(tmp_path / "other") == expected
    other = dataclasses.replace(request, out=tmp_path / "edited" / "shot.%04d.png")
    monkeypatch.setattr(pipeline, "place_pictures", stop)
    with pytest.raises(KeyboardInterrupt):
        swap.run(other, load=load(fake))
    with (tmp_path / "edited" / "shot.0002.png").open("r+b") as file:
        file.write(b"edited")
    with pytest.raises(OutputError, match=r"shot\.0002\.png: was changed after its swap was stopped"):
        swap.run(other, load=load(fake))
    shutil.rmtree(tmp_path / "edited" / "shot.%04d.png.parts")
    monkeypatch.setattr(pipeline, "place_pictures", place)
    swap.run(other, load=load(fake))
    assert read_all(tmp_path / "edited") == expected


def test_what_is_edited_in_place_does_not_come_back_signed(fake: Any, ask: Any, tmp_path: Path) -> None:
    layers = {"layers": ("frame",), "layers_out": tmp_path / "l" / "a.%04d.exr"}
    request = ask("a.%04d.png", keeps_segments=True, matte=tmp_path / "m" / "%04d.png", **layers)
    swap.run(request, load=load(fake))
    folders = [tmp_path / name for name in ("out", "l", "m")]
    before = [read_all(folder) for folder in folders]
    for folder in folders:
        with min(folder.glob("*1.[ep]*")).open("r+b") as file:
            file.write(b"edited")
    swap.run(request, load=load(fake))
    assert [read_all(folder) for folder in folders] == before


def test_pictures_that_are_replaced_meanwhile_are_noticed(
    fake: Any, ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = tmp_path / "in"
    clip.mkdir()
    for number in range(COUNT):
        picture = PicturePart(("R", "G", "B"), fake.picture(number))
        write_picture(clip / f"a.{number:04}.png", [picture])
    request = dataclasses.replace(ask("a.%04d.png"), clip=clip)
    render = pipeline.render_missing

    def replace(*given: Any, **options: Any) -> Any:
        (clip / "a.0005.png").write_bytes((clip / "a.0006.png").read_bytes())
        return render(*given, **options)

    monkeypatch.setattr(pipeline, "render_missing", replace)
    with pytest.raises(ClipError, match=r"a\.0005\.png: was changed while the clip was in use"):
        swap.run(request, load=load(fake))
    assert not read_all(tmp_path / "out")
    assert not (tmp_path / "out" / "a.%04d.png.parts").exists(), "parts may be of either version"
    movie = dataclasses.replace(request, clip=tmp_path / "clip.mp4")

    def touch(*given: Any, **options: Any) -> Any:
        movie.clip.touch()
        return render(*given, **options)

    monkeypatch.setattr(pipeline, "render_missing", touch)
    with pytest.raises(ClipError, match=r"clip\.mp4: was changed while"):
        swap.run(movie, load=load(fake))


def test_a_blob_that_is_asked_for_again_has_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"frames")
    note_blob(path)
    found = Clip(path)
    assert found.digest
    os.utime(path, (1, 1))
    found.refuse_changes()
    path.write_bytes(b"more frames")
    with pytest.raises(ClipError, match="was changed while"):
        found.refuse_changes()


def test_names_of_results_in_a_folder() -> None:
    names = {
        ("A.mov", "exr"): "A.%04d.exr",
        ("A.mov", None): "A.mov",
        ("shot.%03d.tif", None): "shot.%03d.tif",
        ("shot.%03d.tiff", "tiff"): "shot.%03d.tiff",
        ("shot.%03d.tif", "prores"): "shot.mov",
        ("shot.%03d.tif", "exr"): "shot.%04d.exr",
        ("shot.%06d.tif", "exr"): "shot.%06d.exr",
    }
    for (clip, codec), expected in names.items():
        sequence = SequenceName.parse(Path(clip))
        named = Path(clip) if sequence is None else Path(f"{sequence.title}{sequence.suffix}")
        assert choose_result_name(named, sequence, codec) == expected
