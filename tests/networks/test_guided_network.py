"""The guided network: how its output and the warp become a face."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from recaster.models.presets import GuidedNetwork, Preset, preset
from recaster.networks.guided import (
    GuidedSwap,
    build_guided,
    build_guided_discriminator,
    composed,
    kept,
    reduced,
)
from recaster.networks.guided_architecture import OUTPUTS
from recaster.networks.pairwise import named


@pytest.fixture(scope="module")
def tiny() -> Preset:
    return dataclasses.replace(preset("guided-128"), size=16, network=GuidedNetwork(widths=(4, 8)))


def condition(side: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).uniform(0, 1, (2, side, side, 11)), tf.float32)


def output(side: int, paint: float, keep: float) -> tf.Tensor:
    values = np.zeros((2, side, side, OUTPUTS), np.float32)
    values[..., :3], values[..., 3] = paint, keep
    return tf.constant(values)


def test_an_untrained_network_shows_mostly_the_warp(tiny: Preset) -> None:
    shown = condition(32)
    made = build_guided(tiny, 11)(shown)
    assert made.shape == (2, 32, 32, OUTPUTS)
    assert np.allclose(kept(made), 0.73, atol=0.05)
    assert np.allclose(composed(shown, made) - 0.5, 0.73 * (shown[..., :3] - 0.5), atol=0.1)


def test_what_the_network_keeps_is_the_warp_to_the_pixel() -> None:
    shown = condition(32)
    assert np.allclose(composed(shown, output(32, 0, 50)), shown[..., :3], atol=1e-5)


def test_what_it_paints_is_nothing_of_the_warps() -> None:
    shown = condition(32)
    assert np.allclose(composed(shown, output(32, 0, -50)), 0.5, atol=1e-4)


def test_it_sees_and_paints_what_is_finer_than_its_own_size(tiny: Preset) -> None:
    network = build_guided(tiny, 11)
    flat = np.full((1, 32, 32, 11), 0.5, np.float32)
    checked = flat.copy()
    checked[..., :3] += 0.2 * (np.indices((32, 32)).sum(0) % 2 * 2 - 1)[..., None]
    assert np.allclose(reduced(tf.constant(checked), 16), reduced(tf.constant(flat), 16))

    whole = network(flat).numpy()
    for weights in network.get_layer("fine").weights:
        weights.assign(tf.zeros_like(weights))
    rough = network(flat).numpy()
    blocks = (whole - rough)[0, ..., :3].reshape(16, 2, 16, 2, 3)
    assert np.ptp(blocks, (1, 3)).max() > 1e-4  # neighbours within one of its own pixels are painted unlike
    assert np.array_equal(whole[..., 3], rough[..., 3])
    assert np.abs(network(checked).numpy() - rough).max() > 1e-4


def test_without_finer_detail_it_works_at_its_own_size(tiny: Preset) -> None:
    plain = dataclasses.replace(tiny, network=GuidedNetwork(widths=(4, 8), detail=1))
    made = build_guided(plain, 11)(condition(16)).numpy()
    assert made.shape == (2, 16, 16, OUTPUTS)
    rough = made[..., 3].reshape(2, 8, 2, 8, 2).mean((2, 4))
    assert np.abs(np.diff(made[..., 3], axis=1)).max() <= np.abs(np.diff(rough, axis=1)).max() + 1e-6


def test_the_discriminator_judges_patches(tiny: Preset) -> None:
    scores = build_guided_discriminator(tiny, 8)(tf.zeros((2, 32, 32, 8)))
    assert scores.shape == (2, 4, 4, 1)


def test_a_swap_paints_what_was_trained(tiny: Preset) -> None:
    """TensorFlow joins operations where no gradient is asked for; what they compute must stay the same."""
    random = np.random.default_rng(1)
    weights = {
        name: random.normal(0, 0.3, shape).astype(np.float32)
        for name, (shape, _) in GuidedSwap.expected(tiny, 11).items()
    }
    swap = GuidedSwap(tiny, 11, weights)
    shown = random.integers(0, 256, (2, 32, 32, 11), np.uint8)
    network = build_guided(tiny, 11)
    for name, variable in named(network).items():
        variable.assign(weights[name])
    unit = tf.constant(shown, tf.float32) / 255
    wanted = np.rint(np.clip(composed(unit, network(unit)), 0, 1) * 255)
    assert np.abs(swap.finish(shown) - wanted).max() <= 1
