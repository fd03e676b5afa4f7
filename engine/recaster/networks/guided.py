"""The guided network in Keras: a U-Net that finishes the warped source into the source's face."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from recaster.errors import UsageError
from recaster.models.tensors import load_metadata, load_tensors, save_tensors
from recaster.networks.guided_architecture import LEAK, OUTPUTS, TRUST, build_unet
from recaster.networks.keras_graph import KerasGraph
from recaster.networks.pairwise import describe_variables, named
from recaster.weights_registry import GUIDED_START

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from recaster.models.presets import Preset

RENDERED: Final = Path(__file__).parent / "weights" / GUIDED_START.file
"""First weights learned on rendered people who do not exist, float16: made by ``scripts/train_start.py``."""
_SMALL_GAIN = 0.02  # of first weights whose output joins a good image; more would saturate the sigmoids


class _GuidedGraph(KerasGraph):
    """Names the network's layers, and seeds each by its name."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def conv(
        self, x: keras.KerasTensor, width: int, kernel: int, name: str, stride: int = 1, gain: float = 2.0
    ) -> keras.KerasTensor:
        """A convolution that keeps the size (over the stride); ``gain`` scales its first weights."""
        seed = zlib.crc32(f"{self._seed}/guided/{name}".encode())
        start = keras.initializers.VarianceScaling(gain, "fan_in", "truncated_normal", seed=seed)
        return layers.Conv2D(width, kernel, stride, "same", kernel_initializer=start, name=name)(x)

    def conv_leaky_relu(
        self, x: keras.KerasTensor, width: int, kernel: int, name: str, stride: int = 1
    ) -> keras.KerasTensor:
        return ops.leaky_relu(self.conv(x, width, kernel, name, stride), LEAK)

    def conv_small_init(self, x: keras.KerasTensor, width: int, kernel: int, name: str) -> keras.KerasTensor:
        return self.conv(x, width, kernel, name, gain=_SMALL_GAIN)

    def conv_heads(self, x: keras.KerasTensor, widths: Mapping[str, int]) -> list[keras.KerasTensor]:
        return [self.conv_small_init(x, width, 3, name) for name, width in widths.items()]

    def residual(self, x: keras.KerasTensor, width: int, name: str) -> keras.KerasTensor:
        inner = self.conv_leaky_relu(x, width, 3, f"{name}_a")
        total = x + self.conv_small_init(inner, width, 3, f"{name}_b")
        # The rectifier is written out: TensorFlow's oneDNN (2.21) makes one operation of a convolution, a
        # sum and leaky_relu wherever no gradient is asked for, and its slope is .2, whatever was wanted.
        return ops.maximum(total, LEAK * total)


def build_guided(preset: Preset, channels: int, seed: int = 0) -> keras.Model:
    """Builds ``build_unet`` in Keras, with (B, side, side, OUTPUTS) for its output, float32."""
    side = preset.size * preset.guided.detail
    condition = keras.Input((side, side, channels), name="condition")
    graph = _GuidedGraph(seed)
    return keras.Model(condition, graph.concat(build_unet(preset, graph, condition)), name="guided")


def reduced(conditions: tf.Tensor, size: int) -> tf.Tensor:
    """Conditions (B, side, side, channels), 0 to 1, at the network's own size; side is a multiple of it."""
    detail = conditions.shape[1] // size
    return tf.nn.avg_pool2d(conditions, detail, detail, "VALID") if detail > 1 else conditions


def painting(output: tf.Tensor) -> tf.Tensor:
    """The network's own painting, (B, side, side, 3), 0 to 1."""
    return tf.sigmoid(output[..., :3])


def kept(output: tf.Tensor) -> tf.Tensor:
    """Share of the warp that the network keeps, (B, side, side, 1), 0 to 1."""
    return tf.sigmoid(output[..., 3:4] + TRUST)


def composed(conditions: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
    """The face (B, side, side, 3), 0 to 1: the painting, mixed with the warp of the conditions (0 to 1)."""
    share = kept(output)
    return share * conditions[..., :3] + (1 - share) * painting(output)


def build_guided_discriminator(preset: Preset, channels: int, seed: int = 0) -> keras.Model:
    """Builds a judge of patches (Isola et al., 2017): (B, side, side, channels) to scores."""
    graph = _GuidedGraph(seed)
    side = preset.size * preset.guided.detail
    x = shown = keras.Input((side, side, channels), name="shown")
    for index, width in enumerate(preset.guided.critic_widths):
        x = graph.conv_leaky_relu(x, width, 3, f"judge{index}", stride=2)
    return keras.Model(shown, graph.conv(x, 1, 3, "score"), name="critic")


def start_weights(preset: Preset) -> dict[str, np.ndarray] | None:
    """The weights that training of a guided preset begins with, float32; None for random ones.

    Raises:
        UsageError: they are of another network.
        WeightsError: the file that comes with Recaster is missing or damaged.
    """
    if preset.guided.start == "none":
        return None
    if load_metadata(RENDERED).get("network") != _describe_network(preset):
        raise UsageError(
            f"preset {preset.name}: there are no start weights for this network; add --start none, "
            "or leave --widths, --critic-widths and --detail as the preset has them"
        )
    return {name: value.astype(np.float32) for name, value in load_tensors(RENDERED).items()}


def save_start_weights(
    preset: Preset, weights: Mapping[str, np.ndarray], facts: Mapping[str, str], path: Path = RENDERED
) -> None:
    """Writes weights for others to start from.

    Args:
        weights: by name, as ``GuidedModel.start_weights`` gives them.
        facts: what they were learned on, for the record.
    """
    halves = {name: value.astype(np.float16) for name, value in weights.items()}
    save_tensors(path, halves, {**facts, "network": _describe_network(preset)})


def _describe_network(preset: Preset) -> str:
    """Description that has to be equal for weights to fit; they fit every size of the network."""
    guided = preset.guided
    return f"{guided.widths} {guided.critic_widths} {OUTPUTS} {guided.detail}"


class GuidedSwap:
    """A trained guided network, run by TensorFlow: on a GPU (``guided_litert`` is for the CPU).

    Args:
        channels: of its condition.
        weights: exactly those of ``expected``.
    """

    def __init__(self, preset: Preset, channels: int, weights: Mapping[str, np.ndarray]) -> None:
        self._network = build_guided(preset, channels)
        for name, variable in named(self._network).items():
            variable.assign(weights[name])
        side = preset.size * preset.guided.detail
        self._run: Callable[[tf.Tensor], tf.Tensor] = tf.function(
            self._finish, input_signature=[tf.TensorSpec((None, side, side, channels), tf.uint8)]
        )

    @staticmethod
    def expected(preset: Preset, channels: int) -> dict[str, tuple[tuple[int, ...], str]]:
        """Name, shape and dtype of every array that a swap needs, for ``load_tensors``."""
        return describe_variables(build_guided(preset, channels))

    def finish(self, conditions: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Paints faces (B, side, side, 3) uint8 RGB.

        Args:
            conditions: (B, side, side, channels) uint8, where side is the preset's size times its detail.
        """
        return self._run(tf.constant(conditions)).numpy()

    def _finish(self, conditions: tf.Tensor) -> tf.Tensor:
        unit = tf.cast(conditions, tf.float32) / 255
        painted = composed(unit, self._network(unit))
        # Rounded where it is computed: a quarter of the bytes come back from a GPU.
        return tf.cast(tf.round(tf.clip_by_value(painted, 0, 1) * 255), tf.uint8)
