"""Weights to start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.errors import UsageError, WeightsError
from recaster.likeness.conditioning import CHANNELS, PARTS
from recaster.models.presets import overridden, preset
from recaster.networks import guided
from recaster.networks.guided import build_guided, build_guided_discriminator
from recaster.networks.pairwise import named

if TYPE_CHECKING:
    from pathlib import Path


def test_they_fit_the_default_preset_and_are_no_random_ones() -> None:
    chosen = preset("guided-128")
    weights = guided.start_weights(chosen)
    assert weights is not None
    models = build_guided(chosen, CHANNELS), build_guided_discriminator(chosen, 3 + PARTS)
    fresh = {name: variable.numpy() for name, variable in named(*models).items()}
    assert {name: value.shape for name, value in weights.items()} == {n: v.shape for n, v in fresh.items()}
    assert all(np.isfinite(value).all() and value.dtype == np.float32 for value in weights.values())
    assert np.abs(weights["guided/head/kernel"]).mean() > 2 * np.abs(fresh["guided/head/kernel"]).mean()


def test_other_presets_start_at_random() -> None:
    assert guided.start_weights(preset("guided-256")) is None
    assert guided.start_weights(overridden(preset("guided-128"), start="none")) is None


@pytest.mark.parametrize("change", [{"widths": (16, 32, 64, 96)}, {"detail": 1}])
def test_for_another_network_there_are_none(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"--start none.*--detail"):
        guided.start_weights(overridden(preset("guided-128"), **change))


def test_saved_they_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = preset("guided-128")
    path = tmp_path / "weights.safetensors"
    guided.save_start_weights(chosen, {"a": np.linspace(0, 1, 5, dtype=np.float32)}, {"steps": "3"}, path)
    monkeypatch.setattr(guided, "RENDERED", path)
    weights = guided.start_weights(chosen)
    assert weights is not None
    assert np.allclose(weights["a"], np.linspace(0, 1, 5), atol=1e-3)
    path.unlink()
    with pytest.raises(WeightsError, match="weights"):
        guided.start_weights(chosen)
