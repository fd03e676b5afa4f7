"""Train the network that finds what is in front of a face, on rendered people (scripts/actors/README.md).

    .venv/bin/python scripts/occluders/train.py CROWD FACESETS HANDS WORK [--start OCCLUDERS.tflite]

CROWD holds one folder of rendered pictures per person, FACESETS a faceset of each under the same name (a
person without one is left out), HANDS hands of
scripts/actors/render_hands.py. WORK keeps the weights while they are learned (what is there already
is gone on with: give such a run another seed) and, in the end, occluders.tflite. Every tenth person and every
tenth hand is held out to measure by.

What was learned may have cost something that was known before: always.tflite is the mean (--mean) of the
network that it began with (--start) and, three times, of what came of it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from examples import example, person_in
from hands import hands_in

from recaster.appearance.face_appearance import COARSE_PX
from recaster.appearance.occluders import CHANNELS, FACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras
    from examples import Person
    from numpy.typing import NDArray

WIDTHS = (16, 32, 64, 96)
EDGES = 16
BATCH = 8
MINUTES = 45.0
SEED = 7
AVERAGED = 0.995
RATE = 1e-3
WARMUP = 60
DECAY_FROM = 0.2
DECAY_TO = 0.05
HELD_OUT = 10
HELD_BATCHES = 4
MEASURE_EVERY = 100
DRAWERS = 1
"""Processes that draw examples."""
PREFETCHED_BATCHES = 6
MIN_BATCHES = 8
"""Learning begins with so many."""
MAX_BATCHES = 700
"""So many are kept and shown again, since drawing takes longer than learning."""


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("crowd", type=Path, metavar="CROWD")
    parser.add_argument("facesets", type=Path, metavar="FACESETS")
    parser.add_argument("hands", type=Path, metavar="HANDS")
    parser.add_argument("work", type=Path, metavar="WORK")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--start", type=Path, help="a network to begin with the weights of")
    parser.add_argument("--seed", type=int, default=SEED, help="another one where weights are gone on with")
    parser.add_argument(
        "--mean",
        type=Path,
        nargs="+",
        help="learn nothing: write the mean of networks (.weights.h5, .tflite)",
    )
    return parser


def main() -> None:
    """Learn, measure, and write the network as .tflite with float16 weights."""
    options = make_parser().parse_args()
    if options.mean:
        export(mean_of(options.mean), options.work)
        return
    options.work.mkdir(parents=True, exist_ok=True)
    export(learn(options).network, options.work)


def learn(options: argparse.Namespace) -> Learner:
    """Trains for the wanted minutes, on examples that processes draw meanwhile."""
    folders = (options.crowd, options.facesets, options.hands)
    drawn_from(*folders)  # the processes that draw are forked and find them there
    random = np.random.default_rng(options.seed)
    began = time.monotonic()
    with ProcessPoolExecutor(DRAWERS, multiprocessing.get_context("fork")) as drawers:
        held = [drawers.submit(draw, folders, SEED, i, True) for i in range(HELD_BATCHES)]
        coming = deque(
            drawers.submit(draw, folders, options.seed, i, False) for i in range(PREFETCHED_BATCHES)
        )
        learner = Learner(options.work / "occluders.weights.h5", options.start)
        drawn: deque[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = deque(maxlen=MAX_BATCHES)
        step = batches = 0
        while (spent := (time.monotonic() - began) / 60 / options.minutes) < 1:
            fresh = 0
            while coming[0].done() or len(drawn) < MIN_BATCHES:
                drawn.append(coming.popleft().result())
                coming.append(
                    drawers.submit(draw, folders, options.seed, batches + PREFETCHED_BATCHES, False)
                )
                batches = batches + 1
                fresh = fresh + 1
            shown, wanted = mixed(drawn, random)
            loss = learner.step(shown, wanted, rate(spent, step))
            step += 1
            if step % MEASURE_EVERY == 0:
                learner.measure(
                    [one.result() for one in held], f"step {step}, {batches} drawn: loss {loss:.3f}"
                )
        for one in coming:
            one.cancel()
        learner.average()
        learner.measure([one.result() for one in held], "averaged")
    return learner


def mixed(
    drawn: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]], random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A batch of examples out of several batches: drawing takes longer than learning."""
    batches = [drawn[i] for i in random.integers(len(drawn), size=BATCH)]
    places = random.integers(BATCH, size=BATCH)
    shown, wanted = zip(*((a[i], b[i]) for (a, b), i in zip(batches, places, strict=True)), strict=True)
    return np.stack(shown), np.stack(wanted)


@lru_cache(maxsize=1)
def drawn_from(crowd: Path, facesets: Path, hands: Path) -> tuple[list[Person], list[NDArray[np.uint8]]]:
    """The people of a folder of facesets, rendered to another, and the hands of a third."""
    folders = [folder for folder in sorted(facesets.iterdir()) if folder.is_dir()]
    return [person_in(folder, crowd / folder.name) for folder in folders], hands_in(hands)


