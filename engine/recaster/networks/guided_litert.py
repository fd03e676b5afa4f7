"""Trained guided networks run by LiteRT on the CPU, without TensorFlow's seconds and half a gigabyte.

It is the network that ``guided.py`` trains; a test compares what they paint.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.errors import WeightsError
from recaster.models.tensors import load_tensors
from recaster.networks.guided_architecture import LEAK, TRUST, build_unet
from recaster.networks.litert import LiteRtModel
from recaster.networks.tflite_graph import TfliteGraph

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.models.presets import Preset

_THREADS: Final = 2  # faces that are finished side by side, each by a network on one thread


class LiteSwap:
    """As ``GuidedSwap``, for the CPU; equal to it within one grey level.

    Raises:
        WeightsError: the weights are missing, damaged or another network's.
    """

    def __init__(self, preset: Preset, channels: int, path: Path) -> None:
        content = _write_network(preset, channels, _NamedWeights(path))
        self._pool = ThreadPoolExecutor(_THREADS)
        self._idle: SimpleQueue[LiteRtModel] = SimpleQueue()
        for _ in range(_THREADS):
            self._idle.put(LiteRtModel(content))

    def finish(self, conditions: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Paints faces: see ``GuidedSwap.finish``."""
        return np.stack(list(self._pool.map(self._finish_one, conditions)))

    def _finish_one(self, condition: NDArray[np.uint8]) -> NDArray[np.uint8]:
        # An interpreter belongs to one thread at a time, so that each takes one that is idle.
        unit = np.multiply(condition[None], np.float32(1 / 255), dtype=np.float32)
        network = self._idle.get()
        try:
            return cv2.convertScaleAbs(network.run(unit)[0], alpha=255)
        finally:
            self._idle.put(network)


class _NamedWeights:
    """Weights by the names of layers; each has to be taken, in its shape."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left: dict[str, NDArray[np.float32]] = load_tensors(path)

    def take(self, layer: str, shape: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Kernel and biases of a convolution."""
        return self._take_array(f"guided/{layer}/kernel", shape), self._take_array(
            f"guided/{layer}/bias", shape[-1:]
        )

    def check_all_taken(self) -> None:
        """Refuses weights that are left over (WeightsError)."""
        for name in self._left:
            raise WeightsError(f"{self._path}: holds {name!r}, which this kind of model does not have")

    def _take_array(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        values = self._left.pop(name, None)
        if values is None:
            raise WeightsError(f"{self._path}: has no {name!r}; it belongs to another kind of model")
        if values.shape != shape or values.dtype != np.float32:
            raise WeightsError(
                f"{self._path}: {name!r} is {values.dtype} {values.shape}, expected float32 {shape}"
            )
        return values


class _GuidedGraph(TfliteGraph):
    """Gives the network's layers their trained weights."""

    def __init__(self, weights: _NamedWeights) -> None:
        super().__init__()
        self._weights = weights

    def conv_small_init(self, x: int, width: int, kernel: int, name: str, stride: int = 1) -> int:
        weights, bias = self._weights.take(name, (kernel, kernel, self.shape(x)[3], width))
        return self.conv2d(x, weights, bias, stride, same=True)

    def conv_leaky_relu(self, x: int, width: int, kernel: int, name: str, stride: int = 1) -> int:
        return self.leaky_relu(self.conv_small_init(x, width, kernel, name, stride), LEAK)

    def conv_heads(self, x: int, widths: Mapping[str, int]) -> list[int]:
        # As one, to the same bits: XNNPACK computes sixteen channels in the time of four.
        shapes = {name: (3, 3, self.shape(x)[3], width) for name, width in widths.items()}
        kernels, biases = zip(*(self._weights.take(*item) for item in shapes.items()), strict=True)
        output = self.conv2d(x, np.concatenate(kernels, -1), np.concatenate(biases), same=True)
        ends = list(itertools.accumulate(widths.values(), initial=0))
        return [self.slice_channels(output, *span) for span in itertools.pairwise(ends)]

    def residual(self, x: int, width: int, name: str) -> int:
        inner = self.conv_leaky_relu(x, width, 3, f"{name}_a")
        return self.leaky_relu(self.add(x, self.conv_small_init(inner, width, 3, f"{name}_b")), LEAK)


def _write_network(preset: Preset, channels: int, weights: _NamedWeights) -> bytes:
    """The .tflite file from a condition (1, side, side, channels) to the face (1, side, side, 3), 0 to 1."""
    side = preset.size * preset.guided.detail
    graph = _GuidedGraph(weights)
    condition = graph.input((1, side, side, channels))
    painted, gate = build_unet(preset, graph, condition)
    weights.check_all_taken()
    kept = graph.logistic(graph.add(gate, graph.constant(np.array(TRUST, np.float32))))
    painted = graph.logistic(painted)
    warp = graph.slice_channels(condition, 0, 3)
    # painted + kept * (warp - painted), as ``guided.composed`` with one product less.
    face = graph.add(painted, graph.multiply(kept, graph.subtract(warp, painted)))
    return graph.to_bytes(condition, face)
