"""dlib's face recognition network, run by LiteRT.

dlib's own run of it takes 100 CPU milliseconds a face and more where it was built without BLAS, as its
binary packages are. The .tflite file is written down each time anew, from the weights in dlib's file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recaster.networks.dlib_walk import SIZE, keeps_size, larger, read_resnet, walk
from recaster.networks.tflite_graph import Graph, Network

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.networks.dlib_dat import Convolution, Dense, Pool


class IdentityNetwork:
    """Tells who it is (dlib_face_recognition_resnet_model_v1, public domain); equal to dlib within 1e-4.

    For one thread at a time.

    Args:
        path: the ``.dat`` file; the installed one by default.

    Raises:
        WeightsError: the weights are missing, damaged or of another network.
    """

    def __init__(self, path: Path | None = None) -> None:
        network, graph = read_resnet(path), Graph()
        shown = graph.given((1, SIZE, SIZE, 3))
        embedding, _ = walk(network.layers, _Maker(graph), shown)
        self._mean = np.array(network.mean, np.float32)
        self._network = Network(graph.content(shown, embedding))

    def embedding(self, chip: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Who it is, (128,) float64; two faces of one person are less than .6 apart.

        Args:
            chip: (SIZE, SIZE, 3) uint8 RGB, cut out as dlib does, with PADDING.
        """
        shown = (chip.astype(np.float32) - self._mean) / np.float32(256)
        return self._network.run(shown[None])[0].astype(np.float64)


class _Maker:
    """Writes dlib's layers down."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def convolution(self, x: int, layer: Convolution) -> int:
        (down, right), same = layer.padding, keeps_size(layer)
        if (down or right) and not same:
            x = self._graph.padded(x, [(0, 0), (down, down), (right, right), (0, 0)])
        x = self._graph.convolution(x, layer.weights, layer.biases, layer.stride, same=same)
        return self._graph.rectified(x) if layer.rectified else x

    def rectified(self, x: int) -> int:
        return self._graph.rectified(x)

    def pooled(self, x: int, layer: Pool) -> int:
        if layer.size == (0, 0):
            return self._graph.mean(x)
        return self._graph.pooled(x, "MAX" if layer.kind == "max" else "AVERAGE", layer.size, layer.stride)

    def added(self, a: int, b: int) -> int:
        shape = larger(self._graph.shape(a), self._graph.shape(b))
        both = []
        for x in (a, b):
            missing = [(0, wanted - have) for wanted, have in zip(shape, self._graph.shape(x), strict=True)]
            both.append(self._graph.padded(x, missing) if any(after for _, after in missing) else x)
        return self._graph.added(*both)

    def dense(self, x: int, layer: Dense) -> int:
        return self._graph.dense(x, layer.weights, layer.biases)
