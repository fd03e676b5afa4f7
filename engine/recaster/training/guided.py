"""Training the guided network on the source alone: from its own warped pixels back to its frames."""

from __future__ import annotations

import collections
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from recaster.errors import ModelError, UsageError
from recaster.faces import alignment
from recaster.likeness import geometry
from recaster.likeness.condition import CHANNELS, EYES, FACE, INNER_LIPS, IRISES, LIPS, draw
from recaster.likeness.form import canonical_expressions, mesh_in_crop
from recaster.likeness.likeness import Likeness
from recaster.networks import losses
from recaster.networks.guided import build_guided, kept, paint, painting
from recaster.networks.pairwise import named
from recaster.progress import Report, Update, silent
from recaster.training.optimiser import Adam, MovingAverage, wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.records import FaceRecord
    from recaster.media.types import Image
    from recaster.networks.model_folder import ModelFolder
    from recaster.networks.presets import Preset

MOST_FACES = 1500
"""More faces than this are thinned out evenly: they would fill the memory and add little."""

_NEIGHBOURS = 0.4
"""Seconds around a reference within which it may not be shown for a training face."""

_MODES = 20
_EXPRESSION_NOISE = 0.12
_POINT_NOISE = 0.2
_AHEAD = 2
_PREVIEWS = 6


@dataclass(frozen=True, eq=False)
class SourceFaces:
    """The source's training faces in memory.

    Attributes:
        crops: (N, S, S, 3) uint8, stored crops reduced to what training needs.
        points: (N, 478, 3) float64, meshes in the crops' pixels.
        near: (N, K) bool, which references are too close in time to be shown for a face.
    """

    crops: NDArray[np.uint8]
    points: Floats
    near: NDArray[np.bool_]


def load_source(faceset: Faceset, likeness: Likeness, size: int, report: Report = silent) -> SourceFaces:
    """Read a faceset's faces at about twice the training crop's resolution.

    Args:
        faceset: the source's.
        likeness: made from the same faceset.
        size: side of the training crop in pixels.
        report: told about every face.
    """
    records = faceset.records
    if len(records) > MOST_FACES:
        records = tuple(records[i] for i in np.linspace(0, len(records) - 1, MOST_FACES).astype(int))
    side = min(faceset.size, 3 * size)
    shrink = side / faceset.size
    matrix = np.array([[shrink, 0.0, (shrink - 1) / 2], [0.0, shrink, (shrink - 1) / 2]])
    points = np.stack([alignment.transform(record.landmarks, matrix) for record in records])
    crops = np.empty((len(records), side, side, 3), np.uint8)
    for index, record in enumerate(records):
        crops[index] = alignment.warp(faceset.crop(record), matrix, side)
        report(Update("loading faces", index + 1, len(records), "faces"))
    known = {record.id: record for record in faceset.records}
    shown = tuple(known[int(identifier)] for identifier in likeness.records)
    return SourceFaces(crops, points, _too_near(records, shown))


def _too_near(records: Sequence[FaceRecord], references: Sequence[FaceRecord]) -> NDArray[np.bool_]:
    """(N, K): which references may not be shown for which face: those of the same moment of a clip.

    Where that leaves none, as in a clip of less than a second, only a reference itself is left out,
    and nothing at all where it is the only one.
    """
    times, moments = (np.array([one.time for one in some]) for some in (records, references))
    sources, origins = (np.array([one.source_id for one in some]) for some in (records, references))
    same = np.equal.outer([one.id for one in records], [one.id for one in references])
    close = np.abs(np.subtract.outer(times, moments)) <= _NEIGHBOURS
    near = same | (close & np.equal.outer(sources, origins))
    near = np.where(near.all(1, keepdims=True), same, near)
    return near & ~near.all(1, keepdims=True)


