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
        self._buffers = [schema.BufferT()]  # tensors that are computed refer to buffer 0, which is empty
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._kinds: dict[int, int] = {}

    def input(self, shape: Sequence[int]) -> int:
        """The network's input."""
        return self._tensor(shape, schema.TensorType.FLOAT32, 0)

    def constant(self, values: NDArray[Any]) -> int:
        """Values that don't change, float32 or int32."""
        data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._buffers.append(schema.BufferT(data=data))
        kind = schema.TensorType.INT32 if values.dtype == np.int32 else schema.TensorType.FLOAT32
        return self._tensor(values.shape, kind, len(self._buffers) - 1)

    def shape(self, x: int) -> tuple[int, ...]:
        """The shape of a tensor."""
        return tuple(self._tensors[x].shape)

    def conv2d(
        self, x: int, kernel: NDArray[np.float32], bias: NDArray[np.float32], stride: int = 1, *, same: bool
    ) -> int:
        # LiteRT wants kernels as (out, high, wide, in).
        inputs = [x, self.constant(np.moveaxis(kernel, 3, 0)), self.constant(bias)]
        padding = schema.Padding.SAME if same else schema.Padding.VALID
        shape = (1, *_sides(self.shape(x), kernel.shape[0], stride, same=same), kernel.shape[3])
        options = schema.Conv2DOptionsT(padding=padding, strideH=stride, strideW=stride)
        return self._operator("CONV_2D", inputs, shape, options)

    def dense(self, x: int, kernel: NDArray[np.float32]) -> int:
        # LiteRT wants kernels as (out, in).
        inputs = [x, self.constant(kernel.T)]
        return self._operator(
            "FULLY_CONNECTED", inputs, (1, kernel.shape[1]), schema.FullyConnectedOptionsT()
        )

    def relu(self, x: int) -> int:
        return self._operator("RELU", [x], self.shape(x))

    def leaky_relu(self, x: int, slope: float) -> int:
        """max(x, slope * x)."""
        return self._operator("LEAKY_RELU", [x], self.shape(x), schema.LeakyReluOptionsT(alpha=slope))

    def logistic(self, x: int) -> int:
        """The sigmoid, 0 to 1."""
        return self._operator("LOGISTIC", [x], self.shape(x))

    def add(self, a: int, b: int) -> int:
        return self._binary("ADD", a, b, schema.AddOptionsT())

    def subtract(self, a: int, b: int) -> int:
        """The difference."""
        return self._binary("SUB", a, b, schema.SubOptionsT())

    def multiply(self, a: int, b: int) -> int:
        """The product."""
        return self._binary("MUL", a, b, schema.MulOptionsT())

    def maximum(self, a: int, b: int) -> int:
        """The larger of each two values."""
        return self._binary("MAXIMUM", a, b, schema.MaximumMinimumOptionsT())

    def pad(self, x: int, amounts: Sequence[tuple[int, int]]) -> int:
        shape = [side + sum(pair) for side, pair in zip(self.shape(x), amounts, strict=True)]
        return self._operator("PAD", [x, self._integers(amounts)], shape, schema.PadOptionsT())

    def concat(self, parts: Sequence[int]) -> int:
        channels = sum(self.shape(part)[3] for part in parts)
        shape = (*self.shape(parts[0])[:3], channels)
        return self._operator("CONCATENATION", list(parts), shape, schema.ConcatenationOptionsT(axis=3))

    def slice_channels(self, x: int, start: int, stop: int) -> int:
        whole = self.shape(x)[:3]
        ends = [(0, 0, 0, start), (*whole, stop), (1, 1, 1, 1)]
        inputs = [x, *(self._integers(end) for end in ends)]
        return self._operator("STRIDED_SLICE", inputs, (*whole, stop - start), schema.StridedSliceOptionsT())

    def average_pool(self, x: int, size: int) -> int:
        return self._pool("AVERAGE_POOL_2D", x, size, size)

    def max_pool(self, x: int, size: int, stride: int) -> int:
        return self._pool("MAX_POOL_2D", x, size, stride)

    def global_average_pool(self, x: int) -> int:
        shape = (1, self.shape(x)[3])
        return self._operator("MEAN", [x, self._integers((1, 2))], shape, schema.ReducerOptionsT())

    def resize_bilinear(self, x: int, factor: int) -> int:
        _, height, width, channels = self.shape(x)
        sides = (height * factor, width * factor)
        # Keras interpolates between the centres of pixels; LiteRT's default is their corners.
        options = schema.ResizeBilinearOptionsT(halfPixelCenters=True)
        return self._operator("RESIZE_BILINEAR", [x, self._integers(sides)], (1, *sides, channels), options)

    def depth_to_space(self, x: int, block: int) -> int:
        _, height, width, channels = self.shape(x)
        shape = (1, height * block, width * block, channels // block**2)
        return self._operator("DEPTH_TO_SPACE", [x], shape, schema.DepthToSpaceOptionsT(blockSize=block))

    def space_to_depth(self, x: int, block: int) -> int:
        _, height, width, channels = self.shape(x)
        shape = (1, height // block, width // block, channels * block**2)
        return self._operator("SPACE_TO_DEPTH", [x], shape, schema.SpaceToDepthOptionsT(blockSize=block))

    def to_bytes(self, input_tensor: int, output_tensor: int) -> bytes:
        """Serialises the graph as a .tflite file."""
        graph = schema.SubGraphT(
            tensors=self._tensors, operators=self._operators, inputs=[input_tensor], outputs=[output_tensor]
        )
        codes = [
            # Both fields: older readers know the first 127 operations by the deprecated one.
            schema.OperatorCodeT(builtinCode=kind, deprecatedBuiltinCode=kind, version=_VERSIONS.get(kind, 1))
            for kind in self._kinds
        ]
        model = schema.ModelT(version=3, subgraphs=[graph], buffers=self._buffers, operatorCodes=codes)
        builder = flatbuffers.Builder(_BUFFER_BYTES)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _binary(self, kind: str, a: int, b: int, options: Any) -> int:
        return self._operator(kind, [a, b], np.broadcast_shapes(self.shape(a), self.shape(b)), options)

    def _pool(self, kind: str, x: int, size: int, stride: int) -> int:
        options = schema.Pool2DOptionsT(
            padding=schema.Padding.VALID,
            strideH=stride, strideW=stride, filterHeight=size, filterWidth=size,
        )  # fmt: skip
        shape = (1, *_sides(self.shape(x), size, stride, same=False), self.shape(x)[3])
        return self._operator(kind, [x], shape, options)

    def _integers(self, values: Sequence[Any]) -> int:
        return self.constant(np.array(values, np.int32))

    def _tensor(self, shape: Sequence[int], kind: int, buffer: int) -> int:
        name = f"tensor{len(self._tensors)}"
        self._tensors.append(schema.TensorT(shape=list(shape), type=kind, buffer=buffer, name=name))
        return len(self._tensors) - 1

    def _operator(self, kind: str, inputs: list[int], shape: Sequence[int], options: Any = None) -> int:
        """Adds an operation; the table of its options has the name of their class, less the T."""
        result = self.input(shape)
        code = getattr(schema.BuiltinOperator, kind)
        family = "NONE" if options is None else type(options).__name__.removesuffix("T")
        operator = schema.OperatorT(
            opcodeIndex=self._kinds.setdefault(code, len(self._kinds)),
            inputs=inputs,
            outputs=[result],
            builtinOptionsType=getattr(schema.BuiltinOptions, family),
            builtinOptions=options,
        )
        self._operators.append(operator)
        return result


_VERSIONS = {schema.BuiltinOperator.RESIZE_BILINEAR: 3}
"""Versions of operations whose options have grown."""


def _sides(image: tuple[int, ...], size: int, stride: int, *, same: bool) -> tuple[int, int]:
    """Height and width that square windows leave of an image (1, H, W, C)."""
    lost = 0 if same else size - 1
    return -(-(image[1] - lost) // stride), -(-(image[2] - lost) // stride)
