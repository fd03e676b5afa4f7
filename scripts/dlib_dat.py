"""Reads the networks that dlib serialised (``.dat``), and prints where in a file its arrays lie.

    .venv/bin/python scripts/dlib_dat.py mmod_human_face_detector.dat

Those places stand in recaster.networks.dlib_resnet and dlib_mmod, which read published files by them.

Only what dlib's published face networks are made of is understood: convolutions, affine and batch
normalisation layers, rectifiers, pools, residual additions, one dense layer. The format is dlib's
``serialize.h`` and ``dnn/core.h`` (Davis King, Boost licence); there is no description of it elsewhere.
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from dlib_layers import Addition, Affine, Convolution, Dense, Floats32, Layer, Mark, Network, Pool, Rectifier

from recaster.errors import WeightsError
from recaster.networks.dlib_weights import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


def read_dat(path: Path) -> Network:
    """Read a network from one of dlib's ``.dat`` files.

    Raises:
        WeightsError: the file is missing, damaged, or holds something that is not understood.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        return _network(_Reader(data))
    except (_Unreadable, ValueError, IndexError, OverflowError) as error:
        raise WeightsError(f"{path}: not a dlib network that can be read ({error})") from None


def folded(network: Iterable[Layer]) -> list[Layer]:
    """The layers with every affine one folded into the convolution before it."""
    result: list[Layer] = []
    for layer in network:
        before = result[-1] if result else None
        if isinstance(layer, Affine) and isinstance(before, Convolution):
            biases = 0.0 if before.biases is None else before.biases
            result[-1] = replace(
                before,
                weights=(before.weights.astype(np.float64) * layer.gain).astype(np.float32),
                biases=(biases * layer.gain.astype(np.float64) + layer.offset).astype(np.float32),
            )
        else:
            result.append(layer)
    return result


class _Unreadable(Exception):  # noqa: N818 - never leaves this file
    """Place and nature of a mistake in a file."""


class _Reader:
    """The primitive values of the format, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.places: list[tuple[int, tuple[int, ...]]] = []

    def take(self, count: int) -> bytes:
        part = self.data[self.at : self.at + count]
        if len(part) != count or count < 0:
            raise _Unreadable("the file ends too early")
        self.at += count
        return part

    def integer(self) -> int:
        """A control byte (0x80 = negative, low 4 bits = bytes that follow), then the magnitude."""
        control = self.take(1)[0]
        count = control & 0x0F
        if not 1 <= count <= 8 or control & 0x70:
            raise _Unreadable(f"no integer at byte {self.at - 1}")
        value = int.from_bytes(self.take(count), "little")
        return -value if control & 0x80 else value

    def integers(self, count: int) -> tuple[int, ...]:
        return tuple(self.integer() for _ in range(count))

    def number(self) -> float:
        """Mantissa, then exponent; in files of old versions, decimal text that ends with a space."""
        if self.data[self.at] & 0x70:
            end = self.data.index(b" ", self.at)
            text = self.data[self.at : end]
            self.at = end + 1
            return float(text.replace(b"ninf", b"-inf"))
        mantissa, exponent = self.integers(2)
        special = {32000: math.inf, 32001: -math.inf, 32002: math.nan}
        return special[exponent] if exponent in special else math.ldexp(mantissa, exponent)

    def numbers(self, count: int) -> tuple[float, ...]:
        return tuple(self.number() for _ in range(count))

    def text(self) -> str:
        return self.take(self.integer()).decode("latin-1")

    def boolean(self) -> bool:
        value = self.take(1)
        if value not in (b"0", b"1"):
            raise _Unreadable(f"no truth value at byte {self.at - 1}")
        return value == b"1"

    def tensor(self) -> Floats32:
        """Shape (samples, channels, rows, columns), then little-endian float32."""
        self.version(2, "tensor")
        shape = self.integers(4)
        if math.prod(shape):
            self.places.append((self.at, shape))
        values = np.frombuffer(self.take(4 * math.prod(shape)), "<f4")
        return values.reshape(shape).astype(np.float32)

    def shape(self) -> tuple[int, ...]:
        """A view into another tensor: only its shape is stored."""
        self.version(1, "tensor view")
        return self.integers(4)

    def version(self, known: int, what: str) -> None:
        found = self.integer()
        if found != known:
            raise _Unreadable(f"version {found} of a {what}, at byte {self.at}")


def _network(reader: _Reader) -> Network:
    reader.version(1, "loss layer")
    loss = _loss(reader)
    wrappers = _wrappers(reader)
    mean, size = _input(reader)
    layers: list[Layer] = []
    for depth, version in enumerate(reversed(wrappers)):
        if depth and version == 1:
            layers.append(Mark("block"))
            continue
        layer = _layer(reader)
        if layer is not None:
            layers.append(layer)
        _skip_buffers(reader, innermost=depth == 0, version=version)
    if reader.at != len(reader.data):
        raise _Unreadable(f"{len(reader.data) - reader.at} bytes are left over")
    return Network(loss, mean, size, _paired(layers), tuple(reader.places))


def _wrappers(reader: _Reader) -> list[int]:
    """The versions of all nested layers, outermost first; the last one holds the input layer.

    2 is a layer with details, 1 a mark without any; the last one is 2 or 3.
    """
    found: list[int] = []
    while reader.data[reader.at : reader.at + 1] != b"\x01" or (
        reader.data[reader.at + 2 : reader.at + 8] != b"input_"
    ):
        found.append(reader.integer())
        if found[-1] not in (1, 2, 3):
            raise _Unreadable(f"unknown nesting at byte {reader.at}")
    return found


def _skip_buffers(reader: _Reader, *, innermost: bool, version: int) -> None:
    """Skips data that dlib keeps for training; empty in published networks."""
    for _ in range(3):
        reader.boolean()
    for _ in range(3):  # gradient of the input, cached output, gradient of the parameters (or the last one)
        reader.tensor()
    if innermost and version >= 3:
        reader.integer()


def _paired(layers: list[Layer]) -> tuple[Layer, ...]:
    """Name the marks: two in a row open a block's pooled shortcut, a single one opens a block."""
    named = list(layers)
    index = 0
    while index < len(named) - 1:
        if isinstance(named[index], Mark) and isinstance(named[index + 1], Mark):
            named[index] = Mark("shortcut")
            named[index + 1] = Mark("back")
            index += 1
        index += 1
    return tuple(named)


