"""Smoothing over time: lag, strength and unequal steps."""

from __future__ import annotations

import numpy as np
import pytest

from recaster.errors import UsageError
from recaster.faces.smoothing import smooth
from recaster.settings.choices import SMOOTHINGS
from recaster.settings.detection import Smoothing

TIMES = np.arange(60) / 25


def noise() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(60, 4, 3))


@pytest.mark.parametrize("name", SMOOTHINGS)
def test_what_stands_still_stays(name: str) -> None:
    values = np.full((60, 5, 2), 123.456)
    np.testing.assert_allclose(smooth(values, TIMES, Smoothing(name)), values, atol=1e-9)


@pytest.mark.parametrize("name", SMOOTHINGS)
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_short_tracks_keep_their_shape(name: str, count: int) -> None:
    values = np.random.default_rng(0).normal(size=(count, 2, 3))
    result = smooth(values, TIMES[:count], Smoothing(name))
    assert result.shape == values.shape
    assert np.isfinite(result).all()


@pytest.mark.parametrize("name", SMOOTHINGS)
def test_the_input_is_not_changed(name: str) -> None:
    values = noise()
    before = values.copy()
    smooth(values, TIMES, Smoothing(name))
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize(("name", "share"), [("ema", 0.5), ("kalman", 0.5), ("zero-phase", 0.7)])
def test_jitter_becomes_less(name: str, share: float) -> None:
    before = noise()
    after = smooth(noise(), TIMES, Smoothing(name))
    assert np.abs(np.diff(after, 2, axis=0)).mean() < share * np.abs(np.diff(before, 2, axis=0)).mean()


def test_coordinates_do_not_mix() -> None:
    values = noise()
    for name in SMOOTHINGS:
        together = smooth(values, TIMES, Smoothing(name))
        np.testing.assert_allclose(together[:, 2, 1], smooth(values[:, 2, 1], TIMES, Smoothing(name)))


def test_ema_is_faceswap_gans_formula_without_rounding() -> None:
    result = smooth(np.array([0.0, 1.0, 1.0]), TIMES[:3], Smoothing("ema"))
    np.testing.assert_allclose(result, [0.0, 0.35, 0.35 * 0.65 + 0.35])


def test_ema_lags_behind_a_ramp_and_kalman_catches_up() -> None:
    times = np.arange(400) / 25
    ramp = 2.0 * np.arange(400)
    assert ramp[-1] - smooth(ramp, times, Smoothing("ema"))[-1] == pytest.approx(2 * 0.65 / 0.35, rel=1e-6)
    assert smooth(ramp, times, Smoothing("kalman"))[-1] == pytest.approx(ramp[-1], abs=1e-3)


def test_kalman_knows_nothing_of_the_future() -> None:
    values = np.zeros(60)
    values[30:] = 1.0
    result = smooth(values, TIMES, Smoothing("kalman"))
    np.testing.assert_array_equal(result[:30], 0.0)
    assert 0 < result[30] < 1
    assert result[30:].max() > 1  # a velocity overshoots


def test_zero_phase_leaves_a_ramp_alone_even_at_uneven_times() -> None:
    times = np.cumsum(np.random.default_rng(4).uniform(0.01, 0.2, 60))
    ramp = 5.0 * times - 3.0
    np.testing.assert_allclose(smooth(ramp, times, Smoothing()), ramp, atol=1e-9)


def test_zero_phase_answers_a_step_evenly_on_both_sides() -> None:
    values = np.zeros(60)
    values[30:] = 1.0
    result = smooth(values, TIMES, Smoothing())
    np.testing.assert_allclose(result + result[::-1], 1.0, atol=1e-9)
    assert result[29] > 0.05


@pytest.mark.parametrize(("strength", "frames"), [(None, 3), (0.5, 5)])
def test_zero_phase_halves_what_takes_a_few_frames(strength: float | None, frames: int) -> None:
    times = np.arange(500) / 25
    wave = np.sin(2 * np.pi * np.arange(500) / frames)
    result = smooth(wave, times, Smoothing("zero-phase", strength))
    assert np.abs(result[50:-50]).max() == pytest.approx(0.5 * np.abs(wave).max(), rel=0.06)


def test_zero_phase_goes_by_seconds_not_by_frames() -> None:
    wave = np.sin(2 * np.pi * 2 * np.arange(0, 10, 0.02))
    slow = smooth(wave[::2], np.arange(0, 10, 0.04), Smoothing())
    fast = smooth(wave, np.arange(0, 10, 0.02), Smoothing())
    assert np.abs(slow[50:-50]).max() == pytest.approx(np.abs(fast[100:-100]).max(), rel=0.05)


def test_more_strength_is_smoother() -> None:
    jitter = [
        np.abs(np.diff(smooth(noise(), TIMES, Smoothing("zero-phase", strength)), 2, axis=0)).mean()
        for strength in (0.1, 1.0, 10.0)
    ]
    assert jitter[0] > jitter[1] > jitter[2]


@pytest.mark.parametrize(("name", "strength"), [("median", None), ("ema", 1.0), ("kalman", -1.0)])
def test_nonsense_is_refused(name: str, strength: float | None) -> None:
    with pytest.raises(UsageError, match=r"unknown smoothing|a share below 1|strength .* must be 0 or more"):
        Smoothing(name, strength)


@pytest.mark.parametrize("count", [3, 4, 5, 300])
def test_zero_phase_solves_its_system(count: int) -> None:
    """Against LAPACK, and to the same bits whatever is solved beside it."""
    random = np.random.default_rng(count)
    values = random.standard_normal((count, 40)).cumsum(0) * 10
    times = np.cumsum(0.01 + 0.08 * random.random(count))
    smoothing = Smoothing("zero-phase", 64.0)
    found = smooth(values, times, smoothing)
    steps = np.diff(times)
    before, after = steps[:-1], steps[1:]
    span = (before + after) / 2
    bend = np.zeros((count - 2, count))
    rows = np.arange(count - 2)
    bend[rows, rows] = 1 / (before * span)
    bend[rows, rows + 1] = -1 / (before * span) - 1 / (after * span)
    bend[rows, rows + 2] = 1 / (after * span)
    weights = 64.0 / 25**3 * span
    expected = np.linalg.solve(np.eye(count) + bend.T @ (weights[:, None] * bend), values)
    np.testing.assert_allclose(found, expected, atol=1e-8)
    np.testing.assert_array_equal(smooth(values[:, 7:9], times, smoothing), found[:, 7:9])
