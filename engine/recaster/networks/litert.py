"""Networks as .tflite files, run by LiteRT on one thread of the CPU; it starts at once."""

from __future__ import annotations

from typing import Any

from recaster.stderr_filter import filter_stderr


def interpreter(content: bytes) -> Any:
    """A network with its memory laid out, ready to be run."""
    from ai_edge_litert.interpreter import Interpreter

    with filter_stderr(b"INFO:"):
        made = Interpreter(model_content=content, num_threads=1)
        made.allocate_tensors()
    return made
