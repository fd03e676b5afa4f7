from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from recaster.models.presets import Preset, overridden, preset
from recaster.networks.pairwise import (
    PairwiseSwap,
    build_decoder,
    build_discriminator,
    build_encoder,
    encoder_input,
    from_network,
    named,
    to_network,
)

TINY = {"size": 32, "bottleneck": 8, "bottom_width": 8}
LIGHT = overridden(preset("fast-96"), **TINY, encoder_widths=(8, 8, 8), decoder_widths=(8, 8))
CLASSIC = overridden(preset("classic-64"), **TINY, encoder_widths=(8, 8, 8), decoder_widths=(8, 8))


def test_classic_has_the_seeds_parameter_counts() -> None:
    classic = preset("classic-64")
    assert build_encoder(classic).count_params() == pytest.approx(58.7e6, rel=1e-3)
    assert build_decoder(classic, "source").count_params() == pytest.approx(6.35e6, rel=1e-3)
    assert build_discriminator(classic, "critic").count_params() == pytest.approx(0.66e6, rel=1e-2)


def test_fast_has_the_researched_size() -> None:
    fast = preset("fast-96")
    decoders = [build_decoder(fast, name).count_params() for name in ("source", "target")]
    assert build_encoder(fast).count_params() + sum(decoders) == pytest.approx(5.2e6, rel=1e-2)


@pytest.mark.parametrize("name", ["fast-192", "classic-128"])
def test_larger_presets_fit_together(name: str) -> None:
    larger = overridden(preset(name), bottleneck=8, bottom_width=8)
    encoder = build_encoder(larger)
    decoder = build_decoder(larger, "source")
    assert encoder.output_shape == decoder.input_shape
    assert decoder.output_shape == (None, larger.size, larger.size, 4)
    assert build_discriminator(larger, "critic").output_shape[1] < larger.size / 4


@pytest.mark.parametrize("tiny", [LIGHT, CLASSIC], ids=["light", "classic"])
def test_same_seed_same_weights_other_seed_other_weights(tiny: Preset) -> None:
    first, again, other = (build_encoder(tiny, seed).get_weights() for seed in (1, 1, 2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(not np.array_equal(a, c) for a, c in zip(first, other, strict=True))


def test_layers_of_one_model_start_differently() -> None:
    decoder = build_decoder(CLASSIC, "source")
    other = build_decoder(CLASSIC, "target")
    kernel = decoder.get_layer("residual0_a").get_weights()[0]
    assert not np.array_equal(kernel, decoder.get_layer("residual0_b").get_weights()[0])
    assert not np.array_equal(kernel, other.get_layer("residual0_a").get_weights()[0])
    assert kernel.std() == pytest.approx(0.02, rel=0.15)


@pytest.mark.parametrize("mask", ["none", "blend", "hull"])
@pytest.mark.parametrize("tiny", [LIGHT, CLASSIC], ids=["light", "classic"])
def test_outputs_are_in_range(tiny: Preset, mask: str) -> None:
    chosen = overridden(tiny, mask=mask)
    encoder = build_encoder(chosen)
    decoder = build_decoder(chosen, "source")
    images = np.random.default_rng(0).uniform(-5, 5, (2, 32, 32, 3)).astype(np.float32)
    painted = decoder(encoder(images)).numpy()
    assert painted.shape == (2, 32, 32, 3 if mask == "none" else 4)
    unit = from_network(chosen, painted[..., :3])
    assert unit.min() >= 0
    assert unit.max() <= 1
    discriminator = build_discriminator(chosen, "critic")
    assert discriminator.input_shape[-1] == (6 if mask == "blend" else 3)


def test_ranges_are_inverse() -> None:
    images = np.linspace(0, 1, 11, dtype=np.float32)
    for tiny in (LIGHT, CLASSIC):
        np.testing.assert_allclose(from_network(tiny, to_network(tiny, images)), images, atol=1e-6)
    assert to_network(CLASSIC, images).min() == -1


def test_light_input_ignores_brightness_and_contrast_of_the_face() -> None:
    images = np.random.default_rng(0).uniform(0.2, 0.6, (2, 32, 32, 3)).astype(np.float32)
    hulls = np.zeros((2, 32, 32, 1), np.float32)
    hulls[:, 8:24, 8:24] = 1
    seen = encoder_input(LIGHT, tf.constant(images), tf.constant(hulls)).numpy()
    inside = seen[:, 8:24, 8:24]
    np.testing.assert_allclose(inside.mean((1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(inside.std((1, 2)), 1, atol=0.02)
    darker = encoder_input(LIGHT, tf.constant(images * 0.7 + 0.1), tf.constant(hulls)).numpy()
    np.testing.assert_allclose(darker, seen, atol=0.05)


@pytest.mark.parametrize("mask", ["none", "hull"])
def test_swap_takes_exactly_the_expected_weights(mask: str) -> None:
    chosen = overridden(LIGHT, mask=mask)
    variables = named(build_encoder(chosen, 3), build_decoder(chosen, "source", 3))
    weights = {name: variable.numpy() for name, variable in variables.items()}
    expected = PairwiseSwap.expected(chosen)
    assert {name: (value.shape, str(value.dtype)) for name, value in weights.items()} == expected
    swap = PairwiseSwap(chosen, weights)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    hulls = np.ones((3, 32, 32), np.float32)
    painted, masks = swap.swap(images, hulls)
    assert (painted.dtype, painted.shape) == (np.uint8, (3, 32, 32, 3))
    assert (masks.dtype, masks.shape) == (np.float32, (3, 32, 32))
    assert (masks == 1).all() == (mask == "none")
    alone, _ = swap.swap(images[1:2], hulls[1:2])
    assert np.abs(alone[0].astype(int) - painted[1]).max() <= 1
