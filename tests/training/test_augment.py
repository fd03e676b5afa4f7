from __future__ import annotations

import numpy as np
import tensorflow as tf

from recaster.models.presets import Augmentation
from recaster.training.augment import augment

SIZE = 64
SIDE = 96
STILL = Augmentation(rotation=0.0, zoom=0.0, shift=0.0, flip=0.0, warp=0.0)
SEED = tf.constant([7, 3])


def where(settings: Augmentation, batch: int = 8, seed: tf.Tensor = SEED) -> tuple[np.ndarray, np.ndarray]:
    """Canvas pixel that each pixel of inputs and targets shows: (B, SIZE, SIZE, 2), (x, y)."""
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    canvas = np.broadcast_to(np.stack([x, y], -1).astype(np.uint8), (batch, SIDE, SIDE, 2))
    inputs, targets = augment(tf.constant(canvas), SIZE, settings, seed)
    return inputs.numpy() * 255, targets.numpy() * 255


def straight() -> np.ndarray:
    x, y = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
    return np.stack([x, y], -1) + (SIDE - SIZE) / 2


def similarity_of(field: np.ndarray) -> tuple[np.ndarray, float]:
    """The least-squares (a, b, tx, ty) of x' = ax - by + tx, y' = bx + ay + ty, and its worst error."""
    x = straight()[..., 0].ravel()
    y = straight()[..., 1].ravel()
    one = np.ones_like(x)
    nothing = np.zeros_like(x)
    rows = np.concatenate([np.stack([x, -y, one, nothing], 1), np.stack([y, x, nothing, one], 1)])
    seen = np.concatenate([field[..., 0].ravel(), field[..., 1].ravel()])
    found = np.linalg.lstsq(rows, seen, rcond=None)[0]
    return found, float(np.abs(rows @ found - seen).max())


def test_nothing_asked_nothing_done() -> None:
    for field in where(STILL):
        np.testing.assert_allclose(field, np.broadcast_to(straight(), field.shape), atol=1e-4)


def test_without_warp_input_and_target_are_the_same_similarity() -> None:
    inputs, targets = where(Augmentation(rotation=10.0, zoom=0.05, shift=0.03, flip=0.0, warp=0.0))
    np.testing.assert_allclose(inputs, targets, atol=1e-4)
    scales = []
    for field in targets:
        (a, b, _, _), error = similarity_of(field)
        assert error < 1e-2
        scales.append((np.hypot(a, b), np.degrees(np.arctan2(b, a))))
    zooms, turns = np.array(scales).T
    assert np.abs(zooms - 1).max() <= 0.0501
    assert np.abs(turns).max() <= 10.01
    assert turns.std() > 2


def test_warp_bends_the_input_and_the_target_follows_as_a_similarity() -> None:
    inputs, targets = where(Augmentation(rotation=0.0, zoom=0.0, shift=0.0, flip=0.0, warp=0.03), 16)
    bent = []
    apart = []
    still = []
    for seen, wanted in zip(inputs, targets, strict=True):
        assert similarity_of(wanted)[1] < 1e-2
        bent.append(similarity_of(seen)[1])
        apart.append(np.abs(seen - wanted).mean())
        still.append(np.abs(seen - straight()).mean())
    assert min(bent) > 1
    assert np.mean(apart) < 0.97 * np.mean(still)  # the target takes the warp's own similarity along
    offsets = inputs[:, ::16, ::16] - straight()[::16, ::16]
    assert 0.6 < offsets.std() / (0.03 * SIZE) < 1.2


def test_flip_mirrors_both_alike() -> None:
    mirrored = Augmentation(rotation=0.0, zoom=0.0, shift=0.0, flip=1.0, warp=0.0)
    for field in where(mirrored):
        np.testing.assert_allclose(field[..., 0], np.broadcast_to(straight()[:, ::-1, 0], field.shape[:3]))
        np.testing.assert_allclose(field[..., 1], np.broadcast_to(straight()[..., 1], field.shape[:3]))
    _, some = where(Augmentation(rotation=0.0, zoom=0.0, shift=0.0, flip=0.5, warp=0.0), 64)
    share = (some[:, 0, 0, 0] > some[:, 0, -1, 0]).mean()
    assert 0.3 < share < 0.7


def test_beyond_the_canvas_the_border_is_repeated() -> None:
    _, targets = where(Augmentation(rotation=0.0, zoom=0.0, shift=2.0, flip=0.0, warp=0.0), 32)
    assert targets.min() >= 0
    assert targets.max() <= SIDE - 1 + 1e-4


def test_same_seed_same_faces() -> None:
    settings = Augmentation(flip=0.5, warp=0.02)
    first, again, other = (where(settings, seed=tf.constant([7, n])) for n in (3, 3, 4))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert np.abs(first[0] - other[0]).max() > 0.1
    assert np.abs(first[0][0] - first[0][1]).max() > 0.1
