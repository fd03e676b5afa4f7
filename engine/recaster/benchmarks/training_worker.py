"""One variant of a training benchmark, in a process of its own: train, keep the marks, swap, judge.

That makes CPU time and memory the variant's alone, and leaves no network behind for the next. It gets a
``TrainingRun`` by its standard input, and reports by its standard output.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import sys
import time
from typing import IO, TYPE_CHECKING, Any, Final

from recaster.api.internal.v1.benchmark_pb2 import TrainingReport, TrainingRun
from recaster.benchmarks.process_cost import peak_bytes
from recaster.benchmarks.training_results import Cost, Point
from recaster.benchmarks.training_settings import BenchSettings
from recaster.benchmarks.training_variants import Variant
from recaster.errors import RecasterError
from recaster.evaluation.evaluate import evaluate
from recaster.files import atomic_file, parse_json, remove_folder, require_number, write_json
from recaster.models.model_folder import ModelCard, ModelFolder
from recaster.models.tensors import save_tensors
from recaster.processes.channel import Sender, path_of, progress_to_proto, receive
from recaster.processes.spawn import claim_stdout, heed_interrupts
from recaster.processes.throttle import throttled
from recaster.texts import escape
from recaster.training.types import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from recaster.models.presets import Preset
    from recaster.progress import Report, Update

STOPPED: Final = 130


def run_variant(
    variant: Variant,
    settings: BenchSettings,
    folder: Path,
    report: Report,
    report_judged: Callable[[float], None],
) -> None:
    """Does all that is not done yet for one variant, in its own folder.

    ``report_judged`` is told the seconds that each swap and its evaluation took.
    """
    points = points_of(variant, settings, folder)
    if variant.preset is None:
        points[0].write(Cost(0.0))
    else:
        for budget, marks in settings.runs():
            missing = [Point.of(folder, mark) for mark in marks if not Point.of(folder, mark).is_trained]
            if missing:
                train_run(variant.preset, settings, folder, budget, missing, report)
    for point in points:
        if not point.is_judged:
            began = time.monotonic()
            judge(variant, settings, point, report)
            report_judged(time.monotonic() - began)


def points_of(variant: Variant, settings: BenchSettings, folder: Path) -> list[Point]:
    """Lists the points of a variant, in time."""
    marks = (0.0,) if variant.preset is None else settings.marks
    return [Point.of(folder, mark) for mark in marks]


def train_run(
    preset: Preset,
    settings: BenchSettings,
    folder: Path,
    budget: float,
    missing: Sequence[Point],
    report: Report,
) -> None:
    """Trains once from scratch, or goes on where Ctrl-C stopped, and keeps a model at every missing mark.

    A training that was killed starts again: what it had cost is not known.
    """
    from recaster.facesets.faceset import Faceset
    from recaster.settings.train import Schedule
    from recaster.training.loop import train
    from recaster.training.preparation import build_training, new_model, perceptual_backbone

    model = ModelFolder(folder / (f"training-{budget:g}" if settings.separate else "training"))
    source = Faceset.open(settings.source)
    target = Faceset.open(settings.target) if settings.target and preset.family == "pairwise" else None
    spent = _cpu_seconds_spent(model, missing)
    resume = spent is not None
    if not resume:
        remove_folder(model.path, quietly=True)
    card = model.read() if resume else new_model(model, preset, source, target, settings.seed)
    weights = settings.vggface_weights if preset.losses.perceptual == "vggface" else None
    backbone = perceptual_backbone(preset, weights)
    untimed = build_training(preset, source, target, model, card.seed, backbone, report)
    training = Metered(untimed, spent or 0.0)
    if not resume:
        model.write(card)
    batch = preset.batch * (2 if preset.family == "pairwise" else 1)
    by_mark = {point.mark: point for point in missing}

    def on_mark(mark: float, step: int, seconds: float) -> None:
        with training.paused():
            cost = Cost(mark, step, seconds, training.cpu_seconds, peak_bytes(), batch)
            keep(training, model, card, by_mark[mark], cost)

    steps, minutes = (int(budget), None) if settings.unit == "steps" else (None, budget)
    schedule = Schedule(steps=steps, minutes=minutes)
    try:
        train(training, model, schedule, report, resume=resume, marks=list(by_mark), on_mark=on_mark)
    except KeyboardInterrupt:
        note = {"step": model.read().steps, "cpu_seconds": training.cpu_seconds}
        write_json(model.path / "stopped.json", note)
        raise


def _cpu_seconds_spent(model: ModelFolder, missing: Sequence[Point]) -> float | None:
    """Reads the CPU seconds of a training that Ctrl-C stopped before the missing marks; None: begin anew."""
    from recaster.training import checkpoints

    path = model.path / "stopped.json"
    if not path.is_file():
        return None
    every = checkpoints.list_checkpoints(model.checkpoints)
    try:
        note = parse_json(path.read_bytes())
        if not every or every[-1][1].step != note["step"]:
            return None
        last = every[-1][1]
        passed = last.step if last.schedule["steps"] is not None else last.seconds / 60
        spent = float(require_number(note["cpu_seconds"]))
    except (ValueError, KeyError, TypeError):  # damaged
        return None
    return spent if all(point.mark > passed for point in missing) else None


class Metered(Training[Any]):
    """A training, and the CPU time since the end of this process's first step."""

    def __init__(self, training: Training[Any], before: float) -> None:
        super().__init__(training.batches, training.model, training.preview)
        self._spent = before
        self._since: float | None = None

    @property
    def cpu_seconds(self) -> float:
        """Time on all cores so far, over all runs."""
        return self._spent + (0.0 if self._since is None else time.process_time() - self._since)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Counts nothing meanwhile."""
        self._spent = self.cpu_seconds
        self._since = None
        yield
        self._since = time.process_time()

    def step(self, rate: float) -> Mapping[str, float]:
        """Does one optimisation step; this process's first one is free, as in the budget."""
        losses = super().step(rate)
        if self._since is None:
            self._since = time.process_time()
        return losses


