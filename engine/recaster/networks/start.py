"""Weights that a guided training starts from, learned on rendered people who do not exist."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.networks.tensors import load_tensors

if TYPE_CHECKING:
    from recaster.networks.presets import Preset

RENDERED: Final = Path(__file__).parent / "weights" / "guided-rendered.safetensors"


def start_weights(preset: Preset) -> dict[str, np.ndarray] | None:
    """The weights that training of a guided preset begins with, float32; None for random ones.

    Raises:
        WeightsError: the file that comes with Recaster is missing or damaged.
    """
    if preset.guided.start == "none":
        return None
    return {name: value.astype(np.float32) for name, value in load_tensors(RENDERED).items()}
