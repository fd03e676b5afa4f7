"""Swaps of picture sequences: the same faces as in a clip, over values as they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.media.clip import Clip
from recaster.media.colour_view import ColourView
from recaster.media.picture_file import PicturePart, read_picture, write_picture
from recaster.media.picture_header import LINEAR_PRIMARIES
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.provenance.manifest import sidecar_of
from recaster.settings.encoding import WriterOptions
from recaster.settings.look import LookSettings
from recaster.settings.reading import ReadOptions
from recaster.settings.swap import SwapSettings
from recaster.swapping import pipeline
from recaster.swapping.request import SwapRequest

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 6
AP1 = LINEAR_PRIMARIES["lin_ap1_scene"]
KINDS = ("8 bits", "16 bits", "light", "light of ACEScg")


def write_frame(folder: Path, kind: str, number: int, image: np.ndarray) -> None:
    pixels: Any = image
    attributes: tuple[Any, ...] = ()
    suffix = "exr" if "light" in kind else "png"
    if kind == "16 bits":
        pixels = image.astype(np.uint16) * 257
    if "light" in kind:
        view = ColourView.of_light(AP1) if "ACEScg" in kind else ColourView.of_light()
        pixels = (view.encode(image.astype(np.float32)) / 255).astype(np.float32)
        attributes = (("chromaticities", "float[8]", view.primaries),)
    write_picture(
        folder / f"{number}.{suffix}", [PicturePart(("R", "G", "B"), pixels, attributes=attributes)]
    )


def swap(fake: Any, clip: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(
        pipeline, "analyse_clip", lambda *_, **__: fake.analysis([fake.track(range(COUNT))], COUNT)
    )
    settings = SwapSettings(writer=WriterOptions(codec="ffv1"), look=LookSettings(colour="mean"))
    return pipeline.swap_clip(SwapRequest(Clip(clip), out, fake.FakeSwapper(), settings))


@pytest.fixture
def swapped(fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Swaps a sequence of one kind into a movie, and returns its path."""

    def run(kind: str) -> Path:
        for index in range(COUNT):
            write_frame(tmp_path / kind, kind, 101 + index + 2 * (index > 3), fake.picture(index))
        swap(fake, tmp_path / kind, tmp_path / f"{kind}.mkv", monkeypatch)
        return tmp_path / f"{kind}.mkv"

    return run


@pytest.mark.parametrize("kind", KINDS[1:])
def test_faces_in_sequences_look_alike(swapped: Any, fake: Any, kind: str) -> None:
    plain = np.stack([frame.image for frame in read_frames(swapped(KINDS[0]))]).astype(int)
    other = np.stack([frame.image for frame in read_frames(swapped(kind))]).astype(int)
    before = np.stack([fake.picture(index) for index in range(COUNT)])
    assert np.abs(plain - before)[..., 1].max() > 60, "a face was painted"
    off = np.abs(plain - other)
    # Edges are blended in light, where half of both is brighter than half of both codes.
    assert off.mean() < 0.7
    assert np.percentile(off, 98) <= 2


def test_a_movie_has_the_times_and_colours_of_its_sequence(swapped: Any) -> None:
    out = swapped("light")
    info = probe(out)
    assert (info.frame_count, info.colour.transfer) == (COUNT, "iec61966-2-1")
    times = [frame.time for frame in read_frames(out)]
    assert [round(time * 24) for time in times] == [0, 1, 2, 3, 6, 7]
    assert not sidecar_of(out).exists()


def test_a_still_becomes_a_picture(fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (41, 42):  # by their names, two of a sequence
        write_picture(tmp_path / f"IMG_{number}.png", [PicturePart(("R", "G", "B"), fake.picture(number))])
    monkeypatch.setattr(pipeline, "analyse_clip", lambda *_, **__: fake.analysis([fake.track(range(1))], 1))
    clip = Clip(tmp_path / "IMG_42.png", ReadOptions(stills=True))
    files = {"matte": tmp_path / "matte.png", "overlay": tmp_path / "overlay.png"}
    settings = SwapSettings(writer=WriterOptions(codec="png"), **files)
    result = pipeline.swap_clip(SwapRequest(clip, tmp_path / "out.png", fake.FakeSwapper(), settings))
    assert result.coverage.swapped == 1
    assert not (tmp_path / "out.png.parts").exists()
    before, after, matte, overlay = (
        read_picture(path)[0].pixels for path in (clip.path, tmp_path / "out.png", *files.values())
    )
    painted = np.any(before != after, axis=-1)
    assert painted.any()
    assert not painted[matte[..., 0] == 0].any()
    assert overlay.shape == after.shape
