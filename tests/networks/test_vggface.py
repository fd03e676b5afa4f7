from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import h5py
import keras
import numpy as np
import pytest

from recaster.errors import WeightsError
from recaster.files import sha256
from recaster.networks.vggface import MEANS, TAPS, build_network, build_vggface

if TYPE_CHECKING:
    from pathlib import Path


def write_keras2(path: Path, network: keras.Model, leave_out: str = "") -> None:
    """The layout of ``Model.save_weights`` in Keras 2: slashes in names make nested groups."""
    with h5py.File(path, "w") as file:
        layers = [layer for layer in network.layers if layer.weights and layer.name != leave_out]
        file.attrs["layer_names"] = [layer.name.replace("__", "/").encode() for layer in layers]
        for layer in layers:
            name = layer.name.replace("__", "/")
            group = file.require_group(name)
            parts = [f"{name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [part.encode() for part in parts]
            for part, weight in zip(parts, layer.weights, strict=True):
                group.create_dataset(part, data=weight.numpy())


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return build_network()


def test_it_builds_loads_a_users_weights_and_predicts(tmp_path: Path, network: keras.Model) -> None:
    path = tmp_path / "weights.h5"
    write_keras2(path, network)
    model, note = build_vggface(path)
    assert "research only" in note
    assert sha256(path) in note
    image = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype(np.float32) - np.float32(MEANS)
    maps = [output.numpy() for output in model(image)]
    assert [found.shape[1::2] for found in maps] == list(TAPS)
    last = keras.Model(network.inputs[0], network.layers[-2].output)(image).numpy()
    np.testing.assert_allclose(maps[-1], last, rtol=1e-4, atol=1e-4)
    assert not model.trainable_variables


def test_a_missing_layer_is_named(tmp_path: Path, network: keras.Model) -> None:
    path = tmp_path / "weights.h5"
    write_keras2(path, network, leave_out="conv2_1_1x1_reduce__bn")
    with pytest.raises(WeightsError, match="conv2_1_1x1_reduce/bn"):
        build_vggface(path)


def test_other_files_are_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not downloaded"):
        build_vggface(tmp_path / "missing.h5")
    path = tmp_path / "text.h5"
    path.write_text("hello")
    with pytest.raises(WeightsError, match=r"text\.h5: not a Keras weights file"):
        build_vggface(path)
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(WeightsError, match="not a Keras weights file"):
        build_vggface(tmp_path / "empty.h5")


def test_nothing_of_keras_2_is_left_behind(network: keras.Model) -> None:
    assert network.count_params() == 23_561_152
    assert "keras.engine" not in sys.modules
    assert "keras_applications" not in sys.modules
    assert not hasattr(keras.utils, "layer_utils")
