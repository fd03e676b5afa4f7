"""Rendered hands (scripts/actors/render_hands.py) before a face: of any skin, at any size, from any side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from shapes import SIDE, Random

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from shapes import Drawn, Floats

NATURAL = 0.62
"""A hand that is as far away as the face it is before has this size of its picture."""


def hands_in(folder: Path) -> list[NDArray[np.uint8]]:
    """(H, W, 4) RGBA each."""
    pictures = (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(folder.glob("hand_*.png")))
    return [cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA) for picture in pictures]


def rendered_hand(random: Random, skin: Floats, hands: Sequence[NDArray[np.uint8]]) -> Drawn:
    """One of the hands, as ``shapes.hand`` draws one.

    Args:
        random: what it is follows from this alone.
        skin: (3,), the colour of the face.
        hands: see ``hands_in``.
    """
    picture = hands[random.integers(len(hands))].astype(np.float32)
    if random.random() < 0.5:
        picture = picture[:, ::-1]
    over = picture[..., 3:] / 255
    colour = picture[..., :3] + 1
    usual = np.median(colour[over[..., 0] > 0.9], 0)
    shades = np.log(colour / usual)
    grey = shades.mean(-1, keepdims=True)
    shades = random.uniform(0.5, 1.4) * grey + random.uniform(0.2, 1) * (shades - grey)
    if random.random() < 0.75:  # the performer's own hand
        tone = skin * np.exp(random.normal(0.03, 0.13)) * random.uniform(0.96, 1.04, 3)
    else:
        tone = skin * random.uniform(0.6, 1.4) * random.uniform(0.92, 1.08, 3)
    laid = np.concatenate([tone * np.exp(shades) * over, over], -1).astype(np.float32)
    # The lowest row is the arm, which goes on below.
    matrix = _placed(random, over[..., 0])
    laid = cv2.warpAffine(laid, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE - 0.5
    turn = random.uniform(0, 2 * np.pi)
    fall = abs(random.normal(0, 0.7))
    light = np.exp(-fall * np.clip(x * np.cos(turn) + y * np.sin(turn), -0.2, 1))
    return laid[..., :3] * light[..., None], laid[..., 3:]


def _placed(random: Random, over: Floats) -> Floats:
    """(2, 3): puts some part of a hand somewhere on a face; over (H, W) is where it is."""
    size = NATURAL * np.exp(random.normal(0.1, 0.25))
    turn = random.uniform(0, 360) if random.random() < 0.25 else random.normal(0, 35)
    rows, columns = np.nonzero(over[: int(0.7 * len(over))] > 0.5)
    held = random.integers(len(rows))
    matrix = cv2.getRotationMatrix2D((float(columns[held]), float(rows[held])), float(turn), float(size))
    there = random.uniform((0.2, 0.3), (0.8, 1.0)) * SIDE
    matrix[:, 2] += there - (columns[held], rows[held])
    return matrix
