"""Faces that were found in a strip are put right in a real Blender, as ``recaster tracks`` does it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from recaster.cli.main import main
from recaster.media.reader import read_frames
from recaster.settings.corrections import default_path

if TYPE_CHECKING:
    from pathlib import Path

    from tests.addon.conftest import Blender


def test_corrections_are_those_of_the_command_line(
    newest_blender: Blender, facts: dict[str, Any], short: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "short.mp4"
    shutil.copy(short, clip)
    found = newest_blender.run("mended", tmp_path, **{**facts, "clip": clip}, out=tmp_path)
    assert found["kinds"] == ["split", "assign", "join", "points", "box"]
    here = tmp_path / "here" / "short.mp4"
    here.parent.mkdir()
    here.symlink_to(clip)
    points = tmp_path / "points.txt"
    points.write_text("".join(f"{index} {x!r} {y!r}\n" for index, x, y in found["points"]))
    box = [*map(repr, found["box"]), repr(found["angle"] or 0.0)]
    for arguments in (
        ["split", "0", "14"],
        ["assign", "1", "Anna"],
        ["join", "1", "0"],
        ["points", "20", str(points), "--of", "0"],
        ["box", "20", *box],
    ):
        assert main(["tracks", str(here), "--quiet", "--range", "10-29", *arguments]) == 0
    assert default_path(here).read_bytes() == (tmp_path / "made.json").read_bytes()


def test_trouble_is_marked_on_the_timeline(
    newest_blender: Blender, facts: dict[str, Any], short: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "short.mp4"
    shutil.copy(short, clip)
    found = newest_blender.run("troubled", tmp_path, **{**facts, "clip": clip})
    assert found["marks"] == [[115, "No face (shot)"], [120, "No face (mine)"]]
    assert found["at"] == 115
    assert "1 place to look at" in found["texts"]
    assert [text for text in found["texts"] if text.startswith("No face, track ")] == [
        f"No face, track {found['track']}: 115 to 118"
    ]
    assert found["left"] == ["No face (mine)"]


@pytest.fixture
def dot(tmp_path: Path) -> Path:
    """A white dot on black, 100 pixels from the left and 60 from the top."""
    path = tmp_path / "dot.mp4"
    image = np.zeros((320, 320, 3), np.uint8)
    image[54:67, 94:107] = 255
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", 25)
        stream.width = stream.height = 320
        for _ in range(4):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        out.mux(stream.encode())
    return path


def test_faces_are_drawn_where_the_preview_shows_them(
    newest_blender: Blender, dot: Path, tmp_path: Path
) -> None:
    found = newest_blender.run("placed", tmp_path, clip=dot, out=tmp_path)
    for number, (x, y) in enumerate(found["places"]):
        [frame] = read_frames(tmp_path / f"{number}.mp4", 0, 1)
        light = frame.image[..., 1].astype(float)
        light[light < 128] = 0
        rows, columns = np.indices(light.shape) + 0.5
        middle = (columns * light).sum() / light.sum(), (rows * light).sum() / light.sum()
        assert (x + 160, 160 - y) == pytest.approx(middle, abs=1.2)
