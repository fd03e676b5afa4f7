"""Networks as .tflite files, run by LiteRT on one thread of the CPU, ready in milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from recaster.stderr_filter import filter_stderr

if TYPE_CHECKING:
    from numpy.typing import NDArray


def load_interpreter(content: bytes) -> Any:
    """LiteRT's interpreter of a .tflite file, its memory laid out."""
    from ai_edge_litert.interpreter import Interpreter

    with filter_stderr(b"INFO:"):
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    return interpreter


class LiteRtModel:
    """A network of one input, run by one thread at a time; made of a .tflite file's content."""

    def __init__(self, content: bytes) -> None:
        self._interpreter = load_interpreter(content)
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [output["index"] for output in self._interpreter.get_output_details()]

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """The first output; both have the shapes that the file says."""
        return self.run_all(x)[0]

    def run_all(self, x: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Every output, in the file's order."""
        self._interpreter.set_tensor(self._input, x)
        self._interpreter.invoke()
        return [np.asarray(self._interpreter.get_tensor(output)) for output in self._outputs]

    def run_image(self, image: NDArray[np.uint8]) -> dict[int, NDArray[np.float64]]:
        """The flat outputs, by their sizes (of several of one size the first), for an image (S, S, 3) RGB."""
        by_size: dict[int, NDArray[np.float64]] = {}
        for output in self.run_all(image[None].astype(np.float32) / np.float32(255)):
            flat = output.astype(np.float64).ravel()
            by_size.setdefault(flat.size, flat)
        return by_size
