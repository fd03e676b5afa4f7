"""Covers over heads."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from recaster.faces.alignment import TEMPLATE
from recaster.media.types import Frame
from recaster.swapping.composite import composite
from recaster.swapping.head_cover import BLUR_CELLS, PLAIN_GREY, HeadCover, fit_head
from recaster.swapping.render import RenderedFrame

COVER = HeadCover(60, 45, 40, 60, 20)


def draw(picture: np.ndarray, *covers: HeadCover) -> np.ndarray:
    before = Frame(0, 0, Fraction(0), picture)
    return RenderedFrame(before, composite(before, [], covers=covers)).image


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (90, 120, 3), dtype=np.uint8)


def inside(cover: HeadCover, shape: tuple[int, int]) -> np.ndarray:
    points = np.indices(shape)[::-1].reshape(2, -1).T
    return np.array([cover.contains((x, y)) for x, y in points]).reshape(shape)


def test_plain_cover_holds_nothing_of_the_picture() -> None:
    one, other = draw(noise(1), COVER), draw(noise(2), COVER)
    within = inside(COVER.scaled(0.95), one.shape[:2])
    assert (one[within] == PLAIN_GREY).all()
    assert (other[within] == PLAIN_GREY).all()
    beyond = ~inside(COVER.scaled(1.1), one.shape[:2])
    assert (one[beyond] == noise(1)[beyond]).all()


@pytest.mark.parametrize("place", [(0, 0), (119, 89), (-30, 40), (500, 500)])
def test_covers_at_and_beyond_the_border(place: tuple[int, int]) -> None:
    moved = replace(COVER, x=place[0], y=place[1])
    drawn = draw(noise(1), moved)
    within = inside(moved.scaled(0.95), drawn.shape[:2])
    assert (drawn[within] == PLAIN_GREY).all()


def test_blurred_head_has_a_dozen_coarse_colours() -> None:
    """Heads with the same rounded means in their cells look the same, whatever else they show."""
    blurred = replace(COVER, kind="blur")
    height, width = 90, 120
    rough = np.kron(np.indices((height // 2, width // 2)).sum(0) % 2, np.ones((2, 2))) * 180 + 30
    checks = np.repeat(rough[..., None], 3, axis=2).astype(np.uint8)
    one, other = draw(checks, blurred), draw(240 - checks, blurred)
    within = inside(blurred.scaled(0.95), (height, width))
    assert (one[within] == other[within]).all()
    assert one[within].std() < 10
    assert BLUR_CELLS[0] * BLUR_CELLS[1] == 12


@pytest.mark.parametrize("lean", [0, 50, 90, 180, -120])
def test_cover_leans_with_the_head(lean: float) -> None:
    """iBUG's 68 points of a face, leaning about its middle."""
    inner = (TEMPLATE - 0.5) * 100
    jaw = np.column_stack([np.linspace(-38, 38, 17), 45 - np.linspace(-6, 6, 17) ** 2])
    turn = np.radians(lean)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = np.concatenate([jaw, inner]) @ matrix.T + 200
    cover = fit_head(points, "cover")
    assert abs((cover.angle - lean + 180) % 360 - 180) < 3
    assert all(cover.contains((x, y)) for x, y in points)
    top = matrix @ (0, -70) + 200
    assert cover.contains((top[0], top[1]))  # hair, too


def test_covers_touch_each_other_where_one_reaches_into_the_other() -> None:
    cover = HeadCover(100, 100, 60, 120, 0)
    assert cover.touches(HeadCover(155, 100, 60, 60, 0))
    assert not cover.touches(HeadCover(165, 100, 60, 60, 0))
    assert cover.touches(HeadCover(100, 190, 30, 90, 0))
    assert not cover.touches(HeadCover(100, 190, 30, 90, 90))
    inner = HeadCover(100, 100, 5, 5, 0)
    assert cover.touches(inner)
    assert inner.touches(cover)
