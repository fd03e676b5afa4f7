"""Colour correction: what the curves do, and that they are steady."""

from __future__ import annotations

import numpy as np
import pytest

from recaster.errors import UsageError
from recaster.settings.look import LookSettings
from recaster.swapping import colour_transfer

SIZE = 64


def picture(mean: tuple[float, float, float], deviation: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, deviation, (SIZE, SIZE, 3))
    return np.clip(noise + mean, 0, 255).astype(np.uint8)


def inside() -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[16:48, 16:48] = 1
    return mask


@pytest.mark.parametrize("mode", ["mean", "hist"])
def test_colours_become_the_targets(mode: str) -> None:
    swapped = picture((90, 120, 150), 20)
    target = picture((140, 110, 100), 25, seed=1)
    curves = colour_transfer.fit_curves(colour_transfer.measure(swapped, target, inside(), mode), mode)
    result = colour_transfer.correct(swapped, curves)[16:48, 16:48]
    wanted = target[16:48, 16:48]
    assert result.dtype == np.float32
    assert result.mean((0, 1)) == pytest.approx(wanted.mean((0, 1)), abs=0.6)
    if mode == "hist":
        assert result.std((0, 1)) == pytest.approx(wanted.std((0, 1)), rel=0.05)


@pytest.mark.parametrize("mode", ["mean", "hist"])
def test_what_lies_outside_the_mask_does_not_count(mode: str) -> None:
    swapped = picture((90, 120, 150), 20)
    target = picture((140, 110, 100), 25, seed=1)
    expected = colour_transfer.measure(swapped, target, inside(), mode)
    target[:10], swapped[50:] = 255, 0
    soft = inside()
    soft[8:12] = 0.5
    assert np.array_equal(colour_transfer.measure(swapped, target, soft, mode), expected)


@pytest.mark.parametrize("mode", ["mean", "hist"])
def test_equal_colours_are_left_as_they_are(mode: str) -> None:
    image = picture((90, 120, 150), 30)
    curves = colour_transfer.fit_curves(colour_transfer.measure(image, image, inside(), mode), mode)
    assert colour_transfer.correct(image, curves) == pytest.approx(image.astype(np.float32), abs=1e-3)


def slope(swapped: np.ndarray, target: np.ndarray) -> np.ndarray:
    curves = colour_transfer.fit_curves(colour_transfer.measure(swapped, target, inside(), "mean"), "mean")
    return np.diff(curves[100:150], axis=0)


def test_gain_lies_between_contrast_and_light_and_is_bounded() -> None:
    middle, flat, lively = (picture((100, 100, 100), deviation, deviation) for deviation in (20, 5, 40))
    assert slope(flat, lively) == pytest.approx(np.sqrt(1.4), rel=0.02)
    assert slope(lively, flat) == pytest.approx(np.sqrt(0.7), rel=0.02)
    darker = (picture((100, 100, 100), 20, 20) * 0.8).astype(np.uint8)
    assert slope(middle, darker) == pytest.approx(0.8, rel=0.02), "less light: black stays black"
    assert slope(picture((30, 30, 30), 5), picture((220, 220, 220), 5)).max() <= 1.4 + 1e-4


def test_histogram_curves_rise_and_handle_flat_colours() -> None:
    curves = colour_transfer.fit_curves(
        colour_transfer.measure(picture((50, 90, 200), 30), picture((60, 60, 60), 30, 1), inside(), "hist"),
        "hist",
    )
    assert (np.diff(curves, axis=0) >= 0).all()
    flat = np.full((SIZE, SIZE, 3), 100, np.uint8)
    other = np.full((SIZE, SIZE, 3), 130, np.uint8)
    curves = colour_transfer.fit_curves(colour_transfer.measure(flat, other, inside(), "hist"), "hist")
    assert curves[100] == pytest.approx(130)


def test_histogram_curves_are_never_steep() -> None:
    even = picture((150, 120, 110), 4)
    lively = picture((130, 100, 90), 50, 1)
    curves = colour_transfer.fit_curves(colour_transfer.measure(even, lively, inside(), "hist"), "hist")
    assert np.diff(curves, axis=0).max() <= colour_transfer.GAIN[1] + 1e-4
    result = colour_transfer.correct(even, curves)[16:48, 16:48]
    assert np.median(result, (0, 1)) == pytest.approx(np.median(lively[16:48, 16:48], (0, 1)), abs=3)


def test_too_little_to_measure() -> None:
    image = picture((90, 90, 90), 9)
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[:4, :4] = 1
    assert colour_transfer.measure(image, image, mask, "mean") is None
    assert colour_transfer.measure(image, image, inside(), "none") is None
    assert colour_transfer.average([None, None], 0) is None
    assert np.array_equal(colour_transfer.fit_curves(None, "mean")[:, 0], np.arange(256))


def test_averaging_is_centred_and_skips_what_is_unknown() -> None:
    values = [np.full((2, 2, 3), float(i)) for i in range(13)]
    assert colour_transfer.average(values, 6) == pytest.approx(6), "no lag on a ramp"
    steady = colour_transfer.average([np.full((2, 2, 3), 10.0 + (-1) ** i) for i in range(13)], 6)
    assert abs(steady - 10).max() < 0.05, "flicker from frame to frame is averaged out"
    assert colour_transfer.average([None, values[4], None], 1) == pytest.approx(4)


def test_unknown_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="light, mean, hist, none"):
        LookSettings(colour="lab")
    assert (colour_transfer.reach("none"), colour_transfer.reach("mean")) == (0, colour_transfer.REACH_FRAMES)


def test_light_is_applied_and_none_leaves_the_face_alone() -> None:
    swapped = picture((90, 120, 150), 4)
    target = picture((140, 110, 100), 4, seed=1)
    statistics = colour_transfer.average_measured(
        [colour_transfer.measure(swapped, target, inside(), "light")], 0
    )
    result = colour_transfer.apply(swapped, statistics, "light")[16:48, 16:48]
    assert result.dtype == np.float32
    assert result.mean((0, 1)) == pytest.approx(target[16:48, 16:48].mean((0, 1)), abs=3)
    assert np.array_equal(colour_transfer.apply(swapped, None, "light"), swapped.astype(np.float32))
    assert np.array_equal(colour_transfer.apply(swapped, None, "none"), swapped.astype(np.float32))


def test_masks_are_averaged_as_numpy_averages_them() -> None:
    rng = np.random.default_rng(3)
    masks = [rng.random((SIZE, SIZE)) for _ in range(5)]
    window = [masks[0], None, *masks[1:4], None, masks[4]]
    weights = np.exp(-0.5 * (np.array([-3.0, -1, 0, 1, 3]) / colour_transfer.SIGMA_FRAMES) ** 2)
    found = colour_transfer.average(window, 3)
    np.testing.assert_array_equal(found, np.average(masks, axis=0, weights=weights))
    np.testing.assert_array_equal(masks[0], np.random.default_rng(3).random((SIZE, SIZE)))
