"""The training loop: the same for every ``Training``.

The first step of a run builds the graph, which can take longer than hundreds of later ones: it is
reported and does not count against a budget in minutes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.errors import TrainingError
from recaster.media.sheet import save_image
from recaster.models.tensors import save_tensors
from recaster.progress import Report, Update, clock, silent
from recaster.training import checkpoints
from recaster.training.checkpoints import CheckpointInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from recaster.models.model_folder import ModelFolder
    from recaster.models.presets import Preset
    from recaster.settings.train import Schedule
    from recaster.training.types import Training

SMOOTHING: Final = 0.98  # share of the smoothed loss that one step keeps, once there were many
# A checkpoint waits until this many times the last one's writing time has passed: at most 5 % is spent.
MIN_CHECKPOINT_INTERVAL: Final = 20
LOG_EVERY_STEPS: Final = 10  # between two points of the TensorBoard curves
LOG_FLUSH_MS: Final = 10_000  # until what was logged can be read


@dataclass(frozen=True)
class TrainResult:
    """Outcome of a training: steps and seconds of its budget over all runs, smoothed losses by name.

    Attributes:
        first_step: seconds that the first step of this run took (building the graph), not counted.
    """

    steps: int
    seconds: float
    losses: dict[str, float]
    first_step: float

    def summary(self) -> str:
        """The result in one line of words."""
        if self.first_step == 0:
            return f"nothing left to do: {self.steps} steps are done; ask for more with --steps or --minutes"
        shown = ", ".join(f"{name} {value:.4f}" for name, value in self.losses.items())
        return (
            f"{self.steps} steps in {clock(self.seconds)} "
            f"(and {self.first_step:.0f} s to build the network); {shown}"
        )


def learning_rate(preset: Preset, step: int, spent: float) -> float:
    """Linear warm-up, a plateau, and a linear fall at the end.

    ``step`` is the number of steps before this one, ``spent`` the share of the budget that is spent.
    """
    rise = min(1.0, (step + 1) / preset.warmup) if preset.warmup else 1.0
    if spent <= preset.decay_from:
        return preset.learning_rate * rise
    left = max(0.0, 1 - spent) / (1 - preset.decay_from)
    return preset.learning_rate * rise * max(preset.decay_to, left)


def train(
    training: Training[Any],
    folder: ModelFolder,
    schedule: Schedule,
    report: Report = silent,
    *,
    resume: bool = False,
    marks: Sequence[float] = (),
    on_mark: Callable[[float, int, float], None] | None = None,
    on_saved: Callable[[int], None] | None = None,
) -> TrainResult:
    """Trains until the schedule's budget is spent.

    ``model.json`` must be in ``folder`` already. Writes weights, checkpoints, previews and
    TensorBoard events there on the way. Ctrl-C ends the step, writes a checkpoint and then raises
    KeyboardInterrupt; a second one does not wait, nor one before the first step is done, in which the
    network is built and there is nothing new to save.

    Args:
        resume: go on from the latest checkpoint, where there is one.
        marks: points on the way, in the schedule's unit (steps or minutes), at most the budget.
        on_mark: called with the mark, the steps and the seconds so far, at the end of the step that
            reaches a mark; what it takes does not count against the budget.
        on_saved: called with the step of the last checkpoint when one, or a preview, was written and the
            folder is whole; what it takes does not count, either.

    Raises:
        TrainingError: a loss or a weight became infinite or not a number; checkpoints are kept.
        ModelError: the checkpoint is broken or of another model.
        OutputError: the folder cannot be written, or the disk is full; checkpoints are kept.
    """
    run = _Run(training, folder, schedule, report, sorted(marks), on_mark, on_saved)
    if resume:
        run.resume()
    with _hold_interrupts(lambda: run.begun) as interrupted, _open_curves(folder) as (draw, flush):
        run.flush = flush
        while schedule.spent(run.step, run.seconds) < 1:
            run.take_step()
            run.pass_marks()
            if run.step == 1 or run.step % LOG_EVERY_STEPS == 0:
                draw(run.step, run.losses)
            if interrupted():
                run.checkpoint()
                raise KeyboardInterrupt
            run.write_due()
        run.pass_marks()  # the last moments may have reached the end
        run.finish()
    return TrainResult(run.step, run.seconds, dict(run.losses), run.first_step)


@dataclass
class _Run:
    """One run of the loop: what it works on, and what changes with every step."""

    training: Training[Any]
    folder: ModelFolder
    schedule: Schedule
    report: Report
    marks: list[float]
    on_mark: Callable[[float, int, float], None] | None
    on_saved: Callable[[int], None] | None
    flush: Callable[[], None] = lambda: None
    step: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    first_step: float = 0.0
    _before: float = 0.0  # seconds of earlier runs
    _began: float | None = None  # clock after this run's first step
    _saved_step: int | None = None
    _saved_at: float = 0.0
    _saving_took: float = 0.0
    _shown_step: int | None = None
    _shown_at: float = 0.0

    @property
    def begun(self) -> bool:
        """True once this run has done a step."""
        return self._began is not None

    @property
    def seconds(self) -> float:
        """Time that counts against the budget."""
        return self._before + (0.0 if self._began is None else time.monotonic() - self._began)

    def resume(self) -> None:
        """Goes back to the latest checkpoint; without one, starts at the beginning."""
        kept = checkpoints.load_latest(self.folder.checkpoints)
        if kept is not None:
            info, state = kept
            self.training.restore(state)
            self.step = info.step
            self._before = info.seconds
            self.losses = dict(info.losses)
            self._saved_step = info.step

    def take_step(self) -> None:
        """Takes one optimisation step."""
        spent = self.schedule.spent(self.step, self.seconds)
        rate = learning_rate(self.training.preset, self.step, spent)
        began = time.monotonic()
        if self._began is None:
            self.report(Update("building the network", 0, None, "steps"))
        losses = self.training.step(rate)
        for name, value in losses.items():
            if not math.isfinite(value):
                raise self._diverged(f"the loss {name!r} is {value}")
        self.step += 1
        if self._began is None:
            self._began = self._saved_at = self._shown_at = time.monotonic()
            self.first_step = self._began - began
        kept = min(SMOOTHING, (self.step - 1) / self.step)  # at first, the mean of all steps
        for name, value in losses.items():
            self.losses[name] = kept * self.losses.get(name, value) + (1 - kept) * value
        self._report_progress()

    def pass_marks(self) -> None:
        """Tells of the marks that are reached, with the clock stopped."""
        budget = self.schedule.steps or self.schedule.minutes or 1
        while self.marks and self.schedule.spent(self.step, self.seconds) >= self.marks[0] / budget:
            mark = self.marks.pop(0)
            seconds = self.seconds
            with self._stopped_clock():
                if self.on_mark is not None:
                    self.on_mark(mark, self.step, seconds)

    @contextlib.contextmanager
    def _stopped_clock(self) -> Iterator[None]:
        """Lets what a block takes count against nothing."""
        began = time.monotonic()
        yield
        took = time.monotonic() - began
        if self._began is not None:
            self._began += took
        self._saved_at += took
        self._shown_at += took

    def _hand_over(self) -> None:
        """Says that the folder is whole."""
        if self.on_saved is not None:
            with self._stopped_clock():
                self.flush()
                self.on_saved(self._saved_step or 0)

    def write_due(self) -> None:
        """Writes the checkpoint and the preview that are due."""
        now = time.monotonic()
        interval = max(self.schedule.checkpoint_every, MIN_CHECKPOINT_INTERVAL * self._saving_took)
        if now - self._saved_at >= interval:
            self.checkpoint()
        if now - self._shown_at >= self.schedule.preview_every:
            self.preview()

    def finish(self) -> None:
        """Leaves the final weights, checkpoint and preview behind."""
        if self._began is None:
            return  # nothing was left to do
        if self._saved_step != self.step:
            self.checkpoint()
        if self._shown_step != self.step:
            self.preview()

    def checkpoint(self) -> None:
        """Writes a checkpoint, then the weights for a swap, then the model's description."""
        began = time.monotonic()
        state = self.training.state()
        for name, value in state.items():
            if not np.all(np.isfinite(value)):
                raise self._diverged(f"{name} holds values that are not finite")
        card = self.folder.read()
        info = CheckpointInfo(
            step=self.step,
            seconds=self.seconds,
            seed=card.seed,
            loss=self.losses.get("loss", math.inf),
            losses=dict(self.losses),
            schedule=dataclasses.asdict(self.schedule),
        )
        checkpoints.save_checkpoint(self.folder.checkpoints, info, state)
        save_tensors(self.folder.weights, self.training.weights(), {"steps": str(self.step)})
        self.folder.write(
            dataclasses.replace(card, preset=self.training.preset, steps=self.step, seconds=info.seconds)
        )
        self._saved_step = self.step
        self._hand_over()
        self._saved_at = time.monotonic()
        self._saving_took = self._saved_at - began

    def preview(self) -> None:
        """Writes a sheet of what the model paints now."""
        save_image(self.folder.preview(self.step), self.training.preview())
        self._shown_step = self.step
        self._hand_over()
        self._shown_at = time.monotonic()

    def _diverged(self, what: str) -> TrainingError:
        kept = "no checkpoint was written yet"
        if self._saved_step is not None:
            kept = f"the checkpoint of step {self._saved_step} is whole: resume from it"
        return TrainingError(
            f"{self.folder.path}: training diverged at step {self.step + 1}: {what}; {kept}, "
            "with a lower learning rate"
        )

    def _report_progress(self) -> None:
        seconds = self.seconds
        minutes = self.schedule.minutes
        shown = [f"{name} {value:.4f}" for name, value in self.losses.items()]
        if minutes is None:
            self.report(Update("training", self.step, self.schedule.steps, "steps", "  ".join(shown)))
            return
        detail = "  ".join([f"step {self.step} ({self.step / max(seconds, 1):.2f}/s)", *shown])
        self.report(Update("training", min(seconds, 60 * minutes), 60 * minutes, "seconds", detail))


@contextlib.contextmanager
def _hold_interrupts(begun: Callable[[], bool]) -> Iterator[Callable[[], bool]]:
    """Holds Ctrl-C back to the end of a step, so that what is saved was not left half-way.

    Before the work has ``begun``, it isn't held back. Yields a function that says whether it was pressed.
    Signals belong to the main thread: elsewhere nothing is held back.
    """
    pressed = False

    def note(number: int, frame: Any) -> None:
        nonlocal pressed
        if pressed or not begun():
            signal.default_int_handler(number, frame)
        pressed = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    previous = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, previous)


@contextlib.contextmanager
def _open_curves(
    folder: ModelFolder,
) -> Iterator[tuple[Callable[[int, Mapping[str, float]], None], Callable[[], None]]]:
    """Yields functions for TensorBoard curves in the model's logs: one draws a step's losses, one flushes."""
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(folder.logs), flush_millis=LOG_FLUSH_MS)

    def draw(step: int, losses: Mapping[str, float]) -> None:
        with writer.as_default(step=step):
            for name, value in losses.items():
                tf.summary.scalar(f"loss/{name}", value)

    try:
        yield draw, writer.flush
    finally:
        writer.close()
