"""Features of the networks that find what is in front of a face, for masks learned of a few pictures.

What such a network has learned of hands, hair and things is in its inner layers; a small classifier on them
(hypercolumns; Hariharan et al., 2015) learns from few examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.networks.litert import LiteRtModel, load_interpreter
from recaster.networks.tflite_graph import TfliteGraph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SIDE_PX: Final = 128
"""Side of a network's picture, and of its features."""
_HALVINGS: Final = 4
_COMPARED: Final = 8
"""Channels that all of a network sees; the others are the finer picture for its last layers."""
_FINE: Final = 3
"""First of the channels that its last layers see."""
_LEAK: Final = 0.1


class OccluderFeatures:
    """One network of scripts/occluders/train.py, run up to its features.

    Args:
        content: its .tflite file.
        channels: those of its input, of which one without finer layers sees the first.
    """

    def __init__(self, content: bytes, channels: int) -> None:
        self._model = LiteRtModel(_write_graph(content, channels))

    def find(self, shown: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Computes the features of each pixel, (SIDE_PX, SIDE_PX, C), of a picture with its channels."""
        return self._model.run(shown[None].astype(np.float32) / np.float32(255))[0]


def _write_graph(content: bytes, channels: int) -> bytes:
    """Writes a network with its features as output: its last layers', and all that they are made of."""
    layers = _read_layers(content)
    graph = TfliteGraph()

    def conv(x: int, stride: int = 1) -> int:
        kernel, bias = next(layers)
        return graph.conv2d(x, kernel, bias, stride, same=True)

    def twice(x: int, stride: int = 1) -> int:
        return graph.leaky_relu(conv(graph.leaky_relu(conv(x, stride), _LEAK)), _LEAK)

    shown = graph.input((1, SIDE_PX, SIDE_PX, channels))
    x = graph.slice_channels(shown, 0, _COMPARED)
    skips = []
    for _ in range(_HALVINGS):
        x = twice(x, 2)
        skips.append(x)
    features = []
    for skip in skips[-2::-1]:
        x = twice(graph.concat([graph.resize_bilinear(x, 2), skip]))
        features.append(graph.resize_bilinear(x, SIDE_PX // graph.shape(x)[1]))
    coarse = graph.depth_to_space(conv(x), 2)
    features.append(coarse)
    finer = next(layers, None)
    if finer is not None:
        near = graph.concat([features[-2], coarse, graph.slice_channels(shown, _FINE, channels)])
        first = graph.leaky_relu(graph.conv2d(near, *finer, same=True), _LEAK)
        second = graph.leaky_relu(conv(first), _LEAK)
        features += [first, second, conv(second)]
    return graph.to_bytes(shown, graph.concat(features))


def _read_layers(content: bytes) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Reads kernels (side, side, in, out) and biases of a network's convolutions, in order."""
    interpreter = load_interpreter(content)
    found = [tensor for tensor in interpreter.get_tensor_details() if tensor["dtype"] is np.float16]
    kernels = [interpreter.get_tensor(one["index"]) for one in found if len(one["shape"]) == 4]
    biases = [interpreter.get_tensor(one["index"]) for one in found if len(one["shape"]) == 1]
    for kernel, bias in zip(kernels, biases, strict=True):
        yield kernel.transpose(1, 2, 3, 0).astype(np.float32), bias.astype(np.float32)
