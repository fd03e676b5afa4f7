"""The pairwise networks: a shared encoder and one decoder per identity.

Two architectures behind the same three builders:

- ``classic``: shaoanlu/faceswap-GAN v1 with v2's alpha head. No biases, N(0, 0.02), images in [-1, 1].
- ``light``: a twelfth of its size for training on a CPU. The encoder sees the face with its own mean
  and deviation taken out (they say more about the light than about the expression), images in [0, 1].

Everything outside works in [0, 1]; ``to_network`` and ``from_network`` go between the two.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from recaster.models.presets import Preset

# Slopes of the leaky rectifiers, faceswap-GAN's: after an upscaling, and elsewhere.
LEAK_UP = 0.1
LEAK = 0.2


class _Scope:
    """Makes the layers of one model: names them, and seeds each by its name."""

    def __init__(self, preset: Preset, model: str, seed: int) -> None:
        self.classic = preset.pairwise.architecture == "classic"
        self._model = model
        self._seed = seed

    def conv(
        self, x: keras.KerasTensor, width: int, kernel: int, name: str, stride: int = 1
    ) -> keras.KerasTensor:
        """A convolution that keeps the size (over the stride)."""
        start = self._start(name)
        return layers.Conv2D(
            width, kernel, stride, "same", use_bias=not self.classic, kernel_initializer=start, name=name
        )(x)

    def dense(self, x: keras.KerasTensor, units: int, name: str) -> keras.KerasTensor:
        """A dense layer without activation."""
        return layers.Dense(
            units, use_bias=not self.classic, kernel_initializer=self._start(name), name=name
        )(x)

    def up(self, x: keras.KerasTensor, width: int, name: str) -> keras.KerasTensor:
        """Twice the size by sub-pixel convolution (Shi et al., 2016)."""
        return ops.depth_to_space(ops.leaky_relu(self.conv(x, 4 * width, 3, name), LEAK_UP), 2)

    def residual(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """Two convolutions beside the identity."""
        width = x.shape[-1]
        inner = ops.leaky_relu(self.conv(x, width, 3, f"{name}_a"), LEAK)
        return ops.leaky_relu(x + self.conv(inner, width, 3, f"{name}_b"), LEAK)

    def _start(self, name: str) -> keras.Initializer:
        # By its name, so that a layer begins alike in every network that has it; hash() differs by process.
        seed = zlib.crc32(f"{self._seed}/{self._model}/{name}".encode())
        if self.classic:
            # faceswap-GAN's (and DCGAN's, Radford et al., 2016).
            return keras.initializers.RandomNormal(0.0, 0.02, seed=seed)
        return keras.initializers.GlorotUniform(seed=seed)


def build_encoder(preset: Preset, seed: int = 0) -> keras.Model:
    """The shared encoder: (B, size, size, 3) as ``encoder_input`` makes it, to (B, h, h, width)."""
    network = preset.pairwise
    scope = _Scope(preset, "encoder", seed)
    inputs = keras.Input((preset.size, preset.size, 3))
    x: keras.KerasTensor = scope.conv(inputs, 64, 5, "first") if scope.classic else inputs
    for index, width in enumerate(network.encoder_widths):
        kernel = 3 if scope.classic or index else 5
        x = scope.conv(x, width, kernel, f"half{index}", stride=2)
        x = ops.relu(x) if scope.classic else ops.leaky_relu(x, LEAK_UP)
    side = x.shape[1]
    x = layers.Flatten(name="flat")(x)
    if not scope.classic:  # the dense layers then see the same scale from the first step to the last
        x = x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + 1e-6)
    x = scope.dense(x, network.bottleneck, "bottleneck")
    x = scope.dense(x, side * side * network.bottom_width, "unfold")
    x = ops.reshape(x, (-1, side, side, network.bottom_width))
    if scope.classic:
        x = scope.up(x, network.bottom_width // 2, "up")
    return keras.Model(inputs, x, name="encoder")


def build_decoder(preset: Preset, name: str, seed: int = 0) -> keras.Model:
    """One identity's decoder: the encoder's map to (B, size, size, 3 or 4), colours and mask.

    Colours are in the network's range, the mask (where the preset has one) in [0, 1].
    """
    network = preset.pairwise
    scope = _Scope(preset, name, seed)
    side = preset.size // 2 ** len(network.encoder_widths)
    classic = scope.classic
    shape = (2 * side, 2 * side, network.bottom_width // 2) if classic else (side, side, network.bottom_width)
    x = inputs = keras.Input(shape)
    for index, width in enumerate(network.decoder_widths):
        x = scope.up(x, width, f"up{index}")
        if not classic:
            x = scope.residual(x, f"residual{index}")
    if classic:
        x = scope.residual(scope.residual(x, "residual0"), "residual1")
        colours = ops.tanh(scope.conv(x, 3, 5, "colours"))
        masks = [] if network.mask == "none" else [ops.sigmoid(scope.conv(x, 1, 5, "mask"))]
        return keras.Model(inputs, ops.concatenate([colours, *masks], axis=-1), name=name)
    channels = 3 if network.mask == "none" else 4
    x = ops.depth_to_space(scope.conv(x, 4 * channels, 3, "head"), 2)
    return keras.Model(inputs, ops.sigmoid(x), name=name)


def build_discriminator(preset: Preset, name: str, seed: int = 0) -> keras.Model:
    """One identity's discriminator: images to a map of scores, one for each patch.

    Where the mask blends with the input, it sees the input as well: 6 channels instead of 3.
    """
    network = preset.pairwise
    scope = _Scope(preset, name, seed)
    x = inputs = keras.Input((preset.size, preset.size, 6 if network.mask == "blend" else 3))
    for index, width in enumerate(network.discriminator_widths):
        x = ops.leaky_relu(scope.conv(x, width, 4, f"half{index}", stride=2), LEAK)
    return keras.Model(inputs, scope.conv(x, 1, 4, "score"), name=name)


def to_network(preset: Preset, images: tf.Tensor) -> tf.Tensor:
    """Images from [0, 1] to the range that the decoders paint in."""
    return images * 2 - 1 if preset.pairwise.architecture == "classic" else images


def from_network(preset: Preset, images: tf.Tensor) -> tf.Tensor:
    """Images from the decoders' range to [0, 1]."""
    return (images + 1) / 2 if preset.pairwise.architecture == "classic" else images


