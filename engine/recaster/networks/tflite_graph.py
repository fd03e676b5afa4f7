"""Networks written as .tflite files, without TensorFlow.

The format is a flatbuffer; its fields are described by LiteRT's schema (tflite/converter/schema).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BUFFER_BYTES = 1 << 22
"""Size of the buffer that a file is begun in; it grows."""


class TfliteGraph:
    """``GraphBuilder`` of one .tflite file; tensors are numbers, images are (1, H, W, C) float32."""

    def __init__(self) -> None:
        self._buffers = [schema.BufferT()]  # the first one is empty by convention
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._kinds: dict[int, int] = {}

    def input(self, shape: Sequence[int]) -> int:
        """The network's input."""
        return self._tensor(shape, schema.TensorType.FLOAT32, 0)

    def constant(self, values: NDArray[Any]) -> int:
        """Values that don't change, float32 or int32."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._buffers.append(buffer)
        kind = schema.TensorType.INT32 if values.dtype == np.int32 else schema.TensorType.FLOAT32
        return self._tensor(values.shape, kind, len(self._buffers) - 1)

    def shape(self, x: int) -> tuple[int, ...]:
        """The shape of a tensor."""
        return tuple(self._tensors[x].shape)

    def conv2d(
        self,
        x: int,
        kernel: NDArray[np.float32],
        bias: NDArray[np.float32] | None,
        strides: tuple[int, int] = (1, 1),
        *,
        same: bool,
    ) -> int:
        options = schema.Conv2DOptionsT()
        options.padding = schema.Padding.SAME if same else schema.Padding.VALID
        options.strideH, options.strideW = strides
        channels = kernel.shape[3]
        # LiteRT wants kernels as (out, high, wide, in), and always a bias.
        inputs = [x, self.constant(np.moveaxis(kernel, 3, 0))]
        inputs.append(self.constant(np.zeros(channels, np.float32) if bias is None else bias))
        shape = (1, *_sides(self.shape(x), kernel.shape[:2], strides, same=same), channels)
        return self._operator("CONV_2D", inputs, shape, "Conv2DOptions", options)

    def dense(self, x: int, kernel: NDArray[np.float32], bias: NDArray[np.float32] | None) -> int:
        # LiteRT wants kernels as (out, in).
        inputs = [x, self.constant(kernel.T)] + ([] if bias is None else [self.constant(bias)])
        options = schema.FullyConnectedOptionsT()
        return self._operator(
            "FULLY_CONNECTED", inputs, (1, kernel.shape[1]), "FullyConnectedOptions", options
        )

    def relu(self, x: int) -> int:
        return self._operator("RELU", [x], self.shape(x))

    def leaky_relu(self, x: int, slope: float) -> int:
        """max(x, slope * x)."""
        options = schema.LeakyReluOptionsT()
        options.alpha = slope
        return self._operator("LEAKY_RELU", [x], self.shape(x), "LeakyReluOptions", options)

    def logistic(self, x: int) -> int:
        """The sigmoid, 0 to 1."""
        return self._operator("LOGISTIC", [x], self.shape(x))

    def add(self, a: int, b: int) -> int:
        return self._binary("ADD", a, b, "AddOptions", schema.AddOptionsT())

    def subtract(self, a: int, b: int) -> int:
        """The difference."""
        return self._binary("SUB", a, b, "SubOptions", schema.SubOptionsT())

    def multiply(self, a: int, b: int) -> int:
        """The product."""
        return self._binary("MUL", a, b, "MulOptions", schema.MulOptionsT())

    def maximum(self, a: int, b: int) -> int:
        """The larger of each two values."""
        return self._binary("MAXIMUM", a, b, "MaximumMinimumOptions", schema.MaximumMinimumOptionsT())

    def pad(self, x: int, amounts: Sequence[tuple[int, int]]) -> int:
        shape = [side + sum(pair) for side, pair in zip(self.shape(x), amounts, strict=True)]
        inputs = [x, self.constant(np.array(amounts, np.int32))]
        return self._operator("PAD", inputs, shape, "PadOptions", schema.PadOptionsT())

    def concat(self, parts: Sequence[int]) -> int:
        options = schema.ConcatenationOptionsT()
        options.axis = 3
        channels = sum(self.shape(part)[3] for part in parts)
        shape = (*self.shape(parts[0])[:3], channels)
        return self._operator("CONCATENATION", list(parts), shape, "ConcatenationOptions", options)

    def slice_channels(self, x: int, start: int, stop: int) -> int:
        whole = self.shape(x)[:3]
        ends = [(0, 0, 0, start), (*whole, stop), (1, 1, 1, 1)]
        inputs = [x, *(self.constant(np.array(end, np.int32)) for end in ends)]
        options = schema.StridedSliceOptionsT()
        return self._operator("STRIDED_SLICE", inputs, (*whole, stop - start), "StridedSliceOptions", options)

    def average_pool(self, x: int, size: tuple[int, int], strides: tuple[int, int]) -> int:
        return self._pool("AVERAGE_POOL_2D", x, size, strides)

    def max_pool(self, x: int, size: tuple[int, int], strides: tuple[int, int]) -> int:
        return self._pool("MAX_POOL_2D", x, size, strides)

    def global_average_pool(self, x: int) -> int:
        inputs = [x, self.constant(np.array([1, 2], np.int32))]
        shape = (1, self.shape(x)[3])
        return self._operator("MEAN", inputs, shape, "ReducerOptions", schema.ReducerOptionsT())

    def resize_bilinear(self, x: int, factor: int) -> int:
        options = schema.ResizeBilinearOptionsT()
        options.halfPixelCenters = True
        _, height, width, channels = self.shape(x)
        sides = (height * factor, width * factor)
        inputs = [x, self.constant(np.array(sides, np.int32))]
        return self._operator(
            "RESIZE_BILINEAR", inputs, (1, *sides, channels), "ResizeBilinearOptions", options
        )

    def depth_to_space(self, x: int, block: int) -> int:
        options = schema.DepthToSpaceOptionsT()
        options.blockSize = block
        _, height, width, channels = self.shape(x)
        shape = (1, height * block, width * block, channels // block**2)
        return self._operator("DEPTH_TO_SPACE", [x], shape, "DepthToSpaceOptions", options)

    def space_to_depth(self, x: int, block: int) -> int:
        options = schema.SpaceToDepthOptionsT()
        options.blockSize = block
        _, height, width, channels = self.shape(x)
        shape = (1, height // block, width // block, channels * block**2)
        return self._operator("SPACE_TO_DEPTH", [x], shape, "SpaceToDepthOptions", options)

    def to_bytes(self, input_tensor: int, output_tensor: int) -> bytes:
        """Serialises the graph as a .tflite file."""
        graph = schema.SubGraphT()
        graph.tensors = self._tensors
        graph.operators = self._operators
        graph.inputs = [input_tensor]
        graph.outputs = [output_tensor]
        model = schema.ModelT()
        model.version = 3
        model.subgraphs = [graph]
        model.buffers = self._buffers
        model.operatorCodes = []
        for kind in self._kinds:
            code = schema.OperatorCodeT()
            # Both fields: older readers know the first 127 operations by the deprecated one.
            code.builtinCode = code.deprecatedBuiltinCode = kind
            code.version = _VERSIONS.get(kind, 1)
            model.operatorCodes.append(code)
        builder = flatbuffers.Builder(_BUFFER_BYTES)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _binary(self, kind: str, a: int, b: int, family: str, options: Any) -> int:
        shape = np.broadcast_shapes(self.shape(a), self.shape(b))
        return self._operator(kind, [a, b], shape, family, options)

    def _pool(self, kind: str, x: int, size: tuple[int, int], strides: tuple[int, int]) -> int:
        options = schema.Pool2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH, options.strideW = strides
        options.filterHeight, options.filterWidth = size
        shape = (1, *_sides(self.shape(x), size, strides, same=False), self.shape(x)[3])
        return self._operator(kind, [x], shape, "Pool2DOptions", options)

    def _tensor(self, shape: Sequence[int], kind: int, buffer: int) -> int:
        tensor = schema.TensorT()
        tensor.shape = list(shape)
        tensor.type = kind
        tensor.buffer = buffer
        tensor.name = f"tensor{len(self._tensors)}"
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _operator(
        self, kind: str, inputs: list[int], shape: Sequence[int], family: str = "NONE", options: Any = None
    ) -> int:
        result = self.input(shape)
        operator = schema.OperatorT()
        code = getattr(schema.BuiltinOperator, kind)
        operator.opcodeIndex = self._kinds.setdefault(code, len(self._kinds))
        operator.inputs = inputs
        operator.outputs = [result]
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, family)
        operator.builtinOptions = options
        self._operators.append(operator)
        return result


_VERSIONS = {schema.BuiltinOperator.RESIZE_BILINEAR: 3}
"""Versions of operations whose options have grown."""


def _sides(
    image: tuple[int, ...], size: tuple[int, ...], strides: tuple[int, int], *, same: bool
) -> tuple[int, ...]:
    """Height and width that windows leave of an image (1, H, W, C)."""
    lost = (0, 0) if same else (size[0] - 1, size[1] - 1)
    sides = zip(image[1:3], lost, strides, strict=True)
    return tuple(-(-(side - less) // stride) for side, less, stride in sides)
