"""A trained guided network at work on the CPU, without TensorFlow, which takes seconds and half a gigabyte.

It is the network that ``guided.py`` trains, written down for LiteRT; a test compares what they paint.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.errors import WeightsError
from recaster.models.tensors import load_tensors
from recaster.networks.guided_architecture import LEAK, OUTPUTS, TRUST, make_guided
from recaster.networks.tflite_graph import Graph, Network

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.models.presets import Preset

_AT_ONCE: Final = 2
"""Faces that are finished side by side."""


class LiteSwap:
    """As ``GuidedSwap``, for the CPU; equal to it within one grey level.

    Args:
        preset: how the network was built.
        channels: channels of its condition.
        path: ``weights.safetensors``.

    Raises:
        WeightsError: the weights are missing, damaged or another network's.
    """

    def __init__(self, preset: Preset, channels: int, path: Path) -> None:
        content = _written(preset, channels, _Weights(path))
        self._beside = ThreadPoolExecutor(_AT_ONCE)
        self._idle: SimpleQueue[Network] = SimpleQueue()
        for _ in range(_AT_ONCE):
            self._idle.put(Network(content))

    def finish(self, conditions: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Paint faces: see ``GuidedSwap.finish``."""
        return np.stack(list(self._beside.map(self._finished, conditions)))

    def _finished(self, condition: NDArray[np.uint8]) -> NDArray[np.uint8]:
        given = np.multiply(condition[None], np.float32(1 / 255), dtype=np.float32)
        network = self._idle.get()
        try:
            return cv2.convertScaleAbs(network.run(given)[0], alpha=255)
        finally:
            self._idle.put(network)


class _Weights:
    """Weights by the names of layers; each has to be asked for, in its shape."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left: dict[str, NDArray[np.float32]] = load_tensors(path)

    def of(self, layer: str, shape: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Kernel and biases of a convolution."""
        return self._one(f"guided/{layer}/kernel", shape), self._one(f"guided/{layer}/bias", shape[-1:])

    def done(self) -> None:
        """Nothing may be left over."""
        for name in self._left:
            raise WeightsError(f"{self._path}: holds {name!r}, which this kind of model does not have")

    def _one(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        found = self._left.pop(name, None)
        if found is None:
            raise WeightsError(f"{self._path}: has no {name!r}; it belongs to another kind of model")
        if found.shape != shape or found.dtype != np.float32:
            raise WeightsError(
                f"{self._path}: {name!r} is {found.dtype} {found.shape}, expected float32 {shape}"
            )
        return found


class _Maker:
    """Writes the network's layers down."""

    def __init__(self, graph: Graph, weights: _Weights) -> None:
        self._graph, self._weights = graph, weights
        self.added, self.joined, self.channels = graph.added, graph.joined, graph.channels
        self.enlarged, self.spread, self.gathered = graph.enlarged, graph.spread, graph.gathered
        self._leak = graph.constant(np.array(LEAK, np.float32))

    def quiet(self, x: int, width: int, kernel: int, name: str, stride: int = 1) -> int:
        weights, biases = self._weights.of(name, (kernel, kernel, self._graph.shape(x)[3], width))
        return self._graph.convolution(x, weights, biases, (stride, stride), same=True)

    def active(self, x: int, width: int, kernel: int, name: str, stride: int = 1) -> int:
        return self._graph.leaky(self.quiet(x, width, kernel, name, stride), LEAK)

    def residual(self, x: int, width: int, name: str) -> int:
        inner = self.active(x, width, 3, f"{name}_a")
        total = self.added(x, self.quiet(inner, width, 3, f"{name}_b"))
        return self._graph.larger(total, self._graph.times(total, self._leak))

    def averaged(self, x: int, times: int) -> int:
        return self._graph.pooled(x, "AVERAGE", (times, times), (times, times))


def _written(preset: Preset, channels: int, weights: _Weights) -> bytes:
    """The network, from a condition (1, side, side, channels) to the face (1, side, side, 3), both 0 to 1."""
    side, graph = preset.size * preset.guided.detail, Graph()
    condition = graph.given((1, side, side, channels))
    output = make_guided(preset, _Maker(graph, weights), condition)
    weights.done()
    trust = graph.constant(np.array(TRUST, np.float32))
    kept = graph.sigmoid(graph.added(graph.channels(output, 3, OUTPUTS), trust))
    painted, warp = graph.sigmoid(graph.channels(output, 0, 3)), graph.channels(condition, 0, 3)
    face = graph.added(painted, graph.times(kept, graph.less(warp, painted)))
    return graph.content(condition, face)
