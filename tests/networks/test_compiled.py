from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import WeightsError
from recaster.networks import compiled
from recaster.networks.compiled import compile_network, compiled_swap
from recaster.networks.guided import GuidedSwap
from recaster.networks.model_folder import ModelCard, ModelFolder
from recaster.networks.presets import GuidedNetwork, preset
from recaster.networks.tensors import load_tensors, save_tensors

if TYPE_CHECKING:
    from pathlib import Path

TINY = dataclasses.replace(preset("guided-128"), size=16, network=GuidedNetwork(widths=(4, 8)))


def weights(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        name: random.normal(0, 0.3, shape).astype(np.float32)
        for name, (shape, _) in GuidedSwap.expected(TINY, 11).items()
    }


@pytest.fixture
def model(tmp_path: Path) -> ModelFolder:
    folder = ModelFolder(tmp_path / "model")
    folder.path.mkdir()
    save_tensors(folder.weights, weights(1), {})
    folder.write(ModelCard(TINY, "source"))
    return folder


def shown() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (5, 32, 32, 11), np.uint8)


def by_tensorflow(folder: ModelFolder) -> np.ndarray:
    return GuidedSwap(TINY, 11, load_tensors(folder.weights)).finish(shown()).astype(int)


@pytest.fixture
def no_translation(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> bytes:
        raise AssertionError("translated although it was kept")

    monkeypatch.setattr(compiled, "_translated_beside", refused)


@pytest.mark.usefixtures("no_translation")
def test_it_paints_as_tensorflow_does(model: ModelFolder) -> None:
    compile_network(model, 11)
    painted, wanted = compiled_swap(model, 11).finish(shown()), by_tensorflow(model)
    assert painted.dtype == np.uint8
    assert np.abs(painted - wanted).max() <= 1
    assert np.std(wanted) > 10


def test_the_first_swap_translates_in_another_process(model: ModelFolder) -> None:
    painted = compiled_swap(model, 11).finish(shown())
    assert np.abs(painted - by_tensorflow(model)).max() <= 1
    assert model.compiled.is_file()


def test_a_swap_needs_no_tensorflow(model: ModelFolder) -> None:
    compile_network(model, 11)
    script = (
        "import sys; from pathlib import Path; from recaster.networks.model_folder import ModelFolder\n"
        "from recaster.networks.compiled import compiled_swap\n"
        f"compiled_swap(ModelFolder(Path({str(model.path)!r})), 11)\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_other_weights_are_translated_anew(model: ModelFolder) -> None:
    compile_network(model, 11)
    before = compiled_swap(model, 11).finish(shown())
    save_tensors(model.weights, weights(3), {})
    after = compiled_swap(model, 11).finish(shown())
    assert np.abs(after - by_tensorflow(model)).max() <= 1
    assert np.abs(after.astype(int) - before).max() > 10


def test_a_damaged_translation_is_made_anew(model: ModelFolder) -> None:
    compile_network(model, 11)
    damaged = model.compiled.read_bytes()[:-100] + bytes(100)
    model.compiled.write_bytes(damaged)
    painted = compiled_swap(model, 11).finish(shown())
    assert np.abs(painted - by_tensorflow(model)).max() <= 1
    assert model.compiled.read_bytes() != damaged


def test_where_it_cannot_be_kept_it_still_swaps(model: ModelFolder) -> None:
    model.compiled.mkdir()
    painted = compiled_swap(model, 11).finish(shown())
    assert np.abs(painted - by_tensorflow(model)).max() <= 1


@pytest.mark.usefixtures("no_translation")
def test_a_copy_keeps_it(model: ModelFolder, tmp_path: Path) -> None:
    compile_network(model, 11)
    shutil.copytree(model.path, tmp_path / "copy")
    compiled_swap(ModelFolder(tmp_path / "copy"), 11)


def test_weights_that_do_not_fit(model: ModelFolder) -> None:
    fewer = weights(1)
    name = min(fewer)
    del fewer[name]
    save_tensors(model.weights, fewer, {})
    with pytest.raises(WeightsError, match=name):
        compiled_swap(model, 11)
    model.weights.unlink()
    with pytest.raises(WeightsError, match="no such file"):
        compiled_swap(model, 11)
