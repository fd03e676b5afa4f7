"""Cuts are found; flashes, fast pans and noise are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

from recaster.faces.cuts import CutFinder, find_sure_cuts
from recaster.media.clip import Clip

if TYPE_CHECKING:
    from pathlib import Path


def scene(seed: int, tint: tuple[float, float, float]) -> np.ndarray:
    """A soft random picture, 90 x 400, in one tint."""
    field = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(90, 400)), (0, 0), 12)
    field = (field - field.min()) / np.ptp(field)
    return np.clip(field[..., None] * np.array(tint) * 255, 0, 255).astype(np.uint8)


WARM = scene(1, (1.0, 0.6, 0.3))
COLD = scene(2, (0.3, 0.6, 1.0))


def cuts(frames: list[np.ndarray]) -> list[int]:
    finder = CutFinder()
    return [i for i, frame in enumerate(frames) if finder.is_cut(i, frame)]


def test_a_cut_is_found_once() -> None:
    assert cuts([WARM[:, :160]] * 5 + [COLD[:, :160]] * 5) == [5]


def test_a_cut_between_grey_pictures_is_found() -> None:
    light = np.repeat(scene(1, (1, 1, 1))[:, :160, :1] // 2 + 120, 3, axis=2)
    patches = np.zeros((90, 160, 3), np.uint8)
    patches[10:40, 100:150] = 220
    assert cuts([light] * 3 + [patches] * 3) == [3]


def test_a_fast_pan_is_none() -> None:
    assert cuts([WARM[:, x : x + 160] for x in range(0, 240, 20)]) == []


def test_a_flash_is_none() -> None:
    picture = WARM[:, :160]
    bright = np.clip(picture.astype(int) * 2 + 60, 0, 255).astype(np.uint8)
    white = np.full_like(picture, 255)
    assert cuts([picture, picture, bright, white, white, bright, picture, picture]) == []


def test_a_cut_hidden_in_a_flash_is_found_after_it() -> None:
    white = np.full((90, 160, 3), 255, np.uint8)
    assert cuts([WARM[:, :160]] * 3 + [white] * 2 + [COLD[:, :160]] * 3) == [5]


def test_noise_and_black_are_none() -> None:
    random = np.random.default_rng(5)
    noisy = [
        np.clip(WARM[:, :160] + random.normal(0, 15, (90, 160, 3)), 0, 255).astype(np.uint8) for _ in range(6)
    ]
    assert cuts(noisy) == []
    assert cuts([np.zeros((90, 160, 3), np.uint8)] * 4) == []


def test_only_what_can_be_nothing_else_is_a_sure_cut(tmp_path: Path) -> None:
    """A cut, one from black, and somebody who comes in before a plain ground from one frame to the next."""
    come = (0.8 * COLD[:, :160] + 0.2 * WARM[:, :160]).astype(np.uint8)
    frames = [COLD[:, :160], WARM[:, :160], come, np.zeros((90, 160, 3), np.uint8), WARM[:, :160]]
    path = tmp_path / "shots.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "bgr0"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))
    assert cuts(frames) == [1, 2, 4]
    assert find_sure_cuts(Clip(path), cuts(frames)) == (1,)
    assert find_sure_cuts(Clip(path), []) == ()
