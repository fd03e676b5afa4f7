"""Train the network that finds what is in front of a face, on rendered people (scripts/actors/README.md).

    .venv/bin/python scripts/occluders/train.py FACESETS WORK

FACESETS holds one faceset per person. WORK keeps the weights while they are learned (what is there already
is gone on with: give such a run another seed) and, in the end, occluders.tflite. Every tenth person is held
out to measure by.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from examples import example, person_in

from recaster.likeness.occluders import CHANNELS, SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras
    from examples import Person
    from numpy.typing import NDArray

WIDTHS = (16, 32, 64, 96)
BATCH, STEPS, SEED = 8, 4000, 7
AVERAGED = 0.998
RATE, WARMUP, DECAY_FROM, DECAY_TO = 1.5e-3, 100, 0.5, 0.02
HELD_OUT, HELD_BATCHES, MEASURE_EVERY = 10, 8, 250
DRAWERS, AHEAD = 2, 6


def main() -> None:
    """Learn, measure, and write the network as .tflite with float16 weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("facesets", type=Path, metavar="FACESETS")
    parser.add_argument("work", type=Path, metavar="WORK")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=SEED, help="another one where weights are gone on with")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    people_in(options.facesets)  # the processes that draw are forked and find them there
    with ProcessPoolExecutor(DRAWERS, multiprocessing.get_context("fork")) as drawers:
        held = [drawers.submit(draw, options.facesets, SEED, i, True) for i in range(HELD_BATCHES)]
        drawn = deque(
            drawers.submit(draw, options.facesets, options.seed, step, False) for step in range(AHEAD)
        )
        learner = Learner(options.work / "occluders.weights.h5")
        for step in range(options.steps):
            loss = learner.step(*drawn.popleft().result(), rate(step / options.steps, step))
            drawn.append(drawers.submit(draw, options.facesets, options.seed, step + AHEAD, False))
            if step % MEASURE_EVERY == MEASURE_EVERY - 1:
                learner.measure([one.result() for one in held], f"step {step + 1}: loss {loss:.3f}")
        learner.average()
        learner.measure([one.result() for one in held], "averaged")
    learner.export(options.work / "occluders.tflite")


@lru_cache(maxsize=1)
def people_in(facesets: Path) -> list[Person]:
    """The people of a folder of facesets."""
    return [person_in(folder) for folder in sorted(facesets.iterdir()) if folder.is_dir()]


def draw(facesets: Path, seed: int, step: int, held: bool) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The batch of a step, of people to learn from or of those held out."""
    random = np.random.default_rng((seed, held, step))
    people = [one for i, one in enumerate(people_in(facesets)) if (i % HELD_OUT == 0) == held]
    shown, wanted = zip(*(example(people, random) for _ in range(BATCH)), strict=True)
    return np.stack(shown), np.stack(wanted)


def rate(spent: float, step: int) -> float:
    """The learning rate: up at first, down in the end."""
    return RATE * min(1, (step + 1) / WARMUP) * max(DECAY_TO, min(1, (1 - spent) / (1 - DECAY_FROM)))


def network() -> keras.Model:
    """A small U-Net (Ronneberger et al., 2015); out: logits (B, SIZE, SIZE, 1)."""
    import keras
    from keras import layers, ops

    def conv(x: keras.KerasTensor, width: int, kernel: int = 3, stride: int = 1) -> keras.KerasTensor:
        made = layers.Conv2D(width, kernel, stride, "same", kernel_initializer="he_normal")
        return ops.leaky_relu(made(x), 0.1)

    x = shown = keras.Input((SIZE, SIZE, CHANNELS))
    skips = []
    for depth, width in enumerate(WIDTHS):
        x = conv(conv(x, width, 5 if depth == 0 else 3, 2), width)
        skips.append(x)
    for width, skip in zip(WIDTHS[-2::-1], skips[-2::-1], strict=True):
        x = layers.UpSampling2D(interpolation="bilinear")(x)
        x = conv(conv(ops.concatenate([x, skip], -1), width), width)
    return keras.Model(shown, ops.depth_to_space(layers.Conv2D(4, 3, padding="same")(x), 2))


class Learner:
    """The network in training."""

    def __init__(self, kept: Path) -> None:
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(SEED)
        self._kept, self._network = kept, network()
        if kept.exists():
            self._network.load_weights(kept)
        self._adam = keras.optimizers.Adam(RATE, clipnorm=1.0, use_ema=True, ema_momentum=AVERAGED)
        self._update = tf.function(self._take_step)

    def step(self, shown: NDArray[np.uint8], wanted: NDArray[np.uint8], rate: float) -> float:
        """Take one step; its loss."""
        self._adam.learning_rate.assign(rate)
        return float(self._update(shown, wanted))

    def _take_step(self, shown: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> object:
        """Cross entropy and soft Dice, over the face more than around it."""
        import tensorflow as tf

        unit, goal = (tf.cast(one, tf.float32) / 255 for one in (shown, wanted))
        weight = 0.15 + unit[..., CHANNELS - 1 :]
        with tf.GradientTape() as tape:
            logits = self._network(unit, training=True)
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(goal, logits)
            said = tf.sigmoid(logits)
            both = tf.reduce_sum(weight * said * goal)
            dice = 1 - (2 * both + 50) / (tf.reduce_sum(weight * (said + goal)) + 50)
            loss = tf.reduce_sum(weight * entropy) / tf.reduce_sum(weight) + 0.3 * dice
        gradients = tape.gradient(loss, self._network.trainable_variables)
        self._adam.apply_gradients(zip(gradients, self._network.trainable_variables, strict=True))
        return loss

    def measure(self, held: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]], when: str) -> None:
        """Print how well it does on people it has not seen, and keep the weights."""
        said = (
            np.concatenate([self._network(shown / np.float32(255), training=False) for shown, _ in held]) > 0
        )
        shown, wanted = (np.concatenate(parts) for parts in zip(*held, strict=True))
        face = shown[..., CHANNELS - 1 :] > 127
        said, true = said & face, (wanted > 127) & face
        union = (said & true).sum() / max(1, (said | true).sum())
        false = (said & ~true).sum() / face.sum()
        print(
            f"{when}, held out: IoU {union:.3f}, false {false:.4f} of the face",
            flush=True,
        )
        self._network.save_weights(self._kept)

    def average(self) -> None:
        """Take the moving average of the weights instead of the last ones."""
        self._adam.finalize_variable_values(self._network.trainable_variables)

    def export(self, path: Path) -> None:
        """Write the network for LiteRT."""
        import tensorflow as tf

        converter = tf.lite.TFLiteConverter.from_keras_model(self._network)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
        path.write_bytes(converter.convert())


if __name__ == "__main__":
    main()
