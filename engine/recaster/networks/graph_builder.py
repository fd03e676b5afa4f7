"""Interface of the operations that networks are built of, by their names in LiteRT and Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")


class GraphBuilder(Protocol[T]):
    """Adds operations to a network; tensors ``T`` are images (B, H, W, C) float32 where not said otherwise.

    Implemented by ``KerasGraph`` (trainable, any device) and ``TfliteGraph`` (a file for LiteRT), so that
    an architecture is written once.
    """

    def shape(self, x: T) -> tuple[Any, ...]:
        """The shape of a tensor, batch first."""

    def conv2d(
        self, x: T, kernel: NDArray[np.float32], bias: NDArray[np.float32], stride: int = 1, *, same: bool
    ) -> T:
        """Convolution with a square kernel (side, side, in, out), padded as TensorFlow's "same" or not."""

    def dense(self, x: T, kernel: NDArray[np.float32]) -> T:
        """(B, in) times a kernel (in, out)."""

    def relu(self, x: T) -> T:
        """max(x, 0)."""

    def add(self, a: T, b: T) -> T:
        """The sum."""

    def pad(self, x: T, amounts: Sequence[tuple[int, int]]) -> T:
        """Zeros before and after, for every axis."""

    def concat(self, parts: Sequence[T]) -> T:
        """The channels of several images."""

    def slice_channels(self, x: T, start: int, stop: int) -> T:
        """Channels ``start`` to ``stop - 1``."""

    def average_pool(self, x: T, size: int) -> T:
        """Means of squares that lie side by side, inside."""

    def max_pool(self, x: T, size: int, stride: int) -> T:
        """Maxima of squares that lie inside."""

    def global_average_pool(self, x: T) -> T:
        """The mean of each channel, (B, C)."""

    def resize_bilinear(self, x: T, factor: int) -> T:
        """An image ``factor`` times as large, interpolated between the centres of pixels."""

    def depth_to_space(self, x: T, block: int) -> T:
        """An image ``block`` times as large, with ``block**2`` times fewer channels."""

    def space_to_depth(self, x: T, block: int) -> T:
        """An image ``block`` times smaller, with ``block**2`` times as many channels."""
