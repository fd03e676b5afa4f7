"""dlib's face recognition network, a ResNet of 29 convolutions, for Keras and LiteRT alike.

dlib's own run of it takes 100 CPU milliseconds a face and more where it was built without BLAS, as its
binary packages are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from recaster.networks.dlib_weights import MEAN_RGB, Convolution, DlibFile
from recaster.networks.litert import LiteRtModel
from recaster.networks.tflite_graph import TfliteGraph
from recaster.weights_registry import DLIB_IDENTITY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.networks.graph_builder import GraphBuilder

SIZE: Final = 150  # side of the face chip that it was trained on; others give other embeddings
PADDING: Final = 0.25  # of a chip around the face, as dlib counts it and as it was trained
EMBEDDING: Final = 128

_FIRST_WIDTH: Final = 32
_BLOCKS: Final = (
    *[(32, False)] * 3,
    *[(64, True), (64, False), (64, False), (64, False)],
    *[(128, True), (128, False), (128, False)],
    *[(256, True), (256, False), (256, False), (256, True)],
)
"""Channels of each residual block, and whether it halves the image."""
_PLACES: Final = (
    (352, 19400), (19826, 56920), (57289, 94383), (94796, 131890), (132259, 169353), (169766, 206860),
    (207229, 244323), (244736, 318822), (319447, 467261), (467987, 615801), (616426, 764240),
    (764909, 912723), (913348, 1061162), (1061831, 1209645), (1210270, 1358084), (1358754, 1654281),
    (1655419, 2245858), (2247097, 2837536), (2838674, 3429113), (3430295, 4020734), (4021872, 4612311),
    (4613493, 5794271), (5796435, 8156862), (8159127, 10519554), (10521718, 12882145),
    (12884353, 15244780), (15246944, 17607371), (17609579, 19970006), (19972170, 22332597),
)  # fmt: skip
"""Bytes at which kernel and gain of each convolution begin; the gain's offset follows the gain."""
_DENSE_PLACE: Final = 22334922

T = TypeVar("T")


class ResNetWeights:
    """The network's weights, of the installed ``.dat`` file by default (WeightsError as ``DlibFile``)."""

    def __init__(self, path: Path | None = None) -> None:
        self._file = DlibFile(DLIB_IDENTITY, "face recognition network", path)

    def convolutions(self) -> Iterator[Convolution]:
        """The convolutions from the input to the output."""
        shapes = [(7, 7, 3, _FIRST_WIDTH)]
        for width, _ in _BLOCKS:
            shapes += [(3, 3, shapes[-1][3], width), (3, 3, width, width)]
        for (kernel, affine), shape in zip(_PLACES, shapes, strict=True):
            gain, shift = self._file.array(affine, 2, shape[3])
            yield self._file.convolution(kernel, shape, gain, shift)

    def dense(self) -> NDArray[np.float32]:
        """The last layer's kernel, (256, 128)."""
        return self._file.array(_DENSE_PLACE, _BLOCKS[-1][0], EMBEDDING)


def build_resnet(weights: ResNetWeights, builder: GraphBuilder[T], x: T) -> tuple[T, list[T]]:
    """Adds the network to a graph (He et al., 2016, with half of ResNet-34's widths and fewer blocks).

    Args:
        x: (B, SIZE, SIZE, 3) RGB, ``MEAN_RGB`` taken off, divided by 256.

    Returns:
        The embedding (B, 128), and the outputs of the residual blocks, from fine to coarse.
    """
    convolutions = weights.convolutions()

    def convolve(x: T, *, strided: bool) -> T:
        layer = next(convolutions)
        # dlib pads where the size is to be kept, and nowhere else.
        return builder.conv2d(x, layer.kernel, layer.bias, 2 if strided else 1, same=not strided)

    x = builder.max_pool(builder.relu(convolve(x, strided=True)), 3, 2)
    taps: list[T] = []
    for _, halves in _BLOCKS:
        inner = convolve(builder.relu(convolve(x, strided=halves)), strided=False)
        shortcut = builder.average_pool(x, 2) if halves else x
        x = builder.relu(_add_padded(builder, shortcut, inner))
        taps.append(x)
    return builder.dense(builder.global_average_pool(x), weights.dense()), taps


def _add_padded(builder: GraphBuilder[T], a: T, b: T) -> T:
    """The sum, both padded with zeros at the bottom, the right and the last channels to the larger."""
    # dlib's add_prev does so; a shortcut has fewer channels where a block widens, and no projection.
    sizes = [builder.shape(x)[1:] for x in (a, b)]
    wanted = [max(pair) for pair in zip(*sizes, strict=True)]
    padded = []
    for x, size in zip((a, b), sizes, strict=True):
        missing = [(0, want - have) for want, have in zip(wanted, size, strict=True)]
        padded.append(builder.pad(x, [(0, 0), *missing]) if any(after for _, after in missing) else x)
    return builder.add(*padded)


class IdentityNetwork:
    """The network run by LiteRT, by one thread at a time; equal to dlib within 1e-4.

    Raises:
        WeightsError: the weights are missing, damaged or of another network.
    """

    def __init__(self, path: Path | None = None) -> None:
        graph = TfliteGraph()
        chip = graph.input((1, SIZE, SIZE, 3))
        embedding, _ = build_resnet(ResNetWeights(path), graph, chip)
        self._model = LiteRtModel(graph.to_bytes(chip, embedding))

    def embedding(self, chip: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Computes the embedding (128,) float64; two faces of one person are less than .6 apart.

        ``chip`` is (SIZE, SIZE, 3) uint8 RGB, cut out as dlib does, with PADDING.
        """
        x = (chip.astype(np.float32) - np.array(MEAN_RGB, np.float32)) / np.float32(256)
        return self._model.run(x[None])[0].astype(np.float64)
