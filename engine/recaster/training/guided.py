"""Training the guided network on the source alone: from its own warped pixels back to its frames."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from recaster.faces import topology
from recaster.faces.neutral_shape import mesh_to_crop
from recaster.likeness.conditioning import CHANNELS, EYES, FACE, INNER_LIPS, IRISES, LIPS, PARTS
from recaster.networks import losses
from recaster.networks.guided import (
    build_guided,
    build_guided_discriminator,
    composed,
    kept,
    painting,
    reduced,
)
from recaster.networks.pairwise import named
from recaster.networks.perceptual import PerceptualLoss
from recaster.training.batches import Batch, Batches
from recaster.training.optimiser import Adam, MovingAverage
from recaster.training.types import TrainableModel, Training

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import keras
    from numpy.typing import NDArray

    from recaster.media.types import Image
    from recaster.models.presets import Augmentation, Preset
    from recaster.networks.perceptual import Backbone
    from recaster.training.guided_data import Source

_PREVIEW_FACES = 6


def guided_training(
    preset: Preset,
    sources: Sequence[Source],
    seed: int = 0,
    start: Mapping[str, np.ndarray] | None = None,
    backbone: Backbone | None = None,
    processes: int = 0,
) -> Training[Batch]:
    """Makes a guided training.

    Args:
        sources: one identity for a model, many for weights to start others from.
        start: weights to begin with, as ``start_weights`` names them, instead of random ones.
        backbone: what the perceptual loss compares faces in; None for no such loss.
        processes: how many processes draw its batches; 0 for a thread of this one.

    Raises:
        ModelError: the start weights do not fit the preset.
    """
    compare = None if backbone is None else PerceptualLoss(backbone, _eyes(sources[0]))
    model = GuidedModel(preset, seed, start, compare)
    preview = partial(_draw_preview, sources, model.network, preset.augmentation)
    return Training(Batches(sources, preset, seed, processes).next, model, preview)


class GuidedModel(TrainableModel[Batch]):
    """The guided network and its discriminator in training; the arguments are ``guided_training``'s."""

    _average_name = "ema"

    def __init__(
        self,
        preset: Preset,
        seed: int = 0,
        start: Mapping[str, np.ndarray] | None = None,
        perceptual: PerceptualLoss | None = None,
    ) -> None:
        super().__init__(preset, seed)
        self._perceptual = perceptual
        self.network = build_guided(preset, CHANNELS, seed)
        self._swapping = named(self.network)
        self._discriminator: Any = None
        models = {"adam": self.network}
        if preset.losses.adversarial > 0:
            self._discriminator = models["adam/critic"] = build_guided_discriminator(preset, 3 + PARTS, seed)
        self._variables = named(*models.values())
        for name, model in models.items():
            variables = list(named(model).values())
            self._adams[name] = Adam(variables, preset.beta1, preset.beta2, preset.clip)
        if start is not None:
            self._assign(start)
        self._average = MovingAverage(self._swapping, preset.ema) if preset.ema > 0 else None
        self._update = tf.function(self._take_step)

    def step(self, batch: Batch, rate: float) -> dict[str, float]:
        """Takes one step at learning rate ``rate``; losses by name."""
        condition, truth = batch
        alpha = self.preset.losses.mixup
        random = np.random.default_rng((self._seed, self.steps, 1))
        compared = self._perceptual is not None and self.steps % self.preset.losses.perceptual_every == 0
        values = self._update(
            tf.constant(condition),
            tf.constant(truth),
            tf.constant(rate, tf.float32),
            tf.constant(random.beta(alpha, alpha) if alpha > 0 else 1.0, tf.float32),
            tf.constant([self._seed, self.steps], tf.int32),
            tf.constant(compared),
        )
        self._end_step()
        return {name: float(value) for name, value in values.items() if name != "perceptual" or compared}

    def weights(self) -> dict[str, np.ndarray]:
        """The arrays of a swap: the moving average once it moved, else the weights that are trained."""
        if self.steps < self.preset.ema_every:
            return {name: variable.numpy() for name, variable in self._swapping.items()}
        return super().weights()

    def start_weights(self) -> dict[str, np.ndarray]:
        """The arrays that another training can begin with: those of a swap, and the discriminator."""
        discriminator = named(self._discriminator) if self._discriminator else {}
        return {**{name: variable.numpy() for name, variable in discriminator.items()}, **self.weights()}

    def _take_step(
        self,
        condition: tf.Tensor,
        truth: tf.Tensor,
        rate: tf.Tensor,
        share: tf.Tensor,
        seed: tf.Tensor,
        compared: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """The graph of one step: the network's, then the discriminator's on what was painted."""
        shown = tf.cast(condition, tf.float32) / 255
        true = tf.cast(truth, tf.float32) / 255
        with tf.GradientTape() as tape:
            output = self.network(shown, training=True)
            painted = composed(shown, output)
            # Around the face nothing is asked for: both are shown with the true surroundings.
            face = shown[..., FACE : FACE + 1]
            whole = face * painted + (1 - face) * true
            weighted = {
                **self._differences(shown, true, painted, output),
                **self._likeness_terms(shown, true, whole, share, seed, compared),
                "texture": (self.preset.guided.texture, self._texture(shown, true, output)),
            }
            total = tf.add_n([weight * value for weight, value in weighted.values()])
        adam = self._adams["adam"]
        adam.apply(tape.gradient(total, adam.variables), rate)
        values = {"loss": total, **{name: value for name, (_, value) in weighted.items()}}
        if self._discriminator:
            values["discriminator"] = self._train_discriminator(
                shown, true, tf.stop_gradient(whole), rate, share
            )
        return values

    def _differences(
        self, shown: tf.Tensor, true: tf.Tensor, painted: tf.Tensor, output: tf.Tensor
    ) -> dict[str, tuple[float, tf.Tensor]]:
        """Weight and value of each term that compares pixel by pixel.

        Eyes and mouth are compared as they are. Skin is compared at the network's own size and softened:
        its detail never lies just where the true face has it, and of two pictures the smoother would be
        the nearer one. (Gradients and SSIM look at all of the face at that size.)
        """
        terms = self.preset.losses
        guided = self.preset.guided
        size = self.preset.size
        seen = reduced(shown, size)
        weight = _importance(seen)
        sharp = _features(seen)
        skin = weight * (1 - sharp)
        features = tf.image.resize(weight * sharp, true.shape[1:3])
        everywhere = tf.image.resize(weight, true.shape[1:3])
        # The order of terms is that in which gradients are summed up: another rounds otherwise.
        alone = painting(output)
        coarse, coarse_painted = (losses.softened(reduced(each, size), sharp) for each in (true, painted))
        trusted = tf.reduce_mean(skin * seen[..., FACE : FACE + 1] * (1 - reduced(kept(output), size)))
        l1 = losses.weighted_l1(coarse, coarse_painted, skin) + losses.weighted_l1(true, painted, features)
        return {
            "l1": (terms.reconstruction, l1),
            "gradient": (terms.gradient, losses.gradient_l1(coarse, coarse_painted, weight)),
            "ssim": (terms.ssim, losses.ssim_loss(coarse, coarse_painted, weight)),
            # The painting is also judged by itself, to the pixel: where the warp is kept it would learn
            # nothing, and where skin is compared softened it would be free to draw patterns.
            "alone": (guided.alone, losses.weighted_l1(true, alone, everywhere)),
            "painted": (guided.trust, trusted),
        }

    def _likeness_terms(
        self,
        shown: tf.Tensor,
        true: tf.Tensor,
        whole: tf.Tensor,
        share: tf.Tensor,
        seed: tf.Tensor,
        compared: tf.Tensor,
    ) -> dict[str, tuple[float, tf.Tensor]]:
        """Weight and value of each term that looks at the picture as a whole."""
        terms = {}
        if self._discriminator:
            settings = self.preset.losses
            scores = partial(self._scores, shown)
            value = losses.generator_loss(scores, true, whole, share, settings.mixup)
            terms["adversarial"] = settings.adversarial, value
        if self._perceptual:
            compare = self._perceptual
            value = tf.cond(compared, lambda: compare(true, whole, seed), lambda: tf.constant(0.0))
            terms["perceptual"] = self.preset.losses.perceptual_weight, value
        return terms

    def _texture(self, shown: tf.Tensor, true: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
        """Difference of the skin's amount of fine detail from the true one's, as far as the warp is kept.

        It teaches where to keep the warp's detail and not what to paint: any pattern would do for it.
        """
        sharp = tf.image.resize(_features(reduced(shown, self.preset.size)), true.shape[1:3])
        skin = shown[..., FACE : FACE + 1] * (1 - sharp)
        return losses.texture_l1(true, shown[..., :3], kept(output), skin / tf.reduce_mean(skin))

    def _train_discriminator(
        self, shown: tf.Tensor, true: tf.Tensor, whole: tf.Tensor, rate: tf.Tensor, share: tf.Tensor
    ) -> tf.Tensor:
        """One step of the discriminator; its loss."""
        mixup = self.preset.losses.mixup
        with tf.GradientTape() as tape:
            loss = losses.discriminator_loss(partial(self._scores, shown), true, whole, share, mixup)
            loss = loss / 2 if mixup == 0 else loss  # the mean of its two halves
        adam = self._adams["adam/critic"]
        adam.apply(tape.gradient(loss, adam.variables), rate)
        return loss

    def _scores(self, shown: tf.Tensor, picture: tf.Tensor) -> tf.Tensor:
        """The discriminator's scores of a picture, with the parts of the face that it should show."""
        return self._discriminator(tf.concat([picture, shown[..., -PARTS:]], -1), training=True)


def _draw_preview(sources: Sequence[Source], network: keras.Model, amounts: Augmentation) -> Image:
    """Columns of faces (3 sides, ``_PREVIEW_FACES`` sides, 3): the source's frame, the warp, the result."""
    shown = [sources[int(i)] for i in np.linspace(0, len(sources) - 1, _PREVIEW_FACES)]
    places = np.linspace(0, 1, _PREVIEW_FACES)
    pairs = [
        source.draw(round(place * (len(source) - 1)), amounts)
        for source, place in zip(shown, places, strict=True)
    ]
    conditions = np.stack([condition for condition, _ in pairs])
    scaled = tf.constant(conditions, tf.float32) / 255
    output = network(scaled, training=False)
    results = np.rint(np.clip(composed(scaled, output), 0, 1) * 255).astype(np.uint8)
    truths = np.stack([truth for _, truth in pairs])
    return np.vstack([np.hstack(list(row)) for row in (truths, conditions[..., :3], results)])


def _eyes(source: Source) -> NDArray[np.float64]:
    """(2, 2): where the centres of the eyes are in training crops."""
    points = mesh_to_crop(source.likeness.mesh, source.size)
    return points[[topology.EYE_CORNERS_LEFT, topology.EYE_CORNERS_RIGHT], :2].mean(1)


def _importance(condition: tf.Tensor) -> tf.Tensor:
    """(B, size, size, 1), mean 1: the face over its surroundings, eyes and mouth over the face."""
    features = _features(condition)
    inner = condition[..., INNER_LIPS : INNER_LIPS + 1] + condition[..., IRISES : IRISES + 1]
    weight = 0.12 + condition[..., FACE : FACE + 1] + 2 * features + 1.5 * inner
    return weight / tf.reduce_mean(weight)


def _features(condition: tf.Tensor) -> tf.Tensor:
    """(B, size, size, 1), 0 to 1: eyes and mouth, and two pixels around them."""
    mouth = tf.maximum(condition[..., LIPS : LIPS + 1], condition[..., INNER_LIPS : INNER_LIPS + 1])
    return tf.nn.max_pool2d(tf.maximum(mouth, condition[..., EYES : EYES + 1]), 5, 1, "SAME")
