"""The small face models that come with Recaster, checked whenever they are loaded (see NOTICE)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recaster import weights_registry
from recaster.errors import WeightsError

if TYPE_CHECKING:
    from recaster.weights_registry import Weights

FOLDER: Final = Path(__file__).parent
# Networks that a swap uses; what trainings begin with lies beside their networks.
MODELS: Final = tuple(
    model
    for model in weights_registry.ALL
    if model.package == weights_registry.RECASTER and model is not weights_registry.GUIDED_START
)


def read_weights(weights: Weights, folder: Path = FOLDER) -> bytes:
    """Reads one of them.

    Raises:
        WeightsError: the file is missing, unreadable, or not the one that was checked in.
    """
    path = folder / weights.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); install Recaster again") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != weights.sha256:
        raise WeightsError(
            f"{path}: damaged (SHA-256 is {digest[:12]}..., not {weights.sha256[:12]}...); install again"
        )
    return data
