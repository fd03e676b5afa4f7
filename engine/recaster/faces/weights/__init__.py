"""The small face models that come with Recaster, checked whenever they are loaded (see NOTICE)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from recaster.errors import WeightsError

FOLDER: Final = Path(__file__).parent

YUNET: Final = "face_detection_yunet_2023mar_int8bq.onnx"
FACE_MESH: Final = "face_landmark.tflite"
IRIS: Final = "iris_landmark.tflite"
OCCLUDERS: Final = "occluders.tflite"

SHA256: Final = {
    YUNET: "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    FACE_MESH: "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    IRIS: "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
    OCCLUDERS: "354a20c23938364baba6923c0698a9fe04f827b3dd6adf002524b8e0a0f2380b",
}


def read(name: str, folder: Path = FOLDER) -> bytes:
    """The bytes of a model file.

    Args:
        name: a key of ``SHA256``.
        folder: where the file lies.

    Raises:
        WeightsError: the file is missing, unreadable, or not the one that was checked in.
    """
    path = folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); install Recaster again") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256[name]:
        raise WeightsError(
            f"{path}: damaged (SHA-256 is {digest[:12]}..., not {SHA256[name][:12]}...); install again"
        )
    return data
