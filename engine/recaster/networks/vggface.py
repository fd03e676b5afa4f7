"""VGGFace (ResNet50) through keras-vggface 0.6, a package written for Keras 2, on Keras 3.

The package is used as it is; what Keras 3 has moved or forbids is put in its place only while it is
imported and while it builds, so that no other code sees a changed Keras. Its weights are not downloaded:
the user gives the file. They may be used for research only (Visual Geometry Group, Oxford).
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
import types
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import h5py
import keras
import numpy as np

from recaster.errors import WeightsError
from recaster.files import sha256
from recaster.weights_registry import VGGFACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SIZE: Final = 224
MEANS: Final = (91.4953, 103.8827, 131.0912)  # taken off blue, green and red in [0, 255]: its input is BGR
TAPS: Final = ((55, 256), (28, 512), (7, 2048))  # sides and channels of the maps that faceswap-GAN compares


def build_vggface(weights: Path) -> tuple[keras.Model, str]:
    """The ResNet50 of VGGFace2: (B, 224, 224, 3) BGR with the means taken off, to its ``TAPS``.

    ``weights`` are ``rcmalli_vggface_tf_notop_resnet50.h5`` or the file with the classifier. With the model
    comes a line for the user: the licence and the file's SHA-256.

    Raises:
        WeightsError: the file is missing or damaged, or its layers or shapes are others.
    """
    values = read_weights(weights)
    network = build_network()
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(_check_shapes(weights, layer, values))
    taps = [_find_stage_end(network, side, channels) for side, channels in TAPS]
    model = keras.Model(network.inputs[0], taps, name="vggface")
    model.trainable = False
    return model, f"{VGGFACE.licence} ({VGGFACE.origin}); {weights.name} sha256 {sha256(weights)}"


def build_network() -> keras.Model:
    """keras-vggface's ResNet50 without its classifier, with random weights."""
    with _as_keras2():
        models = importlib.import_module("keras_vggface.models")
        renamed = {name: _without_slashes(getattr(models, name)) for name in ("Conv2D", "BatchNormalization")}
        with mock.patch.multiple(models, **renamed):
            return models.RESNET50(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))


def read_weights(path: Path) -> dict[str, list[np.ndarray]]:
    """The arrays of every layer in a weights file of Keras 2, by name (WeightsError where it is none)."""
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such file; VGGFace weights are not downloaded, give yours")
    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)
            return {
                _text(name): [
                    np.asarray(root[name][part], np.float32) for part in root[name].attrs["weight_names"]
                ]
                for name in root.attrs["layer_names"]
            }
    except (OSError, KeyError, ValueError) as error:
        raise WeightsError(f"{path}: not a Keras weights file ({error})") from None


def _check_shapes(path: Path, layer: keras.Layer, values: Mapping[str, list[np.ndarray]]) -> list[np.ndarray]:
    name = layer.name.replace("__", "/")
    wanted = [tuple(weight.shape) for weight in layer.weights]
    shapes = [value.shape for value in values.get(name, [])]
    if shapes != wanted:
        raise WeightsError(f"{path}: layer {name} has arrays {shapes}, expected {wanted}")
    return values[name]


def _find_stage_end(network: keras.Model, side: int, channels: int) -> keras.KerasTensor:
    """The output of the last rectifier with this shape: the end of a stage."""
    outputs = [
        layer.output
        for layer in network.layers
        if isinstance(layer, keras.layers.Activation) and layer.output.shape[1:] == (side, side, channels)
    ]
    return outputs[-1]


def _without_slashes(layer: type[keras.Layer]) -> Any:
    """Keras 3 allows no slash in a layer's name."""

    @functools.wraps(layer, updated=())
    def make(*arguments: Any, name: str, **options: Any) -> keras.Layer:
        return layer(*arguments, name=name.replace("/", "__"), **options)

    return make


@contextlib.contextmanager
def _as_keras2() -> Iterator[None]:
    """The modules of Keras 2 that keras-vggface imports from, for as long as it needs them."""
    modules = {
        "keras_applications": {},
        "keras_applications.imagenet_utils": {"_obtain_input_shape": lambda given, **_limits: given},
        "keras.utils.data_utils": {"get_file": keras.utils.get_file},
        "keras.engine": {},
        "keras.engine.topology": {"get_source_inputs": keras.utils.get_source_inputs},
    }
    made = {}
    for name, contents in modules.items():
        made[name] = types.ModuleType(name)
        vars(made[name]).update(contents)
    unused = types.SimpleNamespace(convert_all_kernels_in_model=None)
    with (
        mock.patch.dict(sys.modules, made),
        mock.patch.object(keras.utils, "layer_utils", unused, create=True),
    ):
        yield


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
