"""Layers for compositing: what was painted alone, which over the plate makes the result."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from recaster.errors import UsageError
from recaster.media.clip import Clip
from recaster.media.layer_picture import make_layer_picture, to_straight
from recaster.media.lazy_frame import sample_planes
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.types import Frame, Patch, Rect
from recaster.settings.encoding import WriterOptions
from recaster.settings.look import LookSettings, MaskSettings
from recaster.settings.swap import LabelSettings, SwapSettings
from recaster.swapping import pipeline
from recaster.swapping.composite import Layer, composite
from recaster.swapping.render import RenderedFrame
from recaster.swapping.request import SwapRequest

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.media.types import Plate

COUNT = 12
LABEL = LabelSettings("text", corner="top-right")


class DeepFrame(Frame):
    """A frame that is painted on in floats."""

    @property
    def plate(self) -> Plate:
        return self.image.astype(np.float32) + np.float32(0.3)


def face(x: float, y: float, side: float, seed: int, size: int = 48) -> Layer:
    """A disc of noise with a soft edge, in a crop of ``side`` frame pixels around (x, y)."""
    grid = (np.arange(size) + 0.5) / size * 2 - 1
    mask = np.clip((0.8 - np.hypot(grid[None], grid[:, None])) * 3, 0, 1).astype(np.float32)
    image = np.random.default_rng(seed).uniform(0, 255, (size, size, 3)).astype(np.float32)
    matrix = np.array([[size / side, 0, 0], [0, size / side, 0]])
    matrix[:, 2] = (size - 1) / 2 - size / side * np.array([x, y])
    return Layer(image, mask, matrix)


def paint(kind: type[Frame], label: LabelSettings | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plate, layer and result of two faces that overlap, one that doesn't, and a label."""
    image = np.random.default_rng(0).integers(0, 256, (160, 240, 3), dtype=np.uint8)
    frame = kind(0, 0, Fraction(0), image)
    layers = [face(60, 60, 60, 1), face(90, 70, 40, 2), face(200, 120, 30, 3)]
    bare = composite(frame, layers, label)
    patches = composite(frame, layers, label, has_layer=True)
    result = np.asarray(frame.plate, np.float32).copy()
    alone = np.zeros((*image.shape[:2], 4), np.float32)
    for before, patch in zip(bare, patches, strict=True):
        assert before.layer is None
        assert np.array_equal(before.image, patch.image), "asking for layers changes no result"
        np.copyto(patch.place.crop(result), patch.image, where=patch.painted[..., None])
        patch.place.crop(alone)[...] = patch.layer
    assert np.array_equal(RenderedFrame(frame, patches).matte, RenderedFrame(frame, bare).matte)
    return np.asarray(frame.plate, np.float32), alone, result


@pytest.mark.parametrize("label", [None, LABEL])
def test_a_layer_over_a_deep_plate_is_the_result(label: LabelSettings | None) -> None:
    plate, alone, result = paint(DeepFrame, label)
    over = alone[..., :3] + (1 - alone[..., 3:]) * plate
    assert np.abs(over - result).max() < 1e-3
    assert 0.05 < (alone[..., 3] > 0).mean() < 0.5
    assert not alone[alone[..., 3] == 0].any()


@pytest.mark.parametrize("label", [None, LABEL])
def test_a_layer_over_8_bits_is_the_result_but_for_rounding(label: LabelSettings | None) -> None:
    plate, alone, result = paint(Frame, label)
    over = alone[..., :3] + (1 - alone[..., 3:]) * plate
    # Where faces overlap the result was rounded twice.
    assert np.abs(over - result).max() < 1.001
    assert (np.rint(over) == result).mean() > 0.99
    # OpenCV's blending divides by the sum of the weights and a hundred-thousandth.
    assert np.abs(over - result)[100:].max() < 0.503


def test_straight_colours_go_on_where_nothing_shows() -> None:
    layer = np.zeros((8, 9, 4), np.float32)
    layer[2:5, 3:6] = (50, 25, 0, 0.25)
    layer[6, 8] = (0, 0, 200, 1)
    straight = to_straight(layer)
    assert straight[3, 4].tolist() == straight[0, 0].tolist() == straight[3, 7].tolist() == [200, 100, 0]
    assert straight[7, 8].tolist() == [0, 0, 200]
    assert not to_straight(np.zeros((4, 4, 4), np.float32)).any()


def test_premultiplied_layers_are_straight_ones_times_their_opacity() -> None:
    _, alone, _ = paint(DeepFrame)
    alone[..., :3] = np.clip(alone[..., :3], 0, 255 * alone[..., 3:])  # as sampling overshoots
    patch = Patch(
        Rect(0, 0, 240, 160), alone[..., :3], alone[..., 3] > 0, np.zeros((160, 240), np.uint8), alone
    )
    pictures = [
        make_layer_picture([patch], (240, 160), "yuva444p10le", 1, full=False, premultiplied=premultiplied)
        for premultiplied in (False, True)
    ]
    straight, times = (np.stack(sample_planes(each)).astype(np.float32) for each in pictures)
    assert np.array_equal(straight[3], times[3])
    dark = np.array([64, 512, 512], np.float32)[:, None, None]
    assert np.abs((straight[:3] - dark) * straight[3] / 1023 - (times[:3] - dark)).max() < 1.2
    assert (times[:3] == dark)[:, times[3] == 0].all()


