"""dlib's serialisation, read whole, and the places of arrays that the engine takes them from."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recaster.errors import WeightsError
from recaster.networks.dlib_mmod import DlibMmod
from recaster.networks.dlib_resnet import ResNetWeights
from recaster.networks.dlib_weights import MEAN_RGB, locate
from recaster.weights_registry import DLIB_DETECTOR, DLIB_IDENTITY

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def dlib_dat() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
        return import_module("dlib_dat")


def test_the_engine_takes_the_same_weights_of_the_recognition_network(dlib_dat: Any) -> None:
    network = dlib_dat.read_dat(locate(DLIB_IDENTITY.file))
    layers = dlib_dat.folded(network.layers)
    weights = ResNetWeights()
    convolutions = [layer for layer in layers if isinstance(layer, dlib_dat.Convolution)]
    for read, taken in zip(convolutions, weights.convolutions(), strict=True):
        assert np.array_equal(read.weights, taken.kernel)
        assert np.array_equal(read.biases, taken.bias)
    [dense] = [layer for layer in layers if isinstance(layer, dlib_dat.Dense)]
    assert np.array_equal(dense.weights, weights.dense())
    assert network.mean == MEAN_RGB


def test_the_engine_takes_the_same_weights_of_the_detector(dlib_dat: Any) -> None:
    network = dlib_dat.read_dat(locate(DLIB_DETECTOR.file))
    layers = dlib_dat.folded(network.layers)
    convolutions = [layer for layer in layers if isinstance(layer, dlib_dat.Convolution)]
    for read, taken in zip(convolutions, DlibMmod()._convolutions, strict=True):
        assert np.array_equal(read.weights, taken.kernel)
        assert np.array_equal(read.biases, taken.bias)
    assert network.mean == MEAN_RGB


def test_reader_finds_the_published_architecture(dlib_dat: Any) -> None:
    network = dlib_dat.read_dat(locate(DLIB_IDENTITY.file))
    convolutions = [layer for layer in network.layers if isinstance(layer, dlib_dat.Convolution)]
    assert len(convolutions) == 29
    assert network.size == (150, 150)
    assert network.mean == pytest.approx((122.782, 117.001, 104.298))
    assert network.loss["name"] == "loss_metric_2"
    assert [layer.weights.shape for layer in network.layers if isinstance(layer, dlib_dat.Dense)] == [
        (256, 128)
    ]
    assert {layer.role for layer in network.layers if isinstance(layer, dlib_dat.Mark)} == {
        "block",
        "shortcut",
        "back",
    }
    assert len(dlib_dat.folded(network.layers)) == len(network.layers) - 29


def test_reader_understands_the_detector_too(dlib_dat: Any) -> None:
    network = dlib_dat.read_dat(locate(DLIB_DETECTOR.file))
    assert network.loss["nms_iou"] == pytest.approx(0.33828, abs=1e-4)
    assert not any(isinstance(layer, dlib_dat.Pool) for layer in network.layers)


@pytest.mark.parametrize("keep", [0, 1, 40, 5000, 1_000_000])
def test_cut_files_are_a_clear_error(dlib_dat: Any, tmp_path: Path, keep: int) -> None:
    path = tmp_path / "cut.dat"
    path.write_bytes(locate(DLIB_IDENTITY.file).read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"cut\.dat: not a dlib network"):
        dlib_dat.read_dat(path)


def test_other_files_are_a_clear_error(dlib_dat: Any, tmp_path: Path) -> None:
    path = tmp_path / "other.dat"
    path.write_bytes(locate(DLIB_IDENTITY.file).read_bytes() + b"more")
    with pytest.raises(WeightsError, match="4 bytes are left over"):
        dlib_dat.read_dat(path)
    with pytest.raises(WeightsError, match="cannot be read"):
        dlib_dat.read_dat(tmp_path / "missing.dat")
