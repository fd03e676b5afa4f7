"""Training of the pairwise networks: a shared encoder, two decoders, perhaps two discriminators."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from recaster.media.sheet import contact_sheet
from recaster.networks import losses
from recaster.networks.pairwise import (
    PairwiseSwap,
    build_decoder,
    build_discriminator,
    build_encoder,
    encoder_input,
    from_network,
    named,
    split,
    to_network,
)
from recaster.networks.perceptual import PerceptualLoss
from recaster.training.augment import augment
from recaster.training.optimiser import Adam, MovingAverage
from recaster.training.types import TrainableModel, Training

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import keras

    from recaster.media.types import Image
    from recaster.models.presets import Preset
    from recaster.networks.perceptual import Backbone
    from recaster.training.pairwise_data import TrainingFaces

IDENTITIES = ("source", "target")
PREVIEW_ROWS = 4
PREVIEW_CELL_PX = 128
Terms = dict[str, tf.Tensor]
Face = tuple[tf.Tensor, tf.Tensor]
"""Inputs and true faces of one identity, (B, S, S, 5) float32 in [0, 1] each."""
Batch: TypeAlias = tuple[NDArray[np.uint8], float]
"""Canvases (2 B, C, C, 5) of source, then target, and the share of real images in mixup."""


def pairwise_training(
    preset: Preset,
    source: TrainingFaces,
    target: TrainingFaces,
    seed: int = 0,
    backbone: Backbone | None = None,
) -> Training[Batch]:
    """Makes a pairwise training.

    Args:
        source: faces of the identity that is put on.
        target: faces of the identity that it is put on.
        backbone: features for the perceptual loss, where the preset has one.
    """
    faces = {"source": source, "target": target}
    perceptual = {}
    if backbone is not None:
        perceptual = {name: PerceptualLoss(backbone, crops.eyes) for name, crops in faces.items()}
    model = PairwiseModel(preset, seed, perceptual)
    return Training(partial(_draw_batch, preset, faces, seed), model, PairwisePreview(faces, model).render)


def _draw_batch(preset: Preset, faces: Mapping[str, TrainingFaces], seed: int, step: int) -> Batch:
    random = np.random.default_rng((seed, step))
    canvases = [each.canvases[random.integers(0, len(each), preset.batch)] for each in faces.values()]
    alpha = preset.losses.mixup
    return np.concatenate(canvases), random.beta(alpha, alpha) if alpha > 0 else 1.0


class PairwiseModel(TrainableModel[Batch]):
    """An encoder, two decoders, and perhaps two discriminators in training.

    Args:
        perceptual: the perceptual loss by identity; empty for none.
    """

    _average_name = "average"

    def __init__(self, preset: Preset, seed: int, perceptual: Mapping[str, PerceptualLoss]) -> None:
        super().__init__(preset, seed)
        self._network = preset.pairwise
        self._perceptual = perceptual
        self._encoder = build_encoder(preset, seed)
        self._decoders = {name: build_decoder(preset, name, seed) for name in IDENTITIES}
        judged = IDENTITIES if preset.losses.adversarial > 0 else ()
        self._discriminators = {name: build_discriminator(preset, f"critic_{name}", seed) for name in judged}
        models = [self._encoder, *self._decoders.values(), *self._discriminators.values()]
        self._variables = {f"weights/{name}": variable for name, variable in named(*models).items()}
        self._swapping = named(self._encoder, self._decoders["source"])
        self._groups = [(name,) for name in IDENTITIES] if self._network.separate_optimisers else [IDENTITIES]
        for group in self._groups:
            decoders = [self._decoders[name] for name in group]
            self._adams[f"adam/{'+'.join(group)}"] = self._make_adam(self._encoder, *decoders)
        for discriminator in self._discriminators.values():
            self._adams[f"adam/{discriminator.name}"] = self._make_adam(discriminator)
        self._average = MovingAverage(self._swapping, preset.ema) if preset.ema > 0 else None
        self._graph = tf.function(self._train)

    def step(self, batch: Batch, rate: float) -> Mapping[str, float]:
        """Takes one optimisation step of both identities."""
        canvases, share = batch
        preset = self.preset
        due = {
            "ssim": self.steps % preset.losses.ssim_every == 0,
            "perceptual": self.steps % preset.losses.perceptual_every == 0,
        }
        terms = self._graph(
            tf.constant(canvases),
            tf.constant([self._seed, self.steps], tf.int32),
            tf.constant(rate, tf.float32),
            tf.constant(share, tf.float32),
            {name: tf.constant(value) for name, value in due.items()},
        )
        self._end_step()
        return {name: float(value) for name, value in terms.items() if due.get(name, True)}

    def _make_adam(self, *models: keras.Model) -> Adam:
        variables = [variable for model in models for variable in model.trainable_variables]
        return Adam(variables, self.preset.beta1, self.preset.beta2, self.preset.clip)

    def _train(
        self,
        canvases: tf.Tensor,
        seed: tf.Tensor,
        rate: tf.Tensor,
        share: tf.Tensor,
        due: Mapping[str, tf.Tensor],
    ) -> Terms:
        """The graph of one step; the means of both identities' loss terms."""
        inputs, truths = augment(canvases, self.preset.size, self.preset.augmentation, seed)
        halves = zip(IDENTITIES, tf.split(inputs, 2), tf.split(truths, 2), strict=True)
        faces = {name: (x, y) for name, x, y in halves}
        found: list[Terms] = []
        for group in self._groups:
            found += self._train_group(group, faces, rate, share, due, seed)
        return {name: tf.add_n([terms[name] for terms in found]) / len(found) for name in found[0]}

    def _train_group(
        self,
        group: Sequence[str],
        faces: Mapping[str, Face],
        rate: tf.Tensor,
        share: tf.Tensor,
        due: Mapping[str, tf.Tensor],
        seed: tf.Tensor,
    ) -> list[Terms]:
        """One step of one optimiser, and of the discriminators of its identities before it."""
        found: list[Terms] = []
        with tf.GradientTape() as tape:
            x = tf.concat([faces[name][0] for name in group], 0)
            codes = self._encoder(encoder_input(self.preset, x[..., :3], x[..., 3:4]), training=True)
            for name, code in zip(group, tf.split(codes, len(group)), strict=True):
                decoded = self._decoders[name](code, training=True)
                # The discriminator learns from what was painted; no gradient of it reaches the decoder.
                with tape.stop_recording():
                    taught = self._train_discriminator(name, decoded, faces[name], rate, share)
                found.append({**self._terms(name, decoded, faces[name], share, due, seed), **taught})
            total = tf.add_n([terms["loss"] for terms in found])
        adam = self._adams[f"adam/{'+'.join(group)}"]
        adam.apply(tape.gradient(total, adam.variables), rate)
        return found

    def _terms(
        self,
        name: str,
        decoded: tf.Tensor,
        face: Face,
        share: tf.Tensor,
        due: Mapping[str, tf.Tensor],
        seed: tf.Tensor,
    ) -> Terms:
        """One identity's generator losses: their weighted sum as "loss", and each of them unweighted."""
        settings = self.preset.losses
        network = self._network
        truth = to_network(self.preset, face[1][..., :3])
        painted = self._shown_face(decoded, face[0])
        weights = self._pixel_weights(face[1])
        span = 2.0 if network.architecture == "classic" else 1.0
        weighted: list[tuple[str, float, Any]] = [
            ("l1", settings.reconstruction, lambda: losses.weighted_l1(truth, painted, weights)),
            ("gradient", settings.gradient, lambda: losses.gradient_l1(truth, painted, weights)),
            ("ssim", settings.ssim, lambda: losses.ssim_loss(truth, painted, weights, span)),
            (
                "adversarial",
                settings.adversarial,
                lambda: losses.generator_loss(
                    self._discriminators[name], *self._judged(decoded, face), share, settings.mixup
                ),
            ),
            *self._mask_terms(decoded, face[1]),
        ]
        if self._perceptual:
            real = face[1][..., :3]
            fake = from_network(self.preset, painted)
            compare = self._perceptual[name]
            weighted.append(("perceptual", settings.perceptual_weight, lambda: compare(real, fake, seed)))
        terms = {key: _term_if_due(due.get(key), term) for key, weight, term in weighted if weight > 0}
        total = tf.add_n([weight * terms[key] for key, weight, _ in weighted if weight > 0])
        return {"loss": total, **terms}

    def _mask_terms(self, decoded: tf.Tensor, truth: tf.Tensor) -> list[tuple[str, float, Any]]:
        network = self._network
        mask = split(decoded)[1]
        if mask is None:
            return []
        taught = network.mask_weight if network.mask == "hull" else 0.0
        return [
            ("mask", taught, lambda: tf.reduce_mean(tf.abs(truth[..., 3:4] - mask))),
            ("mask_area", network.mask_area, lambda: tf.reduce_mean(mask)),
            ("mask_hinge", network.mask_hinge, lambda: losses.mask_hinge(mask, network.mask_floor)),
            ("mask_variation", network.mask_variation, lambda: losses.total_variation(mask)),
        ]

    def _pixel_weights(self, truth: tf.Tensor) -> tf.Tensor:
        """(B, S, S, 1) with mean 1 over each batch: background, face, eyes and mouth."""
        network = self._network
        weights = network.background_weight + network.hull_weight * truth[..., 3:4]
        weights += network.region_weight * truth[..., 4:5]
        return weights / tf.reduce_mean(weights)

    def _shown_face(self, decoded: tf.Tensor, inputs: tf.Tensor) -> tf.Tensor:
        """The painted face; blended with what the network was given where the mask blends."""
        colours, mask = split(decoded)
        if self._network.mask != "blend" or mask is None:
            return colours
        return mask * colours + (1 - mask) * to_network(self.preset, inputs[..., :3])

    def _judged(self, decoded: tf.Tensor, face: Face) -> tuple[tf.Tensor, tf.Tensor]:
        """The true and the painted face as a discriminator is shown them: with a blended input beside."""
        real = to_network(self.preset, face[1][..., :3])
        fake = self._shown_face(decoded, face[0])
        if self._network.mask != "blend":
            return real, fake
        seen = to_network(self.preset, face[0][..., :3])
        return tf.concat([real, seen], -1), tf.concat([fake, seen], -1)

    def _train_discriminator(
        self, name: str, decoded: tf.Tensor, face: Face, rate: tf.Tensor, share: tf.Tensor
    ) -> Terms:
        """One step of an identity's discriminator, where there is one."""
        if not self._discriminators:
            return {}
        discriminator = self._discriminators[name]
        real, fake = self._judged(decoded, face)
        with tf.GradientTape() as tape:
            loss = losses.discriminator_loss(discriminator, real, fake, share, self.preset.losses.mixup)
        adam = self._adams[f"adam/{discriminator.name}"]
        adam.apply(tape.gradient(loss, adam.variables), rate)
        return {"discriminator": loss}


