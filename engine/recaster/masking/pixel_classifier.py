"""Classifier of pixels by their features: a small network of dense layers in NumPy, learned in seconds."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from recaster.faces.types import Floats32

WIDTHS: Final = (96, 48)
EPOCHS: Final = 14
BATCH: Final = 2048
_RATE: Final = 2e-3
_DECAY: Final = 1e-4
_LEFT_OUT: Final = 0.1
"""Share of the features that each batch does without: none alone decides."""
_LEAK: Final = 0.1
_MIN_LOGIT: Final = -80
"""Below it the exponential overflows; the probability is 0 either way."""
_MIN_SPREAD: Final = 0.05
"""Of a feature, so that one that never changes isn't blown up."""


@dataclass(frozen=True, eq=False)
class PixelClassifier:
    """Dense layers with leaky rectifiers between them.

    Attributes:
        mean, spread: (F,), by which features are brought to one scale.
        kernels: of the layers, (in, out); biases likewise, (out,).
    """

    mean: Floats32
    spread: Floats32
    kernels: tuple[Floats32, ...]
    biases: tuple[Floats32, ...]

    def probabilities(self, features: Floats32) -> Floats32:
        """Computes the probabilities (N, outputs) of pixels by their features (N, F)."""
        unit = ((features - self.mean) / self.spread).astype(np.float32)
        return _sigmoid(_run(unit, self.kernels, self.biases)[-1])


def learn_classifier(
    features: NDArray[np.float16], wanted: Floats32, random: np.random.Generator, tick: Callable[[int], None]
) -> PixelClassifier:
    """Learns a classifier by cross entropy (Adam; Kingma and Ba, 2015).

    Args:
        features: (N, F).
        wanted: (N, outputs), 0 to 1.
        random: of the first weights and the order of pixels.
        tick: is called with the number of epochs done.
    """
    mean = features.mean(0, dtype=np.float32)
    spread = np.sqrt(np.square(features - mean).mean(0, dtype=np.float32)) + np.float32(_MIN_SPREAD)
    unit = ((features - mean) / spread).astype(np.float16)
    sides = (features.shape[1], *WIDTHS, wanted.shape[1])
    kernels = [
        random.normal(0, np.sqrt(2 / a), (a, b)).astype(np.float32) for a, b in itertools.pairwise(sides)
    ]
    kernels[-1] *= np.float32(0.1)
    biases = [np.zeros(side, np.float32) for side in sides[1:]]
    adam = _Adam([*kernels, *biases])
    batch = min(BATCH, len(features))
    steps = EPOCHS * (len(features) // batch)
    for epoch in range(EPOCHS):
        order = random.permutation(len(features))
        for start in range(0, len(features) - batch + 1, batch):
            rows = order[start : start + batch]
            kept = random.random((1, sides[0]), np.float32) > _LEFT_OUT
            x = unit[rows].astype(np.float32) * (kept / np.float32(1 - _LEFT_OUT))
            slopes = _find_slopes(x, wanted[rows], kernels, biases)
            adam.step(slopes, _RATE * 0.5 * (1 + np.cos(np.pi * adam.steps / steps)), len(kernels))
        tick(epoch + 1)
    return PixelClassifier(mean, spread, tuple(kernels), tuple(biases))


class _Adam:
    """Changes arrays in place, the first of them (kernels) with decay."""

    def __init__(self, arrays: list[Floats32]) -> None:
        self._arrays = arrays
        self._means = [np.zeros_like(each) for each in arrays]
        self._squares = [np.zeros_like(each) for each in arrays]
        self.steps = 0

    def step(self, slopes: list[Floats32], rate: float, decayed: int) -> None:
        self.steps += 1
        for number, (array, slope) in enumerate(zip(self._arrays, slopes, strict=True)):
            total = slope + np.float32(_DECAY) * array if number < decayed else slope
            mean = self._means[number]
            square = self._squares[number]
            mean += np.float32(0.1) * (total - mean)
            square += np.float32(0.01) * (total * total - square)
            unbiased = mean / np.float32(1 - 0.9**self.steps)
            scale = np.sqrt(square / np.float32(1 - 0.99**self.steps)) + np.float32(1e-8)
            np.subtract(array, np.float32(rate) * unbiased / scale, out=array)


def _run(x: Floats32, kernels: list[Floats32] | tuple[Floats32, ...], biases: object) -> list[Floats32]:
    """Outputs of all layers, the input first."""
    values = [x]
    for number, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):  # type: ignore[call-overload]
        x = x @ kernel + bias
        if number < len(kernels) - 1:
            x = np.maximum(x, np.float32(_LEAK) * x)
        values.append(x)
    return values


def _find_slopes(
    x: Floats32, wanted: Floats32, kernels: list[Floats32], biases: list[Floats32]
) -> list[Floats32]:
    """Slopes of the mean cross entropy by kernels, then by biases."""
    values = _run(x, kernels, biases)
    slope = (_sigmoid(values[-1]) - wanted) / np.float32(len(x))
    of_kernels: list[Floats32] = []
    of_biases: list[Floats32] = []
    for number in reversed(range(len(kernels))):
        of_kernels.insert(0, values[number].T @ slope)
        of_biases.insert(0, slope.sum(0))
        if number:
            slope = (slope @ kernels[number].T) * np.where(
                values[number] > 0, np.float32(1), np.float32(_LEAK)
            )
    return [*of_kernels, *of_biases]


def _sigmoid(logits: Floats32) -> Floats32:
    return (1 / (1 + np.exp(-np.maximum(logits, np.float32(_MIN_LOGIT))))).astype(np.float32)
