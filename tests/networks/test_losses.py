from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from recaster.networks import losses

RANDOM = np.random.default_rng(0)
TRUTH = tf.constant(RANDOM.uniform(0, 1, (2, 16, 16, 3)), tf.float32)
OTHER = tf.constant(RANDOM.uniform(0, 1, (2, 16, 16, 3)), tf.float32)
ONES = tf.ones((2, 16, 16, 1))


@pytest.mark.parametrize("loss", [losses.weighted_l1, losses.gradient_l1, losses.ssim_loss])
def test_equal_images_cost_nothing_and_others_do(loss: object) -> None:
    assert float(loss(TRUTH, TRUTH, ONES)) == pytest.approx(0, abs=1e-5)  # type: ignore[operator]
    assert float(loss(TRUTH, OTHER, ONES)) > 0.1  # type: ignore[operator]


def test_weights_choose_where_it_counts() -> None:
    left = tf.concat([2 * tf.ones((2, 16, 8, 1)), tf.zeros((2, 16, 8, 1))], 2)
    half_wrong = tf.concat([TRUTH[:, :, :8], TRUTH[:, :, 8:] + 1], 2)
    assert float(losses.weighted_l1(TRUTH, half_wrong, left)) == 0
    assert float(losses.weighted_l1(TRUTH, half_wrong, ONES)) == pytest.approx(0.5, rel=1e-5)


def test_gradient_ignores_a_constant() -> None:
    assert float(losses.gradient_l1(TRUTH, TRUTH + 0.3, ONES)) == pytest.approx(0, abs=1e-6)
    step = np.zeros((1, 8, 8, 1), np.float32)
    step[:, 4:] = 1
    expected = 8 / (7 * 8)
    assert float(losses.gradient_l1(step, 0 * step, np.ones((1, 8, 8, 1)))) == pytest.approx(expected)


def test_ssim_against_its_definition_and_any_span() -> None:
    a = TRUTH.numpy()[0, :7, :7, 0].astype(float)
    b = OTHER.numpy()[0, :7, :7, 0].astype(float)
    covariance = ((a - a.mean()) * (b - b.mean())).mean()
    luminance = (2 * a.mean() * b.mean() + 1e-4) / (a.mean() ** 2 + b.mean() ** 2 + 1e-4)
    expected = luminance * (2 * covariance + 9e-4) / (a.var() + b.var() + 9e-4)
    one = losses.ssim_loss(TRUTH[:1, :7, :7, :1], OTHER[:1, :7, :7, :1], ONES[:1, :7, :7])
    assert float(one) == pytest.approx(1 - expected, abs=1e-5)
    twice = losses.ssim_loss(2 * TRUTH, 2 * OTHER, ONES, span=2.0)
    assert float(twice) == pytest.approx(float(losses.ssim_loss(TRUTH, OTHER, ONES)), abs=1e-4)


def test_softened_keeps_every_pixel_where_it_is_asked_to() -> None:
    left = tf.concat([tf.ones((2, 16, 8, 1)), tf.zeros((2, 16, 8, 1))], 2)
    soft = losses.softened(TRUTH, left).numpy()
    np.testing.assert_allclose(soft[:, :, :8], TRUTH[:, :, :8], rtol=1e-5)
    np.testing.assert_allclose(soft[:, 8, 10], TRUTH.numpy()[:, 6:11, 8:13].mean((1, 2)), rtol=1e-5)


def test_texture_asks_how_much_detail_there_is_and_not_where() -> None:
    moved = tf.roll(TRUTH, (2, 3), (1, 2))
    elsewhere = float(losses.texture_l1(TRUTH, moved, ONES, ONES))
    flat = float(losses.texture_l1(TRUTH, tf.ones_like(TRUTH) / 2, ONES, ONES))
    assert float(losses.texture_l1(TRUTH, TRUTH, ONES, ONES)) == pytest.approx(0, abs=1e-6)
    faint = float(losses.texture_l1(TRUTH, TRUTH * 0.5 + 0.2, ONES, ONES))
    assert faint == pytest.approx(flat / 2, rel=0.1)
    assert float(losses.texture_l1(TRUTH, TRUTH, ONES / 2, ONES)) == pytest.approx(flat / 2, rel=0.1)
    assert elsewhere < 0.2 * flat
    assert float(losses.weighted_l1(TRUTH, moved, ONES)) > float(losses.weighted_l1(TRUTH, 0.5, ONES))


def test_least_squares_and_mix() -> None:
    assert float(losses.least_squares(tf.constant([1.0, 3.0]), 1.0)) == 2
    np.testing.assert_allclose(losses.mix(TRUTH, OTHER, 1.0), TRUTH)
    np.testing.assert_allclose(losses.mix(TRUTH, OTHER, 0.25), 0.25 * TRUTH + 0.75 * OTHER, rtol=1e-6)


def test_mask_terms() -> None:
    mask = np.zeros((2, 4, 4, 1), np.float32)
    mask[1] = 1
    assert float(losses.mask_hinge(mask, 0.5)) == pytest.approx(0.25)
    assert float(losses.total_variation(mask)) == 0
    mask[0, :, 2:] = 1
    assert float(losses.total_variation(mask)) == pytest.approx(1 / 6)
