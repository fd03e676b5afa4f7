"""Layers of the networks that dlib serialised, as plain values; ``dlib_dat`` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Floats32 = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution (cross-correlation): weights (kh, kw, in, out), biases (out,) or None."""

    weights: Floats32
    biases: Floats32 | None
    stride: tuple[int, int]
    padding: tuple[int, int]
    rectified: bool


@dataclass(frozen=True, eq=False)
class Affine:
    """A gain and an offset for each channel; batch normalisation is read as one."""

    gain: Floats32
    offset: Floats32


@dataclass(frozen=True, eq=False)
class Dense:
    """A dense layer: weights (in, out), biases (out,) or None."""

    weights: Floats32
    biases: Floats32 | None


@dataclass(frozen=True)
class Rectifier:
    """max(x, 0)."""


@dataclass(frozen=True)
class Pool:
    """A pooling layer; size (0, 0) is the whole map."""

    kind: str
    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True)
class Addition:
    """Adds what the innermost mark remembers; both are padded with zeros to the larger shape."""


@dataclass(frozen=True)
class Mark:
    """Remembers its input ("block", "shortcut") or goes back to what "block" remembers ("back")."""

    role: str


Layer = Convolution | Affine | Dense | Rectifier | Pool | Addition | Mark


@dataclass(frozen=True, eq=False)
class Network:
    """One network.

    Attributes:
        loss: the loss it was trained with and its settings, by name.
        mean: what is subtracted from red, green and blue (0..255) before they are divided by 256.
        size: (height, width) of the input, or None where any will do.
        layers: from the input to the output.
        places: first byte and shape of every array of the file, in its order.
    """

    loss: dict[str, Any]
    mean: tuple[float, float, float]
    size: tuple[int, int] | None
    layers: tuple[Layer, ...]
    places: tuple[tuple[int, tuple[int, ...]], ...]
