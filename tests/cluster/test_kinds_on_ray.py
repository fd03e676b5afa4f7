"""Sequences, casts, masks and evaluations on a real Ray cluster: what this machine makes, to the bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from recaster.media.reader import read_frames
from recaster.media.sheet import save_image

if TYPE_CHECKING:
    from cluster.conftest import RayCluster

    from recaster.facesets.faceset import Faceset

DRIVER = Path(__file__).with_name("kinds_driver.py")
COUNT = 16


def write_movie(path: Path, images: list[np.ndarray[Any, Any]]) -> None:
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"crf": "12", "preset": "veryfast"})
        video.height, video.width = images[0].shape[:2]
        for image in images:
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode())


@pytest.fixture(scope="module")
def inputs(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A movie of one person and one of two, a sequence of pictures, a mask that stands and one that moves."""
    folder = tmp_path_factory.mktemp("inputs")
    one = [frame.image for frame in read_frames(actors / "performer.mp4", 0, COUNT)]
    other = [frame.image for frame in read_frames(actors / "neighbour.mp4", 0, COUNT)]
    write_movie(folder / "one.mp4", one)
    write_movie(folder / "pair.mp4", [np.hstack(both) for both in zip(one, other, strict=True)])
    half = np.zeros_like(one[0])
    half[:, :160] = 255
    save_image(folder / "half.png", half)
    for index, image in enumerate(one, 1001):
        save_image(folder / "shot" / f"a.{index}.png", image)
        band = np.zeros_like(half)
        band[10 * (index - 1001) :][:40] = 255
        save_image(folder / "band" / f"m.{index}.png", band)
    return folder


@pytest.fixture(scope="module")
def made(
    cluster: RayCluster, inputs: Path, few_faces: Faceset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Folders of results: made here, and on the cluster."""
    top = tmp_path_factory.mktemp("made")
    (top / "storage").mkdir(mode=0o700)
    here = [sys.executable, DRIVER, inputs, few_faces.folder, top / "here"]
    own = {**os.environ, "RECASTER_CACHE": str(top / "cache")}
    subprocess.run(here, env=own, check=True)
    there = (DRIVER, inputs, few_faces.folder, top / "there", cluster.address, top / "storage")
    process = cluster.start(*there, cache=top / "other-cache")
    said, _ = process.communicate(timeout=900)
    assert process.returncode == 0, said
    assert not [path for path in (top / "storage" / "runs").rglob("*") if path.is_file()]
    return top / "here", top / "there"


@pytest.mark.parametrize(("kind", "count"), [("at25", COUNT), ("at12", COUNT), ("cast", 1), ("masks", 1)])
def test_swaps_are_the_same(made: tuple[Path, Path], kind: str, count: int) -> None:
    here, there = made
    files = sorted((here / kind).iterdir())
    assert len(files) == count
    assert [path.name for path in sorted((there / kind).iterdir())] == [path.name for path in files]
    for path in files:
        assert (there / kind / path.name).read_bytes() == path.read_bytes(), path.name


def find_changes(before: Path, after: Path) -> np.ndarray[Any, Any]:
    first, second = (next(read_frames(path, 8, 9)).image.astype(int) for path in (before, after))
    return np.abs(first - second).max(axis=2) > 24


def test_each_kind_does_something(made: tuple[Path, Path], inputs: Path) -> None:
    here, _ = made
    at25, at12 = ((here / kind / "b.1009.png").read_bytes() for kind in ("at25", "at12"))
    assert at25 != at12  # faces are smoothed over time, so one is no copy of the other
    changed = find_changes(inputs / "pair.mp4", here / "cast" / "pair.mp4")
    assert changed[:, :320].any()
    assert changed[:, 320:].any()
    changed = find_changes(inputs / "one.mp4", here / "masks" / "one.mp4")
    assert changed[:, 170:].any()
    assert not changed[:, :150].any()


def test_figures_are_the_same(made: tuple[Path, Path]) -> None:
    figures = []
    for folder in made:
        text = (folder / "figures" / "evaluation.json").read_text().replace(str(folder), "OUT")
        document = json.loads(text)
        del document["seconds"]
        figures.append(document)
    assert figures[0] == figures[1]
    for name in ("sheet.jpg", "worst.jpg"):
        assert len({(folder / "figures" / name).read_bytes() for folder in made}) == 1