def draw(
    folders: tuple[Path, Path, Path], seed: int, step: int, held: bool
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The batch of a step, of people to learn from or of those held out."""
    random = np.random.default_rng((seed, held, step))
    people, hands = (
        [one for i, one in enumerate(some) if (i % HELD_OUT == 0) == held] for some in drawn_from(*folders)
    )
    shown, wanted = zip(*(example(people, hands, random) for _ in range(BATCH)), strict=True)
    return np.stack(shown), np.stack(wanted)


def rate(spent: float, step: int) -> float:
    """The learning rate: up at first, down in the end."""
    return RATE * min(1, (step + 1) / WARMUP) * max(DECAY_TO, min(1, (1 - spent) / (1 - DECAY_FROM)))


def network() -> keras.Model:
    """A small U-Net (Ronneberger et al., 2015) of the faces compared, and a finer look at the picture.

    Out: logits (B, FINE, FINE, 1).
    """
    import keras
    from keras import layers, ops

    def conv(x: keras.KerasTensor, width: int, kernel: int = 3, stride: int = 1) -> keras.KerasTensor:
        made = layers.Conv2D(width, kernel, stride, "same", kernel_initializer="he_normal")
        return ops.leaky_relu(made(x), 0.1)

    def larger(x: keras.KerasTensor) -> keras.KerasTensor:
        return layers.UpSampling2D(interpolation="bilinear")(x)

    shown = keras.Input((COARSE_PX, COARSE_PX, CHANNELS))
    x = shown[..., : FACE + 1]
    skips = []
    for depth, width in enumerate(WIDTHS):
        x = conv(conv(x, width, 5 if depth == 0 else 3, 2), width)
        skips.append(x)
    for width, skip in zip(WIDTHS[-2::-1], skips[-2::-1], strict=True):
        x = conv(conv(ops.concatenate([larger(x), skip], -1), width), width)
    coarse = ops.depth_to_space(layers.Conv2D(4, 3, padding="same")(x), 2)
    near = ops.concatenate([larger(x), coarse, shown[..., 3:]], -1)
    edges = layers.Conv2D(4, 3, padding="same", kernel_initializer="zeros")(conv(conv(near, EDGES), EDGES))
    return keras.Model(shown, larger(coarse) + ops.depth_to_space(edges, 2))


def begin_with(model: keras.Model, path: Path) -> None:
    """Take the first weights of a network from a .tflite file of one that has as many or fewer layers."""
    from recaster.networks.litert import load_interpreter

    read = load_interpreter(path.read_bytes())
    found = [one for one in read.get_tensor_details() if one["dtype"] is np.float16]
    kernels = [read.get_tensor(one["index"]) for one in found if len(one["shape"]) == 4]
    biases = [read.get_tensor(one["index"]) for one in found if len(one["shape"]) == 1]
    order = [one for one in model.layers if one.weights]
    for layer, kernel, bias in zip(order, kernels, biases, strict=False):
        layer.set_weights([kernel.transpose(1, 2, 3, 0).astype(np.float32), bias.astype(np.float32)])


class Learner:
    """The network in training."""

    def __init__(self, kept: Path, start: Path | None) -> None:
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(SEED)
        self._kept = kept
        self.network = network()
        if kept.exists():
            self.network.load_weights(kept)
        elif start is not None:
            begin_with(self.network, start)
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
        face = tf.repeat(tf.repeat(unit[..., FACE : FACE + 1], 2, 1), 2, 2)
        weight = (0.15 + face) * goal[..., 1:] * (1 + 3 * goal[..., :1])
        goal = goal[..., :1]
        with tf.GradientTape() as tape:
            logits = self.network(unit, training=True)
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(goal, logits)
            said = tf.sigmoid(logits)
            both = tf.reduce_sum(weight * said * goal)
            dice = 1 - (2 * both + 200) / (tf.reduce_sum(weight * (said + goal)) + 200)
            loss = tf.reduce_sum(weight * entropy) / tf.reduce_sum(weight) + 0.3 * dice
        gradients = tape.gradient(loss, self.network.trainable_variables)
        self._adam.apply_gradients(zip(gradients, self.network.trainable_variables, strict=True))
        return loss

    def measure(self, held: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]], when: str) -> None:
        """Print how well it does on people it has not seen, and keep the weights."""
        said = (
            np.concatenate([self.network(shown / np.float32(255), training=False) for shown, _ in held]) > 0
        )
        shown, wanted = (np.concatenate(parts) for parts in zip(*held, strict=True))
        face = (shown[..., FACE] > 127).repeat(2, 1).repeat(2, 2) & (wanted[..., 1] > 127)
        said = said[..., 0] & face
        true = (wanted[..., 0] > 127) & face
        union = (said & true).sum() / max(1, (said | true).sum())
        false = (said & ~true).sum() / face.sum()
        print(
            f"{when}, held out: IoU {union:.3f}, false {false:.4f} of the face",
            flush=True,
        )
        self.network.save_weights(self._kept)

    def average(self) -> None:
        """Take the moving average of the weights instead of the last ones."""
        self._adam.finalize_variable_values(self.network.trainable_variables)


def mean_of(paths: Sequence[Path]) -> keras.Model:
    """A network whose weights are the mean of others' that have one beginning (Wortsman et al., 2022).

    It keeps what each of them knows, also where the last was shown little of what the first had learned.
    """
    mean = network()
    weights = []
    for path in paths:
        if path.suffix == ".tflite":
            begin_with(mean, path)
        else:
            mean.load_weights(path)
        weights.append([np.array(one) for one in mean.get_weights()])
    mean.set_weights([np.mean(some, 0) for some in zip(*weights, strict=True)])
    return mean


def export(model: keras.Model, work: Path) -> None:
    """Write a network for LiteRT."""
    import tensorflow as tf

    work.mkdir(parents=True, exist_ok=True)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    (work / "occluders.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    main()
