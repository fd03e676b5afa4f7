"""How the losses of a training went, read from the TensorBoard events that it wrote."""

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


def loss_curves(folder: ModelFolder, points: int) -> dict[str, list[tuple[int, float]]]:
    """Steps and values of every loss, "loss" (their sum) first.

    What was done again after an interruption counts as it was done last.

    Args:
        folder: of the model; without logs there are no curves.
        points: most points of a curve; each is the mean of neighbouring steps.
    """
    found: dict[str, dict[int, float]] = {}
    for path in sorted(folder.logs.glob("events.*"), key=_order):
        for name, step, value in _scalars(path):
            found.setdefault(name.removeprefix(PREFIX), {})[step] = value
    names = sorted(found, key=lambda name: (name != "loss", name))
    return {name: _thinned(sorted(found[name].items()), points) for name in names}


def _order(path: Path) -> list[int]:
    """What event files are sorted by: their names end in seconds, process and number of the writer."""
    return [int(number) for number in re.findall(r"\d+", path.name)]


def _thinned(curve: list[tuple[int, float]], points: int) -> list[tuple[int, float]]:
    if len(curve) <= points:
        return curve
    parts = np.array_split(np.array(curve), points)
    return [(int(part[-1, 0]), float(part[:, 1].mean())) for part in parts]


def _scalars(path: Path) -> Iterator[tuple[str, int, float]]:
    """Tag, step and value of every scalar of one event file."""
    from tensorboard.compat.proto import event_pb2

    for record in _records(path):
        event = event_pb2.Event.FromString(record)
        for one in event.summary.value:
            if one.tag.startswith(PREFIX):
                packed = one.tensor.tensor_content
                value = np.frombuffer(packed, "<f4")[0] if packed else one.tensor.float_val[0]
                yield one.tag, event.step, float(value)


def _records(path: Path) -> Iterator[bytes]:
    """The whole records of a TFRecord file: length, its checksum, data, its checksum.

    TensorBoard's own reader would load all of TensorFlow for this. A file that is being written may end
    within a record.
    """
    with path.open("rb") as file:
        while len(head := file.read(12)) == 12:
            [length] = struct.unpack("<Q", head[:8])
            data = file.read(length)
            if len(data) < length or len(file.read(4)) < 4:
                return
            yield data
