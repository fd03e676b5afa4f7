"""Varied training faces, as one TensorFlow graph over the whole batch.

Every face is turned, scaled, moved and perhaps mirrored; then its input is warped by a jittered 5x5
grid, and the target is the same face through the similarity that fits that grid best, so that the
network learns to undo the warp and nothing else (deepfakes/faceswap, kept by faceswap-GAN). Both are
sampled from the canvas in one go, so nothing is blurred twice.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from recaster.models.presets import Augmentation

GRID_NODES = 5  # of the warping grid along each side


def augment(
    canvases: tf.Tensor, size: int, settings: Augmentation, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Varies a batch of faces.

    Args:
        canvases: (B, C, C, K) uint8, the crop of side ``size`` in the middle.
        seed: (2,) int32; the same seed gives the same result.

    Returns:
        Inputs and targets, both (B, size, size, K) float32 in [0, 1]: the warped faces, and the same
        faces unwarped, each pair mirrored, turned, scaled and moved alike.
    """
    batch = tf.shape(canvases)[0]
    # Seeds of their own, so that more of one kind of variation doesn't change the other.
    warped, straight = _grids(
        size, settings.warp * size, batch, tf.random.experimental.stateless_fold_in(seed, 0)
    )
    frame = _affine(size, settings, batch, tf.random.experimental.stateless_fold_in(seed, 1))
    margin = (canvases.shape[1] - size) / 2
    both = tf.stack([warped, straight], 1)  # (B, 2, size, size, 2)
    centre = (size - 1) / 2
    points = tf.einsum("bnyxi,bij->bnyxj", both - centre, frame[:, :2]) + frame[:, None, None, None, 2]
    sampled = _sample(canvases, points + centre + margin)
    return sampled[:, 0], sampled[:, 1]


def _affine(size: int, settings: Augmentation, batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """(B, 3, 2): two rows that turn, scale and mirror a point about the centre, one that moves it."""
    uniform = tf.random.stateless_uniform((5, batch), seed, -1.0, 1.0)
    angle = uniform[0] * math.radians(settings.rotation)
    zoom = 1 + uniform[1] * settings.zoom
    mirror = tf.where(uniform[4] < 2 * settings.flip - 1, -1.0, 1.0)
    cosine = tf.cos(angle) * zoom
    sine = tf.sin(angle) * zoom
    rows = [
        tf.stack([mirror * cosine, mirror * sine], -1),
        tf.stack([-sine, cosine], -1),
        tf.stack([uniform[2], uniform[3]], -1) * settings.shift * size,
    ]
    return tf.stack(rows, 1)


def _grids(size: int, spread: float, batch: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Origins (x, y) of each pixel of the warped and of the straight face: (B, size, size, 2) each."""
    jitter = tf.random.stateless_normal((batch, GRID_NODES, GRID_NODES, 2), seed, stddev=spread)
    pixels = tf.constant(_lattice(np.arange(size)))
    weights = tf.constant(_bilinear(size))
    warped = pixels + tf.einsum("yi,xj,bijc->byxc", weights, weights, jitter)
    nodes = tf.constant(_lattice(np.linspace(-0.5, size - 0.5, GRID_NODES)))
    return warped, _straighten(nodes, nodes + jitter, pixels)


def _straighten(regular: tf.Tensor, jittered: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
    """Maps pixels back through the least-squares similarity from the jittered nodes to the regular.

    Umeyama (1991), in the plane: with z = x + iy and both sets centred, the similarity is one complex
    factor, sum(conj(jittered) * regular) / sum(|jittered|^2).
    """
    end = tf.reduce_mean(regular, (0, 1))
    start = tf.reduce_mean(jittered, (1, 2), keepdims=True)
    p = jittered - start
    q = regular - end
    size = tf.reduce_sum(p * p, (1, 2, 3))
    real = tf.reduce_sum(p * q, (1, 2, 3)) / size
    imaginary = tf.reduce_sum(p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0], (1, 2)) / size
    norm = tf.square(real) + tf.square(imaginary)
    real = (real / norm)[:, None, None]
    imaginary = (imaginary / norm)[:, None, None]
    x, y = pixels[..., 0] - end[0], pixels[..., 1] - end[1]
    return tf.stack([real * x + imaginary * y, real * y - imaginary * x], -1) + start


def _sample(canvases: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
    """Bilinear samples (B, ..., K) float32 in [0, 1]; beyond the canvas its border is repeated.

    ``canvases`` are (B, C, C, K) uint8, ``points`` (B, ..., 2) float32, (x, y) in canvas pixels.
    """
    side = canvases.shape[1]
    channels = canvases.shape[3]
    points = tf.clip_by_value(points, 0.0, side - 1.0)
    corner = tf.minimum(tf.floor(points), side - 2.0)
    fraction = points - corner
    index = tf.cast(corner[..., 1] * side + corner[..., 0], tf.int32)
    flat = tf.reshape(canvases, (-1, side * side, channels))

    def pixel(offset: int) -> tf.Tensor:
        return tf.cast(tf.gather(flat, index + offset, batch_dims=1), tf.float32)

    across = fraction[..., :1]
    down = fraction[..., 1:]
    upper = pixel(0) * (1 - across) + pixel(1) * across
    lower = pixel(side) * (1 - across) + pixel(side + 1) * across
    return (upper * (1 - down) + lower * down) / 255


def _lattice(values: np.ndarray) -> np.ndarray:
    """(len, len, 2) float32: (x, y) of a square lattice."""
    return np.stack(np.meshgrid(values, values), -1).astype(np.float32)


def _bilinear(size: int) -> np.ndarray:
    """(size, NODES) float32: the nodes' weights at each pixel's centre; the outer nodes lie on the rim."""
    place = (np.arange(size) + 0.5) / size * (GRID_NODES - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(GRID_NODES))).astype(np.float32)
