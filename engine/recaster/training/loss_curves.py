"""Loss curves of a training, read from the TensorBoard events that it wrote."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recaster.models.model_folder import ModelFolder

PREFIX = "loss/"
Curve = list[tuple[int, float]]
"""Steps and values of one loss."""


def loss_curves(folder: ModelFolder, points: int) -> dict[str, Curve]:
    """Curves of every loss, "loss" (their sum) first; each has at most ``points``, means of neighbours."""
    curves = written_curves(folder, points)
    return {name: curves[name] for name in sorted(curves, key=lambda name: (name != "loss", name))}


def written_curves(folder: ModelFolder, points: int) -> dict[str, Curve]:
    """As ``loss_curves``, in the order in which the training writes them.

    What was done again after an interruption counts as it was done last.
    """
    losses: dict[str, dict[int, float]] = {}
    for path in sorted(folder.logs.glob("events.*"), key=_writer_numbers):
        for name, step, value in _scalars(path):
            losses.setdefault(name.removeprefix(PREFIX), {})[step] = value
    return {name: _thin(sorted(values.items()), points) for name, values in losses.items()}


def _writer_numbers(path: Path) -> list[int]:
    """Seconds, process and number of an event file's writer, which its name ends in."""
    return [int(number) for number in re.findall(r"\d+", path.name)]


def _thin(curve: Curve, points: int) -> Curve:
    """Means of neighbouring points, at most ``points``."""
    if len(curve) <= points:
        return curve
    parts = np.array_split(np.array(curve), points)
    return [(int(part[-1, 0]), float(part[:, 1].mean())) for part in parts]


def _scalars(path: Path) -> Iterator[tuple[str, int, float]]:
    """Yields tag, step and value of every scalar of one event file, as far as it is whole."""
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto import event_pb2

    for record in _records(path):
        try:
            event = event_pb2.Event.FromString(record)
        except DecodeError:
            return
        for scalar in event.summary.value:
            if scalar.tag.startswith(PREFIX):
                packed = scalar.tensor.tensor_content
                values = np.frombuffer(packed[:4], "<f4") if len(packed) >= 4 else scalar.tensor.float_val
                if len(values):
                    yield scalar.tag, event.step, float(values[0])


def _records(path: Path) -> Iterator[bytes]:
    """Yields the whole records of a TFRecord file: length, its checksum, data, its checksum.

    TensorBoard's own reader would load all of TensorFlow for this. A file that is being written may end
    within a record.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        while len(head := file.read(12)) == 12:
            [length] = struct.unpack("<Q", head[:8])
            if length > size:  # damage may say any length, and so much would be set aside
                return
            data = file.read(length)
            if len(data) < length or len(file.read(4)) < 4:
                return
            yield data
