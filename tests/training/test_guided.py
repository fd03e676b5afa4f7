"""Training the guided network on a rendered actor's faces."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import ModelError
from recaster.networks.guided import GuidedSwap
from recaster.networks.model_folder import ModelFolder
from recaster.networks.presets import GuidedNetwork, Preset, preset

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset
    from recaster.training.guided import GuidedTrainee


@pytest.fixture(scope="module")
def tiny() -> Preset:
    base = preset("guided-128")
    return dataclasses.replace(base, size=32, batch=2, network=GuidedNetwork(widths=(8, 16), references=6))


def trainee(tiny: Preset, faceset: Faceset, folder: Path, seed: int = 0) -> GuidedTrainee:
    from recaster.training.guided import GuidedTrainee

    return GuidedTrainee(tiny, faceset, ModelFolder(folder), seed)


def test_it_learns(tiny: Preset, actor_faceset: Faceset, tmp_path: Path) -> None:
    model = trainee(tiny, actor_faceset, tmp_path)
    losses = [model.step(2e-3)["loss"] for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])
    assert model.preview().shape == (3 * 32, 6 * 32, 3)
    assert {name: value.shape for name, value in model.weights().items()} == {
        name: shape for name, (shape, _) in GuidedSwap.expected(tiny, 11).items()
    }


def test_stopped_and_resumed_it_takes_the_same_steps(
    tiny: Preset, actor_faceset: Faceset, tmp_path: Path
) -> None:
    whole = trainee(tiny, actor_faceset, tmp_path / "whole")
    for _ in range(8):
        whole.step(1e-3)
    first = trainee(tiny, actor_faceset, tmp_path / "parts")
    for _ in range(4):
        first.step(1e-3)
    second = trainee(tiny, actor_faceset, tmp_path / "parts", seed=0)
    second.restore(first.state())
    for _ in range(4):
        second.step(1e-3)
    ours, theirs = whole.state(), second.state()
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert np.allclose(value, theirs[name], atol=1e-5), name


def test_another_models_state_is_refused(tiny: Preset, actor_faceset: Faceset, tmp_path: Path) -> None:
    state = trainee(tiny, actor_faceset, tmp_path / "a").state()
    wider = dataclasses.replace(tiny, network=GuidedNetwork(widths=(8, 24), references=6))
    with pytest.raises(ModelError, match="does not fit"):
        trainee(wider, actor_faceset, tmp_path / "b").restore(state)


def test_a_reference_never_helps_to_paint_its_own_moment(tiny: Preset, actor_faceset: Faceset) -> None:
    from recaster.likeness.likeness import Likeness
    from recaster.training.guided import load_source

    likeness = Likeness.from_faceset(actor_faceset, references=6)
    faces = load_source(actor_faceset, likeness, tiny.size)
    identifiers = [record.id for record in actor_faceset.records]
    for k, identifier in enumerate(likeness.records):
        row = identifiers.index(int(identifier))
        assert faces.near[row, k]
        weights = likeness.weights(faces.points[row][None], faces.near[row][None])
        assert not weights[0, :, k].any()
