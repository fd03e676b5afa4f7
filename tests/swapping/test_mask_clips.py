"""Masks that artists bring: which they may be, what they do to a swap, and what of it is rendered anew."""

from __future__ import annotations

import pickle
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from PIL import Image

from recaster.errors import UsageError
from recaster.faces.trouble import TroubleReason
from recaster.media.clip import Clip
from recaster.media.picture_file import PicturePart, write_picture
from recaster.media.reader import read_frames
from recaster.media.sheet import load_image
from recaster.settings.encoding import WriterOptions
from recaster.settings.look import LookSettings, MaskSettings
from recaster.settings.swap import SwapSettings
from recaster.swapping import pipeline, preview
from recaster.swapping.mask_clips import WHITE, MaskClip
from recaster.swapping.render_trouble import find_render_trouble
from recaster.swapping.request import SwapRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = 24
SIZE = (128, 96)


@pytest.fixture(scope="module")
def clip(fake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake.make_clip(tmp_path_factory.mktemp("clips") / "target.mp4", COUNT)


@pytest.fixture
def draw(tmp_path: Path) -> Callable[..., Path]:
    """Writes a mask as pictures: white above a row, where a frame has one."""

    def write(name: str, rows: dict[int, int], count: int = COUNT, size: tuple[int, int] = SIZE) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for index in range(count):
            grey = np.zeros(size[::-1], np.uint8)
            grey[: rows.get(index, 0)] = 255
            Image.fromarray(grey).save(folder / f"{index:04}.png")
        return folder

    return write


@pytest.fixture
def swap(fake: Any, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Swaps a face that is there in all frames; returns the result and the matte's frames."""
    found = lambda *_: fake.analysis([fake.track(range(COUNT))], COUNT)  # noqa: E731
    for module in (pipeline, preview):
        monkeypatch.setattr(module, "analyse_clip", found)
    monkeypatch.setattr(preview, "cached_analysis", found)

    def run(frame: int | None = None, **choices: Any) -> Any:
        writer = WriterOptions(codec="ffv1")
        fixed: dict[str, Any] = {
            "look": LookSettings(colour="none"),
            "chunk": 4,
            "batch": 2,
            "writer": writer,
        }
        if frame is not None:
            request = SwapRequest(
                Clip(clip), tmp_path / "one.png", fake.FakeSwapper(), SwapSettings(**{**fixed, **choices})
            )
            preview.preview_frame(request, frame)
            return load_image(request.out)
        settings = SwapSettings(**{"matte": tmp_path / "matte.mkv", **fixed, **choices})
        request = SwapRequest(
            Clip(clip), tmp_path / "out.mkv", fake.FakeSwapper(), settings, keeps_segments=True
        )
        result = pipeline.swap_clip(request)
        return result, np.stack([each.image[..., 0] for each in read_frames(tmp_path / "matte.mkv")])

    return run


def test_masks_decide_what_shows(fake: Any, swap: Any, draw: Any, tmp_path: Path) -> None:
    _, plain = swap()
    out = draw("out", {4: 45, 5: 96})
    result, matte = swap(keep_out=out)
    assert (matte[4, :44] == 0).all()
    assert (matte[4, 46:] == plain[4, 46:]).all()
    assert not matte[5].any()
    assert result.coverage.frames[5].reason == "kept-out"
    half = result.coverage.frames[4]
    assert half.reason is None, "what an artist keeps out is not missing"
    assert 0.3 < half.faces[0].kept < 0.7
    assert "kept-out" not in half.faces[0].lost
    seen = ((frame.frame, frame.faces) for frame in result.coverage.frames)
    found = find_render_trouble(seen, Fraction(25))
    assert TroubleReason.LOW_COVERAGE not in {each.reason for each in found}
    others = [*range(4), *range(6, COUNT)]
    assert (matte[others] == plain[others]).all()
    shot = swap(frame=4, keep_out=out)
    made = next(iter(read_frames(tmp_path / "out.mkv", 4, 5))).image
    assert np.abs(shot.astype(int) - made).mean() < 0.5, (
        "a preview is as the clip, but for its stored colours"
    )
    # Where both are white the performer stays; kept in is only what was painted.
    narrow = LookSettings(MaskSettings(erode=0.2), "none")
    _, eroded = swap(look=narrow)
    _, kept = swap(look=narrow, keep_out=draw("out", {4: 45}), keep_in=draw("in", {4: 60, 6: 96}))
    assert kept[6].astype(int).sum() > 1.5 * eroded[6].astype(int).sum()
    assert (kept[6] > 0).sum() < 0.6 * (1.5 * fake.FACE) ** 2, "the face, and not all of its crop"
    assert (kept[4, :44] == 0).all()
    assert (kept[4, 47:58] >= eroded[4, 47:58]).all()
    assert (kept[4, 47:58] > eroded[4, 47:58]).any()
    assert (kept[8] == eroded[8]).all()


def test_only_parts_whose_masks_changed_are_rendered_anew(swap: Any, draw: Any) -> None:
    plain, _ = swap()
    assert plain.resumed == 0
    black, _ = swap(keep_out=draw("out", {}))
    assert black.resumed == COUNT, "a black mask changes nothing"
    changed, first = swap(keep_out=draw("out", {9: 40}))
    assert COUNT - 12 <= changed.resumed <= COUNT - 4
    again, same = swap(keep_out=draw("out", {9: 40}))
    assert again.resumed == COUNT
    assert (first == same).all()
    assert swap(keep_in=draw("out", {9: 40}))[0].resumed < COUNT, "kept in is another mask"


def test_masks_of_other_lengths_and_shapes_are_refused(clip: Path, draw: Any) -> None:
    info = Clip(clip).info
    with pytest.raises(UsageError, match="has 7, the clip 24, the range 5"):
        MaskClip.open(draw("short", {}, 7), info, range(10, 15))
    with pytest.raises(UsageError, match="is 100 by 96 pixels, the clip 128 by 96"):
        MaskClip.open(draw("narrow", {}, size=(100, 96)), info, range(COUNT))
    stretched = replace(info, shape=replace(info.shape, stored=(96, 96)))
    with pytest.raises(UsageError, match=r"the clip 128 by 96 as it is shown \(96 by 96 stored\)"):
        MaskClip.open(draw("stored", {}, size=(96, 96)), stretched, range(COUNT))
    gap = draw("gap", {})
    (gap / "0007.png").unlink()
    with pytest.raises(UsageError, match=r"has 23, the clip 24; there is no picture of number 7$"):
        MaskClip.open(gap, info, range(COUNT))
    pair = draw("pair", {}, 2)
    with pytest.raises(UsageError, match=r"has 2, the clip 24; 0001\.png was taken for one of them"):
        MaskClip.open(pair / "0001.png", info, range(COUNT))


def test_masks_are_of_the_clip_or_of_the_range_or_of_all_frames(clip: Path, draw: Any) -> None:
    info = Clip(clip).info
    wanted = range(10, 15)
    for name, rows, count in (("clip", {12: 50}, COUNT), ("range", {2: 50}, 5)):
        mask = pickle.loads(pickle.dumps(MaskClip.open(draw(name, rows, count), info, wanted)))  # noqa: S301
        assert [grey.any() for grey in mask.read(10, 15)] == [False, False, True, False, False]
        assert [*mask.digest_frames(wanted)] == [12]
    still = MaskClip.open(draw("still", {0: 50}, 1), info, wanted)
    assert len({*still.digest_frames(wanted).values()}) == 1
    assert sum(grey.any() for grey in still.read(11, 14)) == 3


def test_masks_are_read_at_their_own_size_depth_and_alpha(clip: Path, draw: Any, tmp_path: Path) -> None:
    info = Clip(clip).info
    matrix = np.array([[0.5, 0, 3.0], [0, 0.5, -2.0]])

    def crop(path: Path) -> np.ndarray:
        mask = MaskClip.open(path, info, range(COUNT))
        [grey] = mask.read(3, 4)
        return mask.crop(grey, matrix, 40)

    usual = crop(draw("usual", {0: 48}, 1))
    double = crop(draw("double", {0: 96}, 1, (256, 192)))
    assert usual.max() == 1
    assert np.abs(usual - double).max() < 0.3
    assert np.abs(usual - double).mean() < 0.01
    linear = np.full((96, 128, 3), 0.5, np.float16)
    write_picture(tmp_path / "linear.exr", [PicturePart(("R", "G", "B"), linear)])
    assert np.allclose(crop(tmp_path / "linear.exr"), 0.5, atol=1 / 255), "values are not viewed"
    stroke = np.zeros((96, 128, 4), np.uint8)
    stroke[:48] = (200, 0, 0, 255)
    Image.fromarray(stroke).save(tmp_path / "stroke.png")
    assert np.abs(crop(tmp_path / "stroke.png") - usual).max() < 1e-6
    assert WHITE == 65535


def test_an_alpha_that_is_opaque_in_its_own_bits_is_no_mask(clip: Path, tmp_path: Path) -> None:
    picture = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    picture[:, :64, :3] = 255
    picture[..., 3] = 255
    with av.open(tmp_path / "mask.mov", "w") as container:
        stream = container.add_stream("prores_ks", rate=25, options={"profile": "4444"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuva444p10le"
        for _ in range(COUNT):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgba")))
        container.mux(stream.encode())
    [grey] = MaskClip.open(tmp_path / "mask.mov", Clip(clip).info, range(COUNT)).read(3, 4)
    assert (grey[:, :60] > 0.99 * WHITE).all()
    assert (grey[:, 68:] < 0.01 * WHITE).all()


def test_alpha_is_the_mask_of_frames_that_are_opaque_too(clip: Path, tmp_path: Path) -> None:
    for index in range(COUNT):
        stroke = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
        stroke[:, : 128 if index == 6 else 64, 3] = 255
        Image.fromarray(stroke).save(tmp_path / f"{index:04}.png")
    mask = MaskClip.open(tmp_path, Clip(clip).info, range(COUNT))
    assert [round(grey.mean() / WHITE, 2) for grey in mask.read(5, 8)] == [0.5, 1.0, 0.5]
    assert [grey.min() for grey in mask.read(6, 7)] == [WHITE]


def test_masks_named_as_folders_or_by_a_picture_are_not_written_over(
    fake: Any, clip: Path, draw: Any, tmp_path: Path
) -> None:
    folder = draw("out", {})
    for mask in (folder, folder / "0003.png"):
        settings = SwapSettings(matte=folder / "%04d.png", keep_out=mask)
        request = SwapRequest(Clip(clip), tmp_path / "out.mkv", fake.FakeSwapper(), settings)
        with pytest.raises(UsageError, match="the matte would replace the mask of what to keep out"):
            request.refuse_overwriting()
