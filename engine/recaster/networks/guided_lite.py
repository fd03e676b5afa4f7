"""A trained guided network at work on the CPU, without TensorFlow, which takes seconds and half a gigabyte.

The network is what ``guided.py`` builds and trains, written down once more for LiteRT; a test compares them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.errors import WeightsError
from recaster.networks.guided_form import GATE, LEAK, OUTPUTS, TRUST
from recaster.networks.tensors import load_tensors
from recaster.networks.tflite import Graph, Network

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.networks.presets import Preset

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


class _Scope(Graph):
    """Writes the network's layers down, as ``guided.py`` names and makes them."""

    def __init__(self, weights: _Weights) -> None:
        super().__init__()
        self._weights = weights
        self._leak = self.constant(np.array(LEAK, np.float32))

    def conv(self, x: int, width: int, kernel: int, name: str, stride: int = 1) -> int:
        weights, biases = self._weights.of(name, (kernel, kernel, self.shape(x)[3], width))
        return self.convolution(x, weights, biases, (stride, stride), same=True)

    def active(self, x: int, width: int, kernel: int, name: str, stride: int = 1) -> int:
        return self.leaky(self.conv(x, width, kernel, name, stride), LEAK)

    def residual(self, x: int, width: int, name: str) -> int:
        inner = self.active(x, width, 3, f"{name}_a")
        total = self.added(x, self.conv(inner, width, 3, f"{name}_b"))
        return self.larger(total, self.times(total, self._leak))

    def up(self, x: int, width: int, name: str) -> int:
        return self.spread(self.active(x, 4 * width, 1, name), 2)


def _written(preset: Preset, channels: int, weights: _Weights) -> bytes:
    """The network, from a condition (1, side, side, channels) to the face (1, side, side, 3), both 0 to 1."""
    widths, detail, scope = preset.guided.widths, preset.guided.detail, _Scope(weights)
    side = preset.size * detail
    condition = scope.given((1, side, side, channels))
    x = condition if detail == 1 else scope.pooled(condition, "AVERAGE", (detail, detail), (detail, detail))
    skips = []
    for depth, width in enumerate(widths):
        x = scope.active(x, width, 5 if depth == 0 else 3, f"half{depth}", stride=2)
        if depth > 0:
            x = scope.residual(x, width, f"down{depth}")
        skips.append(x)
    for depth in reversed(range(len(widths) - 1)):
        x = scope.up(x, widths[depth], f"twice{depth}")
        x = scope.active(scope.joined([x, skips[depth]]), widths[depth], 1, f"join{depth}")
        x = scope.residual(x, widths[depth], f"up{depth}")
    x = scope.spread(scope.active(x, 64, 1, "twice"), 2)
    warp = scope.channels(condition, 0, 3)
    shown = warp if detail == 1 else scope.gathered(warp, detail)
    x = scope.active(scope.joined([x, shown]), 24, 3, "join")
    output = scope.conv(x, OUTPUTS, 3, "head")
    gate = scope.pooled(scope.channels(output, 3, 4), "AVERAGE", (GATE, GATE), (GATE, GATE))
    gate = scope.enlarged(gate, GATE * detail)
    painted = scope.channels(output, 0, 3)
    if detail > 1:
        fine = scope.spread(scope.conv(x, 3 * detail**2, 3, "fine"), detail)
        painted = scope.added(scope.enlarged(painted, detail), fine)
    weights.done()
    kept = scope.sigmoid(scope.added(gate, scope.constant(np.array(TRUST, np.float32))))
    painted = scope.sigmoid(painted)
    face = scope.added(painted, scope.times(kept, scope.less(warp, painted)))
    return scope.content(condition, face)