class GuidedTrainee:
    """A guided model in training; see ``Trainee``.

    Batches are drawn by a thread, a few steps ahead, from (seed, step) alone; it ends with the trainee.

    Args:
        preset: a guided preset.
        faceset: the source's faces.
        folder: where the likeness is kept; read if a model was begun there, written otherwise.
        seed: what every random number follows from.
        report: told while faces are loaded.

    Raises:
        FaceNotFoundError: too few faces.
        ModelError: the folder's likeness is broken or of other faces.
        UsageError: the folder's model was begun with another size or number of references.
    """

    def __init__(
        self, preset: Preset, faceset: Faceset, folder: ModelFolder, seed: int = 0, report: Report = silent
    ) -> None:
        self.preset = preset
        self._seed, self._step = seed, 0
        self.likeness = _likeness(preset, faceset, folder)
        self._faces = load_source(faceset, self.likeness, preset.size, report)
        self._expressions, self._fits = canonical_expressions(self._faces.points, self.likeness.mesh)
        self._modes = _expression_modes(self._expressions - self.likeness.form.neutral)
        self.network = build_guided(preset, CHANNELS, seed)
        self._variables = named(self.network)
        trained = list(self._variables.values())
        self._adam = Adam(trained, preset.beta1, preset.beta2, preset.clip)
        self._average = MovingAverage(self._variables, preset.ema)
        self._drawer = ThreadPoolExecutor(1, "recaster-batches")
        self._drawn: collections.deque[Future[tuple[NDArray[np.uint8], NDArray[np.uint8]]]] = (
            collections.deque()
        )
        self._update = tf.function(self._take_step)

    def step(self, rate: float) -> dict[str, float]:
        """Take one step at learning rate ``rate``; losses by name."""
        condition, truth = self._next_batch()
        values = self._update(tf.constant(condition), tf.constant(truth), tf.constant(rate, tf.float32))
        self._step += 1
        if self.preset.ema and self._step % self.preset.ema_every == 0:
            self._average.update()
        return {name: float(value) for name, value in values.items()}

    def state(self) -> dict[str, np.ndarray]:
        """Weights, optimiser slots, moving average and step."""
        weights = {f"network/{name}": variable.numpy() for name, variable in self._variables.items()}
        return {
            **weights,
            **self._adam.state("adam"),
            **self._average.state("ema"),
            "step": np.array(self._step),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go back to an earlier ``state`` (ModelError where it is another model's)."""
        for name, variable in self._variables.items():
            variable.assign(wanted(state, f"network/{name}", tuple(variable.shape)))
        self._adam.restore(state, "adam")
        self._average.restore(state, "ema")
        self._step = int(wanted(state, "step", ()))
        self._drawn.clear()

    def weights(self) -> dict[str, np.ndarray]:
        """What a swap needs: the moving average where there is one."""
        if self.preset.ema and self._step >= self.preset.ema_every:
            return self._average.values()
        return {name: variable.numpy() for name, variable in self._variables.items()}

    def preview(self) -> Image:
        """Columns of faces: the source's frame, the warp alone, the network's result."""
        chosen = np.linspace(0, len(self._faces.crops) - 1, _PREVIEWS).astype(int)
        pairs = [self._draw_face(int(i), None) for i in chosen]
        conditions = np.stack([pair[0] for pair in pairs])
        scaled = tf.constant(conditions, tf.float32) / 255
        painted = np.asarray(paint(scaled, self.network(scaled, training=False)))
        results = np.clip(np.round(painted * 255), 0, 255).astype(np.uint8)
        truths = np.stack([pair[1] for pair in pairs])
        return np.vstack([np.hstack(list(row)) for row in (truths, conditions[..., :3], results)])

    def _next_batch(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        while len(self._drawn) <= _AHEAD:
            self._drawn.append(self._drawer.submit(self._draw_batch, self._step + len(self._drawn)))
        return self._drawn.popleft().result()

    def _draw_batch(self, step: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Conditions (B, size, size, CHANNELS) and true faces (B, size, size, 3) of one step."""
        random = np.random.default_rng((self._seed, step))
        chosen = random.integers(len(self._faces.crops), size=self.preset.batch)
        drawn = [self._draw_face(int(index), random) for index in chosen]
        return np.stack([condition for condition, _ in drawn]), np.stack([truth for _, truth in drawn])

    def _draw_face(self, index: int, random: np.random.Generator | None) -> tuple[NDArray[np.uint8], Image]:
        """One face as the network sees it, varied if ``random`` is given, and as it should paint it."""
        size, points = self.preset.size, self._faces.points[index]
        matrix = geometry.fit_crop(points, mesh_in_crop(self.likeness.mesh, size))
        if random is not None:
            matrix = alignment.compose(self._jitter(random), matrix)
            points = self._noisy(index, random)
        weights = self.likeness.weights(points[None], self._faces.near[index][None])[0]
        moved = alignment.transform(points, matrix)
        condition = draw(self.likeness, moved, weights, size).condition
        return condition, alignment.warp(self._faces.crops[index], matrix, size)

    def _noisy(self, index: int, random: np.random.Generator) -> Floats:
        """A face's mesh with a little of another expression: what a landmarker might have said."""
        shift = random.normal(0, _EXPRESSION_NOISE, len(self._modes)) @ self._modes
        jitter = random.normal(0, _POINT_NOISE / self.preset.size, self._expressions.shape[1:])
        moved = self._expressions[index] + shift.reshape(-1, 3) + jitter
        fit = geometry.Rigid(self._fits.linear[index], self._fits.offset[index])
        return fit.undo(moved)

    def _jitter(self, random: np.random.Generator) -> Floats:
        """A small turn, zoom and shift of the crop about its centre, (2, 3)."""
        amounts, size = self.preset.augmentation, self.preset.size
        turn = np.radians(random.uniform(-amounts.rotation, amounts.rotation))
        zoom = 1 + random.uniform(-amounts.zoom, amounts.zoom)
        shift = random.uniform(-amounts.shift, amounts.shift, 2) * size
        linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        centre = np.full(2, (size - 1) / 2)
        return np.concatenate([linear, (centre + shift - linear @ centre)[:, None]], -1)

    def _take_step(self, condition: tf.Tensor, truth: tf.Tensor, rate: tf.Tensor) -> dict[str, tf.Tensor]:
        terms, scaled = self.preset.losses, tf.cast(condition, tf.float32) / 255
        true = tf.cast(truth, tf.float32) / 255
        weight = _importance(scaled)
        with tf.GradientTape() as tape:
            output = self.network(scaled, training=True)
            painted = paint(scaled, output)
            # The painting is also judged by itself: where the warp is kept it would learn nothing.
            values = {
                "alone": losses.weighted_l1(true, painting(output), weight),
                "painted": tf.reduce_mean(weight * scaled[..., FACE : FACE + 1] * (1 - kept(output))),
                "l1": losses.weighted_l1(true, painted, weight),
                "gradient": losses.gradient_l1(true, painted, weight),
                "ssim": losses.ssim_loss(true, painted, weight),
            }
            total = (
                terms.reconstruction * values["l1"]
                + terms.gradient * values["gradient"]
                + terms.ssim * values["ssim"]
                + self.preset.guided.alone * values["alone"]
                + self.preset.guided.trust * values["painted"]
            )
        self._adam.apply(tape.gradient(total, self._adam.variables), rate)
        return {"loss": total, **values}


def _likeness(preset: Preset, faceset: Faceset, folder: ModelFolder) -> Likeness:
    """The likeness that the folder's model was begun with, or a new one.

    One without a model beside it is what an earlier attempt left, perhaps of other faces: it is replaced.
    """
    if folder.exists() and folder.likeness.is_file():
        begun = folder.read().preset
        if (begun.size, begun.guided.references) != (preset.size, preset.guided.references):
            raise UsageError(
                f"{folder.path}: was begun with size {begun.size} and {begun.guided.references} references; "
                "resume without --size and --references, or train a new model"
            )
        likeness = Likeness.load(folder.likeness)
        missing = set(likeness.records.tolist()) - {record.id for record in faceset.records}
        if missing:
            raise ModelError(
                f"{folder.likeness}: was made from other faces than this faceset's; "
                "train into a new model folder, or with the faceset it was begun with"
            )
        return likeness
    likeness = Likeness.from_faceset(faceset, preset.guided.references, 2 * preset.size)
    likeness.save(folder.likeness)
    return likeness


def _expression_modes(offsets: Floats) -> Floats:
    """(M, 478 * 3): principal directions of a person's expressions, one standard deviation long."""
    flat = (offsets - offsets.mean(0)).reshape(len(offsets), -1)
    _, singular, directions = np.linalg.svd(flat, full_matrices=False)
    count = min(_MODES, len(singular))
    return directions[:count] * (singular[:count] / np.sqrt(len(flat)))[:, None]


def _importance(condition: tf.Tensor) -> tf.Tensor:
    """(B, size, size, 1), mean 1: the face over its surroundings, eyes and mouth over the face."""
    mouth = tf.maximum(condition[..., LIPS : LIPS + 1], condition[..., INNER_LIPS : INNER_LIPS + 1])
    features = tf.nn.max_pool2d(tf.maximum(mouth, condition[..., EYES : EYES + 1]), 5, 1, "SAME")
    inner = condition[..., INNER_LIPS : INNER_LIPS + 1] + condition[..., IRISES : IRISES + 1]
    weight = 0.12 + condition[..., FACE : FACE + 1] + 2 * features + 1.5 * inner
    return weight / tf.reduce_mean(weight)