def _loss(reader: _Reader) -> dict[str, Any]:
    name = reader.text()
    if name == "loss_metric_2":
        return {"name": name, "margin": reader.number(), "threshold": reader.number()}
    if name == "loss_mmod_":
        return {"name": name, **_detector_options(reader)}
    raise _Unreadable(f"unknown loss {name!r}")


def _detector_options(reader: _Reader) -> dict[str, Any]:
    version = reader.integer()
    if version == 1:
        windows = [reader.integers(2)]
    else:
        windows = []
        for _ in range(reader.integer()):
            kind = reader.integer()
            windows.append(reader.integers(2))
            if kind == 2:
                reader.text()
    names = (
        "loss_per_false_alarm", "loss_per_missed_target", "truth_match_iou",
        "nms_iou", "nms_covered", "ignore_iou", "ignore_covered",
    )  # fmt: skip
    options: dict[str, Any] = {"windows": windows, **dict(zip(names, reader.numbers(7), strict=True))}
    if version >= 3:
        options["pyramid"] = reader.integer()
    if version >= 4:
        options["box_regression"] = (reader.boolean(), reader.number())
    return options


def _input(reader: _Reader) -> tuple[tuple[float, float, float], tuple[int, int] | None]:
    """Channel means and size of the input layer; its other settings follow from the network."""
    name = reader.text()
    red, green, blue = reader.numbers(3)
    size: tuple[int, int] | None = None
    if name == "input_rgb_image_sized":
        height, width = reader.integers(2)
        size = (height, width)
    elif name == "input_rgb_image_pyramid2":
        reader.integers(2)
    elif name not in ("input_rgb_image_pyramid", "input_rgb_image"):
        raise _Unreadable(f"unknown input {name!r}")
    return (red, green, blue), size


def _layer(reader: _Reader) -> Layer | None:
    """One layer's details; None for a layer that does nothing any more."""
    name = reader.text()
    readers: dict[str, Callable[[_Reader, str], Layer | None]] = {
        "con_": _convolution,
        "affine_": _affine,
        "bn_con": _normalisation,
        "bn_fc": _normalisation,
        "fc_": _dense,
        "relu_": _rectifier,
        "max_pool_": _pool,
        "avg_pool_": _pool,
        "add_prev_": lambda _reader, _name: Addition(),
    }
    kind = name.rstrip("0123456789")
    if kind not in readers:
        raise _Unreadable(f"unknown layer {name!r} at byte {reader.at}")
    return readers[kind](reader, name)


def _convolution(reader: _Reader, name: str) -> Convolution:
    parameters = reader.tensor().ravel()
    filters = reader.integer()
    _, _, down, across, pad_y, pad_x = reader.integers(6)
    shape = reader.shape()
    reader.shape()
    reader.numbers(4)  # learning rates and weight decays
    biased = reader.boolean() if name != "con_4" else True
    rectified = reader.boolean() if name == "con_6" else False
    count = math.prod(shape)
    return Convolution(
        weights=parameters[:count].reshape(shape).transpose(2, 3, 1, 0),
        biases=parameters[count : count + filters] if biased else None,
        stride=(down, across),
        padding=(pad_y, pad_x),
        rectified=rectified,
    )


def _affine(reader: _Reader, name: str) -> Affine | None:
    parameters = reader.tensor().ravel()
    count = math.prod(reader.shape())
    reader.shape()
    reader.integer()
    disabled = reader.boolean() if name == "affine_2" else False
    return None if disabled else Affine(parameters[:count], parameters[count:])


def _normalisation(reader: _Reader, _name: str) -> Affine:
    """Batch normalisation with its running statistics, as the affine layer that it is when used."""
    parameters = reader.tensor().ravel()
    count = math.prod(reader.shape())
    reader.shape()
    reader.tensor()
    reader.tensor()
    mean = reader.tensor().ravel()
    variance = reader.tensor().ravel()
    reader.integers(2)
    reader.numbers(4)
    epsilon = reader.number()
    gain = (parameters[:count] / np.sqrt(variance.astype(np.float64) + epsilon)).astype(np.float32)
    return Affine(gain, parameters[count:] - gain * mean)


def _dense(reader: _Reader, name: str) -> Dense:
    outputs, inputs = reader.integers(2)
    parameters = reader.tensor().ravel()
    reader.shape()
    reader.shape()
    biased = reader.integer() == 0
    reader.numbers(4)
    if name == "fc_3":
        reader.boolean()
    count = inputs * outputs
    biases = parameters[count:] if biased and parameters.size > count else None
    return Dense(parameters[:count].reshape(inputs, outputs), biases)


def _rectifier(reader: _Reader, name: str) -> Rectifier | None:
    disabled = reader.boolean() if name == "relu_2" else False
    return None if disabled else Rectifier()


def _pool(reader: _Reader, name: str) -> Pool:
    height, width, down, across, pad_y, pad_x = reader.integers(6)
    return Pool(name[:3], (height, width), (down, across), (pad_y, pad_x))


if __name__ == "__main__":
    for place, extent in read_dat(locate(sys.argv[1])).places:
        print(place, *extent)
