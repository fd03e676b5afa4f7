"""Perceptual losses: two faces compared in the features of a network that knows faces.

The gradients of such a network at the pixels are adversarial: a change of a few grey levels, that no one
sees, can turn one person into another for the network alone. So both faces are shown to it through the
same small random shift, scale and mirroring, inner layers count and not just the embedding, and who
judges identity must use another network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import keras
import numpy as np
import tensorflow as tf

from recaster.errors import UsageError, WeightsError
from recaster.networks.dlib_resnet import SIZE, ResNetWeights, build_resnet
from recaster.networks.dlib_weights import MEAN_RGB
from recaster.networks.keras_graph import KerasGraph

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# Half-widths of the random move (share of the network's input) and scale.
SHIFT: Final = 0.03
ZOOM: Final = 0.04
# Centres of the eyes (left, right as seen; x, y) in dlib's chip with padding .25, in pixels.
CHIP_EYES: Final = np.array([(0.3181, 0.3141), (0.6685, 0.3143)]) * SIZE - 0.5
_DLIB_TAPS: Final = (3, 7, 10, 13)  # outputs of dlib's network: the last block at 35, 17, 8 and 4 pixels


class Backbone(Protocol):
    """A network whose features faces are compared in.

    Attributes:
        size: side of the images it takes.
        eyes: (2, 2) float64: where it wants the centres of the eyes (left, right as seen; x, y).
        note: one line for the user: what it is, and its licence.
    """

    size: int
    eyes: NDArray[np.float64]
    note: str

    def features(self, images: tf.Tensor) -> list[tf.Tensor]:
        """Feature maps of (B, size, size, 3) float32 RGB in [0, 1], fine to coarse; differentiable."""
        ...


class DlibBackbone:
    """dlib's face recognition ResNet: blocks at four resolutions, and the embedding. Public domain."""

    note = "perceptual loss: dlib's face recognition ResNet (public domain)"

    def __init__(self) -> None:
        self.size = SIZE
        self.eyes = CHIP_EYES
        self._model = build_keras_resnet()

    def features(self, images: tf.Tensor) -> list[tf.Tensor]:
        """See ``Backbone``."""
        outputs = self._model(images * 255, training=False)
        return [*(outputs[tap] for tap in _DLIB_TAPS), outputs[0]]


def build_keras_resnet(path: Path | None = None) -> keras.Model:
    """Builds dlib's network in Keras: (B, 150, 150, 3) float32 RGB, 0 to 255, to [embedding, tap, tap, ...].

    In dlib it only runs forwards; here it can be differentiated. The embedding is (B, 128), not normalised;
    the taps are the outputs of the residual blocks, from fine to coarse. WeightsError as ``DlibFile``.
    """
    inputs = keras.Input((SIZE, SIZE, 3))
    x = (inputs - np.array(MEAN_RGB, np.float32)) / 256
    embedding, taps = build_resnet(ResNetWeights(path), KerasGraph(), x)
    model = keras.Model(inputs, [embedding, *taps], name="dlib_resnet")
    model.trainable = False
    return model


class VggFaceBackbone:
    """VGGFace's ResNet50: the three maps that faceswap-GAN compares. Research use only."""

    def __init__(self, weights: Path) -> None:
        from recaster.networks import vggface

        self._model: keras.Model
        self._model, self.note = vggface.build_vggface(weights)
        self._means = tf.constant(vggface.MEANS, tf.float32)
        self.size = vggface.SIZE
        # VGGFace2's loosely cropped faces: the eyes a little above the middle, a third of the side apart.
        self.eyes = np.array([(0.335, 0.4), (0.665, 0.4)]) * self.size - 0.5

    def features(self, images: tf.Tensor) -> list[tf.Tensor]:
        """See ``Backbone``."""
        return list(self._model(images[..., ::-1] * 255 - self._means, training=False))


def make_backbone(name: str, weights: Path | None = None) -> Backbone:
    """The backbone called "dlib-resnet", or "vggface" with the user's weights.

    Raises:
        UsageError: an unknown name.
        WeightsError: weights that are missing, damaged or wrong.
    """
    if name == "dlib-resnet":
        return DlibBackbone()
    if name != "vggface":
        raise UsageError(f"there is no perceptual backbone {name!r}; choose dlib-resnet or vggface")
    if weights is None:
        raise WeightsError(
            "the vggface perceptual loss needs its weights: give the file with --vggface-weights "
            "(research use only), or use --perceptual dlib-resnet"
        )
    return VggFaceBackbone(weights)


class PerceptualLoss:
    """Distance of painted faces from the true ones in a backbone's features.

    Each map's L1 distance is divided by the true map's mean magnitude, so that maps and backbones
    count alike whatever their scale; 0 is equal, about 1 unrelated.

    Args:
        eyes: (2, 2): mean centres of the eyes in the images that will be compared.
    """

    def __init__(self, backbone: Backbone, eyes: NDArray[np.float64]) -> None:
        self._backbone = backbone
        self._frame = tf.constant(_align_eyes(eyes, backbone.eyes), tf.float32)

    def __call__(self, real: tf.Tensor, painted: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Compares two batches (B, S, S, 3) float32 in [0, 1]: a scalar, differentiable by ``painted`` only.

        ``seed``, (2,) int32, is of the random placement.
        """
        placed = self._placements(tf.shape(real)[0], tf.random.experimental.stateless_fold_in(seed, 2))
        # No gradient through the true face: it is given, and half of the backward pass is saved.
        wanted = self._backbone.features(tf.stop_gradient(self._cut(real, placed)))
        compared = self._backbone.features(self._cut(painted, placed))
        # 1e-6 keeps the quotient finite where a map is 0 all over.
        distances = [
            tf.reduce_mean(tf.abs(a - b)) / (tf.reduce_mean(tf.abs(a)) + 1e-6)
            for a, b in zip(wanted, compared, strict=True)
        ]
        return tf.add_n(distances) / len(distances)

    def _cut(self, images: tf.Tensor, placed: tf.Tensor) -> tf.Tensor:
        """Samples the backbone's view of ``images``; beyond their border they are mirrored."""
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=images, transforms=placed, output_shape=[self._backbone.size] * 2, fill_value=0.0,
            interpolation="BILINEAR", fill_mode="REFLECT",
        )  # fmt: skip

    def _placements(self, batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """(B, 8): from the backbone's pixels to those of the images, each a little different."""
        uniform = tf.random.stateless_uniform((4, batch), seed, -1.0, 1.0)
        zoom = 1 + ZOOM * uniform[0]
        across = tf.where(uniform[3] < 0, -zoom, zoom)
        centre = (self._backbone.size - 1) / 2
        x = centre + SHIFT * self._backbone.size * uniform[1] - across * centre
        y = centre + SHIFT * self._backbone.size * uniform[2] - zoom * centre
        a, b, c, d, e, f = tf.unstack(self._frame)
        nothing = tf.zeros_like(x)
        rows = [a * across, b * zoom, a * x + b * y + c, d * across, e * zoom, d * x + e * y + f]
        return tf.stack([*rows, nothing, nothing], -1)


def _align_eyes(eyes: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """(6,): the rows of the similarity that takes ``wanted`` eyes to ``eyes``; two points fix it."""
    here, there = (pair[:, 0] + 1j * pair[:, 1] for pair in (wanted, eyes))
    factor = (there[1] - there[0]) / (here[1] - here[0])
    shift = there[0] - factor * here[0]
    return np.array([factor.real, -factor.imag, shift.real, factor.imag, factor.real, shift.imag])
