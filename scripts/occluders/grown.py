"""A face's own parts that are no occluders: beards, make-up, the dark side of hard light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from recaster.appearance.face_appearance import FINE_PX
from recaster.faces.topology import EYE_LEFT, EYE_RIGHT, LIPS_OUTER

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Thing = Callable[[Floats, NDArray[np.float64]], tuple[Floats, Floats]]
    """Lays something on a picture (S, S, 3) of a face with a mesh (478, 3); that picture, and how far it is
    hidden (S, S, 1)."""

Random = np.random.Generator

BROWS = ((70, 63, 105, 66, 107), (300, 293, 334, 296, 336))
JAW = (172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397)
MOUTH_RING = (0, 267, 269, 270, 322, 432, 424, 418, 421, 200, 201, 194, 204, 212, 92, 40, 39, 37)
"""Around lips and chin, for moustaches and goatees."""
JAW_RING = (132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361)
"""Along the jaw from one ear to the other."""
CHEEKS = (352, 426, 164, 206, 123)
"""Upper end of a high beard, from one side to the other."""
JAW_ENDS = (361, 322, 164, 92, 132)
"""Upper end of a low one."""


def beard(random: Random) -> Thing:
    """A beard, a moustache or stubble: dark and grained, and the face's own."""
    kind = random.random()
    strength = random.uniform(0.25, 1)
    colour = random.uniform(5, 110) * np.array([1.1, 1.0, 0.9]) * random.uniform(0.9, 1.1, 3)
    if random.random() < 0.15:
        colour = random.uniform(110, 210) * np.ones(3)
    cells = int(random.integers(60, FINE_PX))
    grain = random.uniform(0.05, 0.45)
    texture = cv2.resize(random.normal(0, grain, (cells, cells)).astype(np.float32), (FINE_PX, FINE_PX))
    cheeks = random.uniform(0.1, 0.75)
    soft = random.uniform(1.5, 9)

    def grow(picture: Floats, points: NDArray[np.float64]) -> tuple[Floats, Floats]:
        flat = points[:, :2]
        inner = flat[list(MOUTH_RING)]
        outer = flat[list(JAW_RING)]
        shape = np.zeros(picture.shape[:2], np.uint8)
        if kind < 0.75:
            low = [*outer, *(flat[list(CHEEKS)] * cheeks + flat[list(JAW_ENDS)] * (1 - cheeks))]
            cv2.fillPoly(shape, [np.rint(low).astype(np.int32)], 255)
        if kind > 0.25:
            cv2.fillPoly(shape, [np.rint(inner).astype(np.int32)], 255)
        cv2.fillPoly(shape, [np.rint(flat[list(LIPS_OUTER)]).astype(np.int32)], 0)
        over = cv2.GaussianBlur(shape, (0, 0), soft).astype(np.float32) / 255
        over = (over * np.clip(strength * (1 + texture), 0, 1))[..., None]
        lit = colour * np.exp(0.8 * texture)[..., None]
        return picture * (1 - over) + lit * over, np.zeros((FINE_PX, FINE_PX, 1), np.float32)

    return grow


def dark_side(random: Random) -> Thing:
    """The side of a face that a hard light leaves dark, or a hard shadow over a part of it."""
    turn = random.uniform(0, 2 * np.pi)
    bow = random.normal(0, 0.6)
    y, x = np.mgrid[:FINE_PX, :FINE_PX].astype(np.float32) / FINE_PX - 0.5
    beside = x * np.cos(turn) + y * np.sin(turn) + bow * (-x * np.sin(turn) + y * np.cos(turn)) ** 2
    edge = (beside - random.uniform(-0.25, 0.25)) * FINE_PX / random.uniform(1, 50)
    dark = np.clip(edge + 0.5, 0, 1)[..., None] * random.uniform(0.3, 0.97)
    wave = 1 + 0.15 * np.sin(x * random.uniform(-40, 40) + y * random.uniform(-40, 40))[..., None]
    gain = np.clip(1 - dark * wave, 0.02, 1) * np.float32(random.uniform(1, 1.3))

    def shade(picture: Floats, _: NDArray[np.float64]) -> tuple[Floats, Floats]:
        return picture * gain, np.zeros((FINE_PX, FINE_PX, 1), np.float32)

    return shade


def made_up(picture: Floats, points: NDArray[np.float64], random: Random) -> Floats:
    """A picture (S, S, 3) of a face whose lids, lips, or brows and jaw are painted darker."""
    gain = np.ones((*picture.shape[:2], 3), np.float32)
    colour = random.uniform(0.1, 1.05, 3) if random.random() < 0.4 else random.uniform(0.2, 0.9) * np.ones(3)
    kind = random.random()
    lines = (EYE_LEFT, EYE_RIGHT) if kind < 0.4 else ((LIPS_OUTER,) if kind < 0.7 else (*BROWS, JAW))
    for corners in lines:
        one = np.zeros(picture.shape[:2], np.uint8)
        line = np.rint(points[list(corners), :2]).astype(np.int32)
        if corners is LIPS_OUTER:
            cv2.fillPoly(one, [line], 255, cv2.LINE_AA)
        widest = 30 if corners is JAW else 9
        cv2.polylines(one, [line], kind < 0.7, 255, int(random.integers(1, widest)), cv2.LINE_AA)
        soft = cv2.GaussianBlur(one, (0, 0), random.uniform(0.7, 4)).astype(np.float32)[..., None] / 255
        gain *= 1 - soft * (1 - colour) * random.uniform(0.3, 1)
    return picture * gain