def keep(training: Training[Any], model: ModelFolder, card: ModelCard, point: Point, cost: Cost) -> None:
    """Writes a model that ``recaster swap -m`` takes, as it is now (OutputError)."""
    kept = ModelFolder(point.folder)
    save_tensors(kept.weights, training.weights(), {"steps": str(cost.steps)})
    if model.likeness.is_file():
        with atomic_file(kept.likeness) as temporary:
            shutil.copyfile(model.likeness, temporary)
    kept.write(dataclasses.replace(card, preset=training.preset, steps=cost.steps, seconds=cost.seconds))
    point.write(cost)


def judge(variant: Variant, settings: BenchSettings, point: Point, report: Report) -> None:
    """Swaps the clip with a point's model, and evaluates that."""
    from recaster.media.clip import Clip
    from recaster.settings.evaluate import EvaluateSettings
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.load import load_swapper
    from recaster.swapping.pipeline import swap_clip
    from recaster.swapping.request import SwapRequest

    if not point.swapped.is_file():
        if variant.preset is None:
            swapper = load_swapper(source=settings.source)
        else:
            swapper = load_swapper(point.folder, device=settings.device)
        frames = SwapSettings(frames=settings.frames)
        swap_clip(SwapRequest(Clip(settings.original), point.swapped, swapper, frames), report)
    judging = EvaluateSettings(settings.target, settings.gallery, settings.truth, settings.frames)
    evaluate(settings.original, point.swapped, settings.source, point.evaluation, judging, report)


def main(stdin: IO[bytes], stdout: IO[bytes]) -> int:
    """Trains as ``stdin`` says, and reports to ``stdout``; returns the exit code.

    The last line on standard error says what went wrong.
    """
    heed_interrupts()
    task = receive(stdin, TrainingRun)
    if task is None:
        return STOPPED
    variant = Variant.from_json(json.loads(task.variant))
    settings = BenchSettings.from_json(json.loads(task.settings))
    sender = Sender(stdout)

    def report(update: Update) -> None:
        sender.send(TrainingReport(progress=progress_to_proto(update)))

    def report_judged(seconds: float) -> None:
        sender.send(TrainingReport(judged_s=seconds))

    try:
        choose_device(variant, settings)
        run_variant(variant, settings, path_of(task.folder), throttled(report), report_judged)
    except RecasterError as error:
        sys.stderr.write(f"{escape(error)}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return STOPPED
    return 0


def choose_device(variant: Variant, settings: BenchSettings) -> None:
    """Chooses what computes; without a network there is no need for TensorFlow."""
    if settings.threads is not None:
        import cv2

        cv2.setNumThreads(settings.threads)
    if variant.preset is not None:
        from recaster.networks.device import select_device

        select_device(settings.device, settings.threads)


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, claim_stdout()))
