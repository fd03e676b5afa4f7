"""Weights that a guided training starts from, learned on rendered people who do not exist."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.errors import UsageError
from recaster.models.tensors import load_metadata, load_tensors, save_tensors
from recaster.networks.guided_architecture import OUTPUTS
from recaster.weights_registry import GUIDED_START

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.models.presets import Preset

RENDERED: Final = Path(__file__).parent / "weights" / GUIDED_START.file
"""Made by ``scripts/train_start.py``; float16."""


def start_weights(preset: Preset) -> dict[str, np.ndarray] | None:
    """The weights that training of a guided preset begins with, float32; None for random ones.

    Raises:
        UsageError: they are of another network.
        WeightsError: the file that comes with Recaster is missing or damaged.
    """
    if preset.guided.start == "none":
        return None
    if load_metadata(RENDERED).get("network") != _describe_network(preset):
        raise UsageError(
            f"preset {preset.name}: there are no start weights for this network; add --start none, "
            "or leave --widths, --critic-widths and --detail as the preset has them"
        )
    return {name: value.astype(np.float32) for name, value in load_tensors(RENDERED).items()}


def save_start_weights(
    preset: Preset, weights: Mapping[str, np.ndarray], facts: Mapping[str, str], path: Path = RENDERED
) -> None:
    """Write weights for others to start from.

    Args:
        preset: of the network that learned them.
        weights: by name, as ``GuidedModel.start_weights`` gives them.
        facts: what they were learned on, for the record.
        path: the file.
    """
    halves = {name: value.astype(np.float16) for name, value in weights.items()}
    save_tensors(path, halves, {**facts, "network": _describe_network(preset)})


def _describe_network(preset: Preset) -> str:
    """Description that has to be equal for weights to fit; they fit every size of the network."""
    guided = preset.guided
    return f"{guided.widths} {guided.critic_widths} {OUTPUTS} {guided.detail}"
