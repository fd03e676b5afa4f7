from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import WeightsError
from recaster.models.presets import GuidedNetwork, preset
from recaster.models.tensors import load_tensors, save_tensors
from recaster.networks.guided import GuidedSwap
from recaster.networks.guided_litert import LiteSwap

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.models.presets import Preset

TINY = dataclasses.replace(preset("guided-128"), size=16, network=GuidedNetwork(widths=(4, 8)))
DEEP = dataclasses.replace(TINY, size=32, network=GuidedNetwork(widths=(4, 6, 8, 10)))
PLAIN = dataclasses.replace(TINY, network=GuidedNetwork(widths=(4, 8, 12), detail=1))


def written(path: Path, recipe: Preset, seed: int = 1) -> Path:
    random = np.random.default_rng(seed)
    weights = {
        name: random.normal(0, 0.1 if len(shape) == 1 else (2 / np.prod(shape[:-1])) ** 0.5, shape).astype(
            np.float32
        )
        for name, (shape, _) in GuidedSwap.expected(recipe, 11).items()
    }
    save_tensors(path, weights, {})
    return path


@pytest.mark.parametrize("recipe", [TINY, DEEP, PLAIN, preset("guided-128"), preset("guided-256")])
def test_it_paints_as_tensorflow_does(recipe: Preset, tmp_path: Path) -> None:
    path = written(tmp_path / "weights.safetensors", recipe)
    side = recipe.size * recipe.guided.detail
    shown = np.random.default_rng(2).integers(0, 256, (3, side, side, 11), np.uint8)
    shown[0] = shown[0, :1, :1]
    wanted = GuidedSwap(recipe, 11, load_tensors(path)).finish(shown).astype(int)
    painted = LiteSwap(recipe, 11, path).finish(shown)
    assert painted.dtype == np.uint8
    assert np.abs(painted - wanted).max() <= 1
    assert np.abs(wanted - shown[..., :3]).mean() > 10, "it does paint"


def test_a_swap_needs_no_tensorflow(tmp_path: Path) -> None:
    path = written(tmp_path / "weights.safetensors", preset("guided-128"))
    script = (
        "import sys; from pathlib import Path; from recaster.models.presets import preset\n"
        "from recaster.networks.guided_litert import LiteSwap\n"
        f"LiteSwap(preset('guided-128'), 11, Path({str(path)!r}))\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    path = written(tmp_path / "weights.safetensors", TINY)
    whole = load_tensors(path)
    name = "guided/join/bias"
    for wrong, says in (
        ({other: value for other, value in whole.items() if other != name}, f"has no '{name}'"),
        (whole | {"guided/more/bias": np.zeros(3, np.float32)}, "holds 'guided/more/bias'"),
        (whole | {name: np.zeros(5, np.float32)}, "expected float32"),
        (whole | {name: whole[name].astype(np.float64)}, "is float64"),
    ):
        save_tensors(path, wrong, {})
        with pytest.raises(WeightsError, match=says):
            LiteSwap(TINY, 11, path)
    path.unlink()
    with pytest.raises(WeightsError, match="no such file"):
        LiteSwap(TINY, 11, path)
