"""Running .tflite files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recaster.faces import weights
from recaster.networks.litert import interpreter

if TYPE_CHECKING:
    from recaster.faces.types import Floats
    from recaster.media.types import Image


class Model:
    """A network with one square RGB picture as input; outputs are told apart by their sizes."""

    def __init__(self, name: str) -> None:
        self._interpreter = interpreter(weights.read(name))
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [one["index"] for one in self._interpreter.get_output_details()]

    def run(self, image: Image) -> dict[int, Floats]:
        """The flat outputs, by their sizes; of several of one size the first.

        Args:
            image: (S, S, 3) uint8 RGB, of the network's own size.
        """
        self._interpreter.set_tensor(self._input, image[None].astype(np.float32) / np.float32(255))
        self._interpreter.invoke()
        outputs = (self._interpreter.get_tensor(one).astype(np.float64).ravel() for one in self._outputs)
        found: dict[int, Floats] = {}
        for one in outputs:
            found.setdefault(one.size, one)
        return found