@pytest.fixture
def swap(fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Swaps a clip whose face is there in frames 2 to 9."""
    tracks = [fake.track(range(2, 10))]
    monkeypatch.setattr(pipeline, "analyse_clip", lambda *_, **__: fake.analysis(tracks, COUNT))
    clip = fake.make_clip(tmp_path / "clip.mp4", COUNT)

    def run(swapper: Any = None, **settings: Any) -> Any:
        writer = WriterOptions(quality=0, preset="ultrafast", pixel_format="yuv444p")
        look = LookSettings(MaskSettings(feather=0.1), "mean")
        own = {"writer": writer, "look": look, "chunk": 5, "batch": 4}
        chosen = SwapSettings(**{**own, **settings})
        request = SwapRequest(Clip(clip), tmp_path / "out.mp4", swapper or fake.FakeSwapper(), chosen)
        return pipeline.swap_clip(request)

    return run


def read_rgba(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        pictures = [each.reformat(format="rgba64le") for each in container.decode(video=0)]
    return np.stack([each.to_ndarray() for each in pictures]) / np.float32(65535)


def test_a_face_clip_over_the_plate_is_the_result(swap: Any, tmp_path: Path) -> None:
    swap(layers=("face",), layers_out=tmp_path / "face.mov")
    info = probe(tmp_path / "face.mov")
    assert (info.frame_count, info.rate, info.pixel_format) == (COUNT, 25, "yuva444p12le")
    assert info.colour == dataclasses.replace(probe(tmp_path / "out.mp4").colour, range="tv")
    rgba = read_rgba(tmp_path / "face.mov")
    plate = np.stack([frame.image for frame in read_frames(tmp_path / "clip.mp4")]) / 255
    result = np.stack([frame.image for frame in read_frames(tmp_path / "out.mp4")]) / 255
    over = rgba[..., :3] * rgba[..., 3:] + (1 - rgba[..., 3:]) * plate
    assert (rgba[..., 3].max((1, 2)) > 0.99).tolist() == [2 <= index < 10 for index in range(COUNT)]
    assert rgba[5, :8, :, 3].max() == 0
    # ProRes and the result's own samples of colour are between them.
    assert np.abs(over - result).max() < 0.05
    assert np.abs(over - result).mean() < 0.004
    assert not (tmp_path / "out.mp4.parts").exists()


def test_layers_change_no_result_and_go_on_after_a_stop(swap: Any, fake: Any, tmp_path: Path) -> None:
    class Stopping(fake.FakeSwapper):
        def swap(self, faces: Any) -> Any:
            if faces[0].extra["frame"] > 6:
                raise KeyboardInterrupt
            return super().swap(faces)

    swap()
    bare = (tmp_path / "out.mp4").read_bytes()
    layers = {"layers": ("face",), "layers_out": tmp_path / "face.mov"}
    swap(**layers)
    whole = (tmp_path / "face.mov").read_bytes()
    assert (tmp_path / "out.mp4").read_bytes() == bare
    with pytest.raises(KeyboardInterrupt):
        swap(swapper=Stopping(), **layers)
    assert swap(**layers).resumed == 5
    assert (tmp_path / "face.mov").read_bytes() == whole


def test_layers_and_their_file_go_together(swap: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--layers and --layers-out go together"):
        SwapSettings(layers=("face",))
    with pytest.raises(UsageError, match="there is no layer 'hair'"):
        SwapSettings(layers=("hair",), layers_out=tmp_path / "face.mov")
    with pytest.raises(UsageError, match="alpha can be straight, premultiplied, not 'none'"):
        SwapSettings(layers_alpha="none")
    with pytest.raises(UsageError, match="the file of layers would replace the clip"):
        swap(layers=("face",), layers_out=tmp_path / "clip.mp4")
    with pytest.raises(UsageError, match=r"prores goes into \.mov or \.mkv"):
        swap(layers=("face",), layers_out=tmp_path / "face.mp4")


def test_layers_are_noted_only_where_they_are_asked_for(fake: Any, tmp_path: Path) -> None:
    clip = fake.make_clip(tmp_path / "clip.mp4", 3)

    def describe(**settings: Any) -> dict[str, Any]:
        chosen = SwapSettings(**settings)
        return SwapRequest(Clip(clip), tmp_path / "out.mp4", fake.FakeSwapper(), chosen).describe()

    plain = describe()
    noted = describe(layers=("face",), layers_out=tmp_path / "face.mov")
    assert noted == plain | {"layers": ["face"], "layers_alpha": "straight"}
