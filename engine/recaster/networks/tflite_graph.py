"""Networks written down as .tflite files, without TensorFlow, and run by LiteRT.

The format is a flatbuffer; what its fields mean is said in LiteRT's own schema (tflite/converter/schema).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from recaster.networks.litert import interpreter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_ROOM = 1 << 22
"""Bytes that a file is begun with; it grows."""


class Network:
    """A network that is ready to be run, by one thread at a time.

    Args:
        content: the .tflite file, of one input and one output.
    """

    def __init__(self, content: bytes) -> None:
        self._interpreter = interpreter(content)
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def run(self, given: NDArray[np.float32]) -> NDArray[np.float32]:
        """The output for an input; both have the shapes that the graph has them in."""
        self._interpreter.set_tensor(self._input, given)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output))


class Graph:
    """A network being written down: float32 tensors that go by their numbers; pictures are (1, H, W, C)."""

    def __init__(self) -> None:
        self._buffers = [schema.BufferT()]  # the first one is empty by convention
        self._tensors: list[Any] = []
        self._steps: list[Any] = []
        self._kinds: dict[int, int] = {}

    def given(self, shape: Sequence[int]) -> int:
        """An input."""
        return self._tensor(shape, schema.TensorType.FLOAT32, 0)

    def constant(self, values: NDArray[Any]) -> int:
        """Numbers that don't change, float32 or int32."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._buffers.append(buffer)
        kind = schema.TensorType.INT32 if values.dtype == np.int32 else schema.TensorType.FLOAT32
        return self._tensor(values.shape, kind, len(self._buffers) - 1)

    def shape(self, x: int) -> tuple[int, ...]:
        """The shape of a tensor."""
        return tuple(self._tensors[x].shape)

    def convolution(
        self,
        x: int,
        weights: NDArray[np.float32],
        biases: NDArray[np.float32] | None,
        stride: tuple[int, int] = (1, 1),
        *,
        same: bool,
    ) -> int:
        """A convolution with weights (high, wide, in, out).

        Args:
            x: what it is given.
            weights: its kernels.
            biases: (out,), what is added.
            stride: down and across.
            same: padded as TensorFlow's "same" does, or not at all.
        """
        options = schema.Conv2DOptionsT()
        options.padding = schema.Padding.SAME if same else schema.Padding.VALID
        options.strideH, options.strideW = stride
        size, channels = weights.shape[:2], weights.shape[3]
        inputs = [x, self.constant(np.moveaxis(weights, 3, 0))]
        inputs.append(self.constant(np.zeros(channels, np.float32) if biases is None else biases))
        shape = (1, *_sides(self.shape(x), size, stride, same=same), channels)
        return self._step("CONV_2D", inputs, shape, "Conv2DOptions", options)

    def pooled(self, x: int, kind: str, size: tuple[int, int], stride: tuple[int, int]) -> int:
        """The largest ("MAX") or mean ("AVERAGE") values of windows."""
        options = schema.Pool2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH, options.strideW = stride
        options.filterHeight, options.filterWidth = size
        shape = (1, *_sides(self.shape(x), size, stride, same=False), self.shape(x)[3])
        return self._step(f"{kind}_POOL_2D", [x], shape, "Pool2DOptions", options)

    def mean(self, x: int) -> int:
        """The mean of the whole picture, (1, C)."""
        inputs = [x, self.constant(np.array([1, 2], np.int32))]
        return self._step("MEAN", inputs, (1, self.shape(x)[3]), "ReducerOptions", schema.ReducerOptionsT())

    def dense(self, x: int, weights: NDArray[np.float32], biases: NDArray[np.float32] | None) -> int:
        """A matrix (in, out), and what is added."""
        inputs = [x, self.constant(weights.T)] + ([] if biases is None else [self.constant(biases)])
        options = schema.FullyConnectedOptionsT()
        return self._step("FULLY_CONNECTED", inputs, (1, weights.shape[1]), "FullyConnectedOptions", options)

    def rectified(self, x: int) -> int:
        """Nothing below 0."""
        return self._step("RELU", [x], self.shape(x))

    def leaky(self, x: int, slope: float) -> int:
        """Little below 0."""
        options = schema.LeakyReluOptionsT()
        options.alpha = slope
        return self._step("LEAKY_RELU", [x], self.shape(x), "LeakyReluOptions", options)

    def sigmoid(self, x: int) -> int:
        """From 0 to 1."""
        return self._step("LOGISTIC", [x], self.shape(x))

    def added(self, a: int, b: int) -> int:
        """The sum."""
        return self._of_two("ADD", a, b, "AddOptions", schema.AddOptionsT())

    def less(self, a: int, b: int) -> int:
        """The difference."""
        return self._of_two("SUB", a, b, "SubOptions", schema.SubOptionsT())

    def times(self, a: int, b: int) -> int:
        """The product."""
        return self._of_two("MUL", a, b, "MulOptions", schema.MulOptionsT())

    def larger(self, a: int, b: int) -> int:
        """The larger of two values."""
        return self._of_two("MAXIMUM", a, b, "MaximumMinimumOptions", schema.MaximumMinimumOptionsT())

    def padded(self, x: int, by: Sequence[tuple[int, int]]) -> int:
        """Zeros before and after, for every axis."""
        shape = [side + sum(pair) for side, pair in zip(self.shape(x), by, strict=True)]
        inputs = [x, self.constant(np.array(by, np.int32))]
        return self._step("PAD", inputs, shape, "PadOptions", schema.PadOptionsT())

    def joined(self, parts: Sequence[int]) -> int:
        """The channels of several pictures."""
        options = schema.ConcatenationOptionsT()
        options.axis = 3
        channels = sum(self.shape(part)[3] for part in parts)
        shape = (*self.shape(parts[0])[:3], channels)
        return self._step("CONCATENATION", list(parts), shape, "ConcatenationOptions", options)

    def channels(self, x: int, start: int, stop: int) -> int:
        """Some channels of a picture."""
        whole = self.shape(x)[:3]
        ends = [(0, 0, 0, start), (*whole, stop), (1, 1, 1, 1)]
        inputs = [x, *(self.constant(np.array(end, np.int32)) for end in ends)]
        options = schema.StridedSliceOptionsT()
        return self._step("STRIDED_SLICE", inputs, (*whole, stop - start), "StridedSliceOptions", options)

    def spread(self, x: int, times: int) -> int:
        """A larger picture, made of channels (depth to space)."""
        options = schema.DepthToSpaceOptionsT()
        options.blockSize = times
        _, high, wide, channels = self.shape(x)
        shape = (1, high * times, wide * times, channels // times**2)
        return self._step("DEPTH_TO_SPACE", [x], shape, "DepthToSpaceOptions", options)

    def gathered(self, x: int, times: int) -> int:
        """A smaller picture, whose channels hold what the larger one did (space to depth)."""
        options = schema.SpaceToDepthOptionsT()
        options.blockSize = times
        _, high, wide, channels = self.shape(x)
        shape = (1, high // times, wide // times, channels * times**2)
        return self._step("SPACE_TO_DEPTH", [x], shape, "SpaceToDepthOptions", options)

    def enlarged(self, x: int, times: int) -> int:
        """A larger picture by linear interpolation between the centres of pixels."""
        options = schema.ResizeBilinearOptionsT()
        options.halfPixelCenters = True
        _, high, wide, channels = self.shape(x)
        sides = (high * times, wide * times)
        inputs = [x, self.constant(np.array(sides, np.int32))]
        return self._step("RESIZE_BILINEAR", inputs, (1, *sides, channels), "ResizeBilinearOptions", options)

    def content(self, given: int, result: int) -> bytes:
        """The .tflite file."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self._tensors, self._steps
        graph.inputs, graph.outputs = [given], [result]
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [graph], self._buffers
        model.operatorCodes = []
        for kind in self._kinds:
            code = schema.OperatorCodeT()
            code.builtinCode = code.deprecatedBuiltinCode = kind
            code.version = _VERSIONS.get(kind, 1)
            model.operatorCodes.append(code)
        builder = flatbuffers.Builder(_ROOM)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _of_two(self, kind: str, a: int, b: int, family: str, options: Any) -> int:
        shape = np.broadcast_shapes(self.shape(a), self.shape(b))
        return self._step(kind, [a, b], shape, family, options)

    def _tensor(self, shape: Sequence[int], kind: int, buffer: int) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), kind, buffer
        tensor.name = f"tensor{len(self._tensors)}"
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _step(
        self, kind: str, inputs: list[int], shape: Sequence[int], family: str = "NONE", options: Any = None
    ) -> int:
        result = self.given(shape)
        step = schema.OperatorT()
        code = getattr(schema.BuiltinOperator, kind)
        step.opcodeIndex = self._kinds.setdefault(code, len(self._kinds))
        step.inputs, step.outputs = inputs, [result]
        step.builtinOptionsType = getattr(schema.BuiltinOptions, family)
        step.builtinOptions = options
        self._steps.append(step)
        return result


_VERSIONS = {schema.BuiltinOperator.RESIZE_BILINEAR: 3}
"""Versions of operations whose options have grown."""


def _sides(
    picture: tuple[int, ...], size: tuple[int, int], stride: tuple[int, int], *, same: bool
) -> tuple[int, ...]:
    """Height and width of what is left of a picture (1, H, W, C)."""
    lost = (0, 0) if same else (size[0] - 1, size[1] - 1)
    return tuple(
        -(-(side - less) // step) for side, less, step in zip(picture[1:3], lost, stride, strict=True)
    )
