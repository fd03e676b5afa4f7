"""The small face models that come with Recaster, checked whenever they are loaded (see NOTICE)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from recaster import weights_registry
from recaster.errors import WeightsError

FOLDER: Final = Path(__file__).parent

YUNET: Final = weights_registry.YUNET.file
FACE_MESH: Final = weights_registry.FACE_MESH.file
LIPS: Final = weights_registry.LIPS.file
BLENDSHAPES: Final = weights_registry.BLENDSHAPES.file
EXPRESSIONS: Final = weights_registry.EXPRESSIONS.file
IRIS: Final = weights_registry.IRIS.file
OCCLUDERS: Final = weights_registry.OCCLUDERS.file
ALWAYS: Final = weights_registry.ALWAYS.file

SHA256: Final = {
    one.file: one.sha256
    for one in (
        weights_registry.YUNET,
        weights_registry.FACE_MESH,
        weights_registry.LIPS,
        weights_registry.BLENDSHAPES,
        weights_registry.EXPRESSIONS,
        weights_registry.IRIS,
        weights_registry.OCCLUDERS,
        weights_registry.ALWAYS,
    )
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
