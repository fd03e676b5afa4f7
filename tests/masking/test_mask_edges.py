"""Edges of masks lie where the picture has them, and masks are carried along from frame to frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from recaster.appearance.face_appearance import FINE_PX
from recaster.masking import mask_edges
from recaster.masking.face_samples import MaskedFace
from recaster.masking.mask_course import Known, gather, join
from recaster.masking.mask_edges import SHARP_PX, learn_edges, refine

if TYPE_CHECKING:
    import pytest


def disc(x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    """A dark, rough disc before skin, (SHARP_PX, SHARP_PX, 3), and its mask."""
    random = np.random.default_rng(x)
    mask = np.zeros((SHARP_PX, SHARP_PX), np.float32)
    cv2.circle(mask, (x, y), 90, 1, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.8)[..., None]
    image = np.array([190, 150, 130]) * (1 - soft) + np.array([70, 60, 90]) * soft
    return np.clip(image + random.normal(0, 6, image.shape), 0, 255).astype(np.uint8), mask


def coarse(mask: np.ndarray) -> np.ndarray:
    """The mask, too soft and three pixels beside its place, (FINE_PX, FINE_PX)."""
    small = cv2.resize(mask, (FINE_PX, FINE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(np.roll(small, 3, 1), (0, 0), 3), np.float32)


def iou(said: np.ndarray, true: np.ndarray) -> float:
    return float(((said > 0.5) & (true > 0.5)).sum() / ((said > 0.5) | (true > 0.5)).sum())


def test_a_mask_beside_its_place_is_brought_to_the_pictures_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mask_edges, "PIXELS_PER_FACE", 1500)
    oval = FINE_PX / 2 + 90 * np.random.default_rng(0).normal(0, 1, (478, 3)).clip(-1, 1)
    unused: Any = None
    faces = []
    for place in ((200, 230), (270, 280), (310, 210)):
        image, mask = disc(*place)
        faces.append((MaskedFace(unused, image, oval, mask, image, mask), coarse(mask)))
    random = np.random.default_rng(1)
    edges = learn_edges(faces, random, lambda _: None)
    image, mask = disc(240, 240)
    before = cv2.resize(coarse(mask), (SHARP_PX, SHARP_PX))
    assert iou(before, mask) < 0.94
    assert iou(refine(image, coarse(mask), edges), mask) > 0.97


def test_frames_with_nothing_in_front_are_enough_to_learn_of() -> None:
    edges = learn_edges([], np.random.default_rng(1), lambda _: None)
    assert not refine(disc(240, 240)[0], np.zeros((FINE_PX, FINE_PX), np.float32), edges).any()


def test_what_one_frame_says_is_carried_along_with_what_moves() -> None:
    random = np.random.default_rng(2)
    rough = cv2.GaussianBlur(random.uniform(0, 255, (64, 96, 3)).astype(np.float32), (0, 0), 2)
    rough = np.clip((rough - 128) * 4 + 128, 0, 255).astype(np.uint8)
    images = [np.ascontiguousarray(rough[:, 8 - 2 * step : 72 - 2 * step]) for step in range(3)]
    certain = np.full((64, 64), -4, np.float32)
    certain[20:40, 20:40] = 4
    frames = [Known.of(images[0], certain)]
    frames += [Known.of(image, np.zeros((64, 64), np.float32)) for image in images[1:]]
    before = gather(frames)
    after = gather(frames[::-1])[::-1]
    assert before[2] is not None
    assert after[2] is not None
    last = join(frames[2], before[2], after[2])
    assert last[30, 34] > 0.5, "what was at 30 is four pixels farther right"
    assert last[30, 21] < -0.5
    assert gather([frames[0], None, frames[2]])[2] is frames[2], "nothing is carried over a gap"
