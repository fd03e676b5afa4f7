"""dlib's face recognition network, run by LiteRT.

dlib's own run of it takes 140 CPU milliseconds a face where it was built without BLAS, as its binary
packages are. TensorFlow isn't needed: the .tflite file is written down here (its format is a flatbuffer,
https://ai.google.dev/edge/litert), from the weights in dlib's file, each time anew.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from recaster.networks.dlib_walk import SIZE, keeps_size, larger, read_resnet, walk
from recaster.networks.litert import interpreter

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.networks.dlib_dat import Convolution, Dense, Pool


class IdentityNetwork:
    """Tells who it is (dlib_face_recognition_resnet_model_v1, public domain); equal to dlib within 1e-4.

    Args:
        path: the ``.dat`` file; the installed one by default.

    Raises:
        WeightsError: the weights are missing, damaged or of another network.
    """

    def __init__(self, path: Path | None = None) -> None:
        network, graph = read_resnet(path), _Graph()
        shown = graph.picture((1, SIZE, SIZE, 3))
        embedding, _ = walk(network.layers, graph, shown)
        self._mean = np.array(network.mean, np.float32)
        self._interpreter = interpreter(graph.content(shown, embedding))
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def embedding(self, chip: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Who it is, (128,) float64; two faces of one person are less than .6 apart.

        Args:
            chip: (SIZE, SIZE, 3) uint8 RGB, cut out as dlib does, with PADDING.
        """
        self._interpreter.set_tensor(self._input, ((chip - self._mean) / 256)[None])
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output)[0], np.float64)


class _Graph:
    """A network being written down; tensors go by their numbers."""

    def __init__(self) -> None:
        self._buffers = [schema.BufferT()]  # the first one is empty by convention
        self._tensors: list[Any] = []
        self._steps: list[Any] = []
        self._kinds: dict[int, int] = {}

    def picture(self, shape: tuple[int, ...]) -> int:
        """What is computed, or given."""
        return self._tensor(shape, schema.TensorType.FLOAT32, 0)

    def convolution(self, x: int, layer: Convolution) -> int:
        """As ``Maker`` has it, and all that follow."""
        (down, right), same = layer.padding, keeps_size(layer)
        if (down or right) and not same:
            x = self._padded(x, [(0, 0), (down, down), (right, right), (0, 0)])
        options = schema.Conv2DOptionsT()
        options.padding = schema.Padding.SAME if same else schema.Padding.VALID
        options.strideH, options.strideW = layer.stride
        kinds = schema.ActivationFunctionType
        options.fusedActivationFunction = kinds.RELU if layer.rectified else kinds.NONE
        high, wide, _, channels = layer.weights.shape
        weights = self._constant(np.moveaxis(layer.weights, 3, 0))
        biases = self._constant(np.zeros(channels, np.float32) if layer.biases is None else layer.biases)
        sides = self._sides(x, (high, wide), layer.stride, same=same)
        return self._step("CONV_2D", [x, weights, biases], (1, *sides, channels), "Conv2DOptions", options)

    def rectified(self, x: int) -> int:
        return self._step("RELU", [x], self._shape(x))

    def pooled(self, x: int, layer: Pool) -> int:
        shape = self._shape(x)
        if layer.size == (0, 0):
            axes = self._constant(np.array([1, 2], np.int32))
            return self._step("MEAN", [x, axes], (1, shape[3]), "ReducerOptions", schema.ReducerOptionsT())
        options = schema.Pool2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH, options.strideW = layer.stride
        options.filterHeight, options.filterWidth = layer.size
        kind = "MAX_POOL_2D" if layer.kind == "max" else "AVERAGE_POOL_2D"
        sides = self._sides(x, layer.size, layer.stride, same=False)
        return self._step(kind, [x], (1, *sides, shape[3]), "Pool2DOptions", options)

    def added(self, a: int, b: int) -> int:
        shape = larger(self._shape(a), self._shape(b))
        both = []
        for x in (a, b):
            missing = [(0, wanted - have) for wanted, have in zip(shape, self._shape(x), strict=True)]
            both.append(self._padded(x, missing) if any(after for _, after in missing) else x)
        return self._step("ADD", both, tuple(shape), "AddOptions", schema.AddOptionsT())

    def dense(self, x: int, layer: Dense) -> int:
        weights = self._constant(layer.weights.T)
        inputs = [x, weights] + ([] if layer.biases is None else [self._constant(layer.biases)])
        options = schema.FullyConnectedOptionsT()
        shape = (1, layer.weights.shape[1])
        return self._step("FULLY_CONNECTED", inputs, shape, "FullyConnectedOptions", options)

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
            code.version = 1
            model.operatorCodes.append(code)
        builder = flatbuffers.Builder(1 << 25)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _tensor(self, shape: tuple[int, ...], kind: int, buffer: int) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), kind, buffer
        tensor.name = f"tensor{len(self._tensors)}"
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _constant(self, values: NDArray[Any]) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._buffers.append(buffer)
        kind = schema.TensorType.INT32 if values.dtype == np.int32 else schema.TensorType.FLOAT32
        return self._tensor(values.shape, kind, len(self._buffers) - 1)

    def _padded(self, x: int, by: list[tuple[int, int]]) -> int:
        shape = tuple(side + sum(pair) for side, pair in zip(self._shape(x), by, strict=True))
        return self._step(
            "PAD", [x, self._constant(np.array(by, np.int32))], shape, "PadOptions", schema.PadOptionsT()
        )

    def _step(
        self, kind: str, inputs: list[int], shape: tuple[int, ...], family: str = "NONE", options: Any = None
    ) -> int:
        result = self.picture(shape)
        step = schema.OperatorT()
        code = getattr(schema.BuiltinOperator, kind)
        step.opcodeIndex = self._kinds.setdefault(code, len(self._kinds))
        step.inputs, step.outputs = inputs, [result]
        step.builtinOptionsType = getattr(schema.BuiltinOptions, family)
        step.builtinOptions = options
        self._steps.append(step)
        return result

    def _shape(self, x: int) -> tuple[int, ...]:
        return tuple(self._tensors[x].shape)

    def _sides(
        self, x: int, size: tuple[int, int], stride: tuple[int, int], *, same: bool
    ) -> tuple[int, ...]:
        """Height and width of what is left of a picture."""
        lost = (0, 0) if same else (size[0] - 1, size[1] - 1)
        return tuple(
            math.ceil((side - less) / step)
            for side, less, step in zip(self._shape(x)[1:3], lost, stride, strict=True)
        )
