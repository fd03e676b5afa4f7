"""Laying faces over a frame."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest

from recaster.media.types import Frame
from recaster.settings.swap import LabelSettings
from recaster.swapping.composite import Layer
from recaster.swapping.composite import composite as patches
from recaster.swapping.render import RenderedFrame

RED = (255.0, 0.0, 0.0)
BLUE = (0.0, 0.0, 255.0)


def frame(height: int = 90, width: int = 120) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def composite(
    picture: np.ndarray, layers: list[Layer], label: LabelSettings | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The picture with faces, and the matte."""
    before = Frame(0, 0, Fraction(0), picture)
    rendered = RenderedFrame(before, patches(before, layers, label))
    return rendered.image, rendered.matte


def layer(
    x: float, y: float, side: float, colour: tuple[float, float, float] = RED, size: int = 32, turn: float = 0
) -> Layer:
    """A disc of one colour in a crop of ``side`` frame pixels around (x, y)."""
    grid = (np.arange(size) + 0.5) / size * 2 - 1
    mask = np.clip((0.8 - np.hypot(grid[None], grid[:, None])) * 5, 0, 1).astype(np.float32)
    c = np.cos(turn) * size / side
    s = np.sin(turn) * size / side
    linear = np.array([[c, s], [-s, c]])
    shift = (size - 1) / 2 - linear @ (x, y)
    image = np.broadcast_to(np.float32(colour), (size, size, 3)).copy()
    return Layer(image, mask, np.hstack([linear, shift[:, None]]))


@pytest.mark.parametrize("side", [9.0, 32.0, 77.3])
@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_pixels_outside_the_matte_are_untouched(side: float, turn: float) -> None:
    before = frame()
    kept = before.copy()
    after, matte = composite(before, [layer(60.3, 40.8, side, turn=turn)])
    assert np.array_equal(before, kept), "the frame itself is not changed"
    assert np.array_equal(after[matte == 0], before[matte == 0])
    assert (after[matte == 255] == RED).all()
    distance = np.hypot(np.arange(120)[None] - 60.3, np.arange(90)[:, None] - 40.8)
    slack = 1.5 + side / 32
    assert not matte[distance > side * 0.4 + slack].any()
    assert (matte[distance < side * 0.3 - slack] > 250).all()


def test_blending_is_linear_and_rounded() -> None:
    before = np.full((40, 40, 3), 100, np.uint8)
    flat = layer(19.5, 19.5, 32, colour=(201.0, 100.0, 0.0))
    after, matte = composite(before, [Layer(flat.image, flat.mask * np.float32(0.5), flat.matrix)])
    assert tuple(after[20, 20]) in {(150, 100, 50), (151, 100, 50)}
    assert matte[20, 20] in (127, 128)


@pytest.mark.parametrize(("x", "y"), [(-3, 40), (119, 89), (60, -6), (2, 2)])
def test_faces_partly_outside_the_frame(x: float, y: float) -> None:
    before = frame()
    after, matte = composite(before, [layer(x, y, 40)])
    assert matte.any()
    assert np.array_equal(after[matte == 0], before[matte == 0])
    inner, whole = composite(np.zeros((290, 320, 3), np.uint8), [layer(x + 100, y + 100, 40)])
    assert np.array_equal(whole[100:190, 100:220], matte)
    del inner


def test_patches_never_meet_and_hold_all_that_was_painted() -> None:
    before = Frame(0, 0, Fraction(0), frame(200, 300))
    layers = [layer(40, 40, 40), layer(70, 60, 40), layer(260, 150, 30)]
    found = patches(before, layers, LabelSettings("text", corner="top-right"))
    assert len(found) == 3, "two faces touch, one is elsewhere, and the label"
    assert not any(a.place.intersects(b.place) for a in found for b in found if a is not b)
    for patch in found:
        assert patch.image.shape[:2] == patch.painted.shape == patch.matte.shape
        assert np.array_equal(patch.image[~patch.painted], before.part(patch.place)[~patch.painted])
        assert not patch.matte[~patch.painted].any()
        assert not patch.painted[[0, -1]].any() or patch.place.top == 0


def test_a_label_lies_over_faces_and_is_no_face() -> None:
    large = layer(100, 60, 260)
    bare, bare_matte = composite(frame(120, 200), [large])
    signed, matte = composite(frame(120, 200), [large], LabelSettings("text"))
    assert np.array_equal(matte, bare_matte)
    assert 0 < (signed != bare).any(-1).mean() < 0.2


def test_faces_outside_the_frame_change_nothing() -> None:
    before = frame()
    empty = Layer(np.zeros((32, 32, 3), np.float32), np.zeros((32, 32), np.float32), np.eye(2, 3))
    after, matte = composite(before, [layer(-90, 40, 40), layer(60, 300, 40), empty])
    assert np.array_equal(after, before)
    assert not matte.any()


def test_the_largest_face_lies_on_top() -> None:
    near = layer(60, 40, 60, BLUE)
    far = layer(70, 40, 30, RED)
    for order in ([near, far], [far, near]):
        after, matte = composite(frame(), order)
        assert (after[40, 70] == BLUE).all()
    both = composite(frame(), [near, far])[1]
    one = composite(frame(), [near])[1]
    assert (both >= one).all()
    assert matte.dtype == np.uint8


def test_light_beyond_white_is_painted_whole() -> None:
    """A highlight of a face in linear light stays; a face in a picture of 8 bits ends at white."""

    class LightFrame(Frame):
        @property
        def plate(self) -> np.ndarray:
            return self.image.astype(np.float32)

    before = LightFrame(0, 0, Fraction(0), frame())
    bright = layer(60, 40, 40, (1020.0, -30.0, 100.0))
    [bounded] = patches(before, [bright])
    assert bounded.image[bounded.matte == 255].max() == 255
    [patch] = patches(before, [dataclasses.replace(bright, is_unbounded=True)])
    inside = patch.image[patch.matte == 255]
    assert np.abs(inside - (1020, -30, 100)).max() < 2.1  # the least opacity that counts as whole


def test_fine_detail_does_not_alias_when_a_crop_shrinks() -> None:
    fine = layer(60, 40, 24, size=128)
    stripes = fine.image.copy()
    stripes[:, ::2], stripes[:, 1::2] = 0, 200
    after, matte = composite(frame(), [Layer(stripes, fine.mask, fine.matrix)])
    assert np.ptp(after[matte == 255].astype(int)) <= 24


def test_a_face_covers_values_that_are_no_numbers() -> None:
    plate = frame().astype(np.float32)
    broken = plate.copy()
    for column, value in enumerate((np.inf, -np.inf, np.nan)):
        broken[[40, 40, 2], [60 + column, 37 + column, 60 + column], column] = value
    is_broken = ~np.isfinite(broken)
    rendered = []
    for values in (plate, broken):
        before = Frame(0, 0, Fraction(0), values)
        rendered.append(RenderedFrame(before, patches(before, [layer(60, 40, 60)])))
    shows = rendered[1].matte > 0
    result = rendered[1].plate
    assert is_broken[shows].sum() == 6
    assert is_broken[~shows].sum() == 3
    np.testing.assert_array_equal(result[~shows], broken[~shows])
    np.testing.assert_array_equal(result[~is_broken], rendered[0].plate[~is_broken])
    face = np.broadcast_to(np.float32(RED), result.shape)
    hidden = is_broken & shows[..., None]
    np.testing.assert_allclose(result[hidden], face[hidden], atol=1e-3)