def encoder_input(preset: Preset, images: tf.Tensor, hulls: tf.Tensor) -> tf.Tensor:
    """Normalises images as the encoder takes them.

    Args:
        images: (B, size, size, 3) float32 in [0, 1].
        hulls: (B, size, size, 1) float32, the outline of the face.
    """
    if preset.pairwise.architecture == "classic":
        return to_network(preset, images)
    # The small numbers keep an empty outline and a flat face from dividing by 0.
    area = tf.reduce_sum(hulls, (1, 2), keepdims=True) + 1e-3
    mean = tf.reduce_sum(images * hulls, (1, 2), keepdims=True) / area
    variance = tf.reduce_sum(tf.square(images - mean) * hulls, (1, 2), keepdims=True) / area
    return (images - mean) * tf.math.rsqrt(variance + 1e-4)


def split(decoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
    """A decoder's output as colours (B, S, S, 3) and mask (B, S, S, 1), or None without one."""
    return decoded[..., :3], decoded[..., 3:] if decoded.shape[-1] == 4 else None


def named(*models: keras.Model) -> dict[str, keras.Variable]:
    """Every variable of ``models``, as ``model/layer/kind``."""
    return {f"{model.name}/{variable.path}": variable for model in models for variable in model.variables}


def describe_variables(*models: keras.Model) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and dtype of every variable of ``models``, by its name in ``named``, for ``load_tensors``."""
    return {name: (tuple(each.shape), str(each.dtype)) for name, each in named(*models).items()}


class PairwiseSwap:
    """The part of a pairwise model that puts the source's face on targets; ``expected`` are its weights."""

    def __init__(self, preset: Preset, weights: Mapping[str, np.ndarray]) -> None:
        self.preset = preset
        self._encoder = build_encoder(preset)
        self._decoder = build_decoder(preset, "source")
        self.load(weights)
        side = preset.size
        images = tf.TensorSpec((None, side, side, 3), tf.uint8)
        hulls = tf.TensorSpec((None, side, side), tf.float32)
        self._run: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = tf.function(
            self._swap, input_signature=[images, hulls]
        )

    @classmethod
    def built(cls, preset: Preset) -> PairwiseSwap:
        """A network with the weights that training begins with."""
        models = build_encoder(preset), build_decoder(preset, "source")
        return cls(preset, {name: variable.numpy() for name, variable in named(*models).items()})

    def as_model(self) -> keras.Model:
        """Encoder and decoder in one Keras model, in the network's own range."""
        inputs = keras.Input((self.preset.size, self.preset.size, 3))
        return keras.Model(inputs, self._decoder(self._encoder(inputs)))

    def load(self, weights: Mapping[str, np.ndarray]) -> None:
        """Takes over other weights."""
        for name, variable in named(self._encoder, self._decoder).items():
            variable.assign(weights[name])

    @staticmethod
    def expected(preset: Preset) -> dict[str, tuple[tuple[int, ...], str]]:
        """Name, shape and dtype of every array that a swap needs, for ``load_tensors``."""
        return describe_variables(build_encoder(preset), build_decoder(preset, "source"))

    def swap(
        self, images: NDArray[np.uint8], hulls: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Puts the source's face on a batch of targets.

        Args:
            images: (B, size, size, 3) uint8 RGB, cut out as the preset says.
            hulls: (B, size, size) float32, the target's face outline (``faces.region_masks.fill_face``).

        Returns:
            The painted faces (B, size, size, 3) uint8, and the learned masks (B, size, size)
            float32; all ones where the preset learns no mask.
        """
        decoded = self._run(tf.constant(images), tf.constant(hulls)).numpy()
        painted = np.rint(np.clip(decoded[..., :3], 0, 1) * 255).astype(np.uint8)
        masks = decoded[..., 3] if decoded.shape[-1] == 4 else np.ones(decoded.shape[:3], np.float32)
        return painted, masks

    def _swap(self, images: tf.Tensor, hulls: tf.Tensor) -> tf.Tensor:
        unit = tf.cast(images, tf.float32) / 255
        decoded = self._decoder(self._encoder(encoder_input(self.preset, unit, hulls[..., None])))
        colours, mask = split(decoded)
        colours = from_network(self.preset, colours)
        return colours if mask is None else tf.concat([colours, mask], -1)