class PairwisePreview:
    """Draws columns: source, its reconstruction, target, the swap (shown through its mask)."""

    def __init__(self, faces: Mapping[str, TrainingFaces], model: PairwiseModel) -> None:
        self._faces = faces
        self._model = model
        self._swap: PairwiseSwap | None = None

    def render(self) -> Image:
        """The sheet, ``PREVIEW_ROWS`` rows of faces."""
        if self._swap is None:
            self._swap = PairwiseSwap(self._model.preset, self._model.weights())
        else:
            self._swap.load(self._model.weights())
        columns: list[np.ndarray] = []
        for faces in self._faces.values():
            crops = faces.crops(np.linspace(0, len(faces) - 1, PREVIEW_ROWS).astype(int))
            hulls = (crops[..., 3] / 255).astype(np.float32)
            painted, masks = self._swap.swap(np.ascontiguousarray(crops[..., :3]), hulls)
            share = masks[..., None]
            swapped = np.rint(share * painted + (1 - share) * crops[..., :3]).astype(np.uint8)
            columns += [crops[..., :3], swapped]
        images = [image for row in zip(*columns, strict=True) for image in row]
        captions = ["source", "reconstruction", "target", "swap", *[""] * (len(images) - 4)]
        return contact_sheet(images, 4, (PREVIEW_CELL_PX, PREVIEW_CELL_PX), captions)


def _term_if_due(due: tf.Tensor | None, term: Any) -> tf.Tensor:
    """``term()``, or 0 on steps where it is not due; both ways are in one graph."""
    return term() if due is None else tf.cond(due, term, lambda: tf.constant(0.0))
