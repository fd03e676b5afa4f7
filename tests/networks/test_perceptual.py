from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from recaster.errors import UsageError, WeightsError
from recaster.networks.perceptual import SHIFT, ZOOM, DlibBackbone, PerceptualLoss, make_backbone

SEED = tf.constant([3, 4])


class Pixels:
    """A backbone whose features are the pixels themselves."""

    size = 40
    eyes = np.array([(12.0, 16.0), (28.0, 16.0)])
    note = "pixels"

    def features(self, images: tf.Tensor) -> list[tf.Tensor]:
        self.seen = images
        return [images]


def spots(size: int, eyes: np.ndarray) -> np.ndarray:
    """A picture with a red spot at the left eye and a green one at the right."""
    y, x = np.mgrid[:size, :size]
    image = np.zeros((1, size, size, 3), np.float32)
    for channel, (a, b) in enumerate(eyes):
        image[0, ..., channel] = np.exp(-((x - a) ** 2 + (y - b) ** 2) / 8)
    return image


def centre(channel: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: channel.shape[0], : channel.shape[1]]
    return np.array([(x * channel).sum(), (y * channel).sum()]) / channel.sum()


def test_faces_are_put_where_the_backbone_wants_them() -> None:
    backbone = Pixels()
    eyes = np.array([(30.0, 40.0), (70.0, 44.0)])
    loss = PerceptualLoss(backbone, eyes)
    mirrored = set()
    for number in range(12):
        image = tf.constant(spots(100, eyes))
        assert float(loss(image, image, tf.constant([number, 0]))) == 0
        found = np.array([centre(backbone.seen.numpy()[0, ..., channel]) for channel in (0, 1)])
        mirror = found[0, 0] > found[1, 0]
        mirrored.add(bool(mirror))
        if mirror:
            found[:, 0] = 39 - found[:, 0]
        room = (SHIFT + ZOOM) * backbone.size + 1
        assert np.abs(found - backbone.eyes).max() < room
    assert mirrored == {True, False}


def test_the_same_seed_looks_the_same_way() -> None:
    loss = PerceptualLoss(Pixels(), Pixels.eyes)
    a, b = (tf.constant(np.random.default_rng(n).uniform(0, 1, (2, 40, 40, 3)), tf.float32) for n in (0, 1))
    assert float(loss(a, b, SEED)) == float(loss(a, b, SEED))
    assert float(loss(a, b, SEED)) != float(loss(a, b, SEED + 1))


def test_dlib_tells_pictures_apart_and_gives_gradients() -> None:
    backbone = make_backbone("dlib-resnet")
    assert isinstance(backbone, DlibBackbone)
    loss = PerceptualLoss(backbone, np.array([(30.0, 30.0), (66.0, 30.0)]))
    a, b = (tf.constant(np.random.default_rng(n).uniform(0, 1, (1, 96, 96, 3)), tf.float32) for n in (0, 1))
    with tf.GradientTape() as tape:
        tape.watch(b)
        value = loss(a, b, SEED)
    gradient = tape.gradient(value, b)
    assert float(value) > 0.05
    assert float(loss(a, a, SEED)) == 0
    better = b - 0.05 * gradient / tf.reduce_max(tf.abs(gradient))
    assert float(loss(a, better, SEED)) < float(value)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(UsageError, match="choose dlib-resnet or vggface"):
        make_backbone("other")
    with pytest.raises(WeightsError, match="--vggface-weights"):
        make_backbone("vggface")
