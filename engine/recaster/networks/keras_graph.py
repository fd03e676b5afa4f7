"""Networks built as Keras layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras import layers, ops

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras
    import numpy as np
    from numpy.typing import NDArray


class KerasGraph:
    """``GraphBuilder`` of symbolic Keras tensors."""

    def shape(self, x: keras.KerasTensor) -> tuple[Any, ...]:
        return tuple(x.shape)

    def conv2d(
        self,
        x: keras.KerasTensor,
        kernel: NDArray[np.float32],
        bias: NDArray[np.float32],
        stride: int = 1,
        *,
        same: bool,
    ) -> keras.KerasTensor:
        padding = "same" if same else "valid"
        return _apply(layers.Conv2D(kernel.shape[3], kernel.shape[0], stride, padding), x, kernel, bias)

    def dense(self, x: keras.KerasTensor, kernel: NDArray[np.float32]) -> keras.KerasTensor:
        return _apply(layers.Dense(kernel.shape[1], use_bias=False), x, kernel)

    def relu(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return ops.relu(x)

    def add(self, a: keras.KerasTensor, b: keras.KerasTensor) -> keras.KerasTensor:
        return a + b

    def pad(self, x: keras.KerasTensor, amounts: Sequence[tuple[int, int]]) -> keras.KerasTensor:
        return ops.pad(x, amounts)

    def concat(self, parts: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
        return ops.concatenate(parts, -1)

    def slice_channels(self, x: keras.KerasTensor, start: int, stop: int) -> keras.KerasTensor:
        return x[..., start:stop]

    def average_pool(self, x: keras.KerasTensor, size: int) -> keras.KerasTensor:
        return layers.AveragePooling2D(size)(x)

    def max_pool(self, x: keras.KerasTensor, size: int, stride: int) -> keras.KerasTensor:
        return layers.MaxPooling2D(size, stride)(x)

    def global_average_pool(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return layers.GlobalAveragePooling2D()(x)

    def resize_bilinear(self, x: keras.KerasTensor, factor: int) -> keras.KerasTensor:
        return layers.UpSampling2D(factor, interpolation="bilinear")(x)

    def depth_to_space(self, x: keras.KerasTensor, block: int) -> keras.KerasTensor:
        return ops.depth_to_space(x, block)

    def space_to_depth(self, x: keras.KerasTensor, block: int) -> keras.KerasTensor:
        return ops.space_to_depth(x, block)


def _apply(layer: keras.Layer, x: keras.KerasTensor, *weights: NDArray[np.float32]) -> keras.KerasTensor:
    """The output of a layer with these weights."""
    result = layer(x)
    layer.set_weights(list(weights))  # only now: a layer has no variables before it was called
    return result
