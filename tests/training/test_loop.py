from __future__ import annotations

import dataclasses
import math
import os
import signal
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import ModelError, OutputError, TrainingError, UsageError, WeightsError
from recaster.models.model_folder import ModelCard, ModelFolder
from recaster.models.presets import overridden, preset
from recaster.models.tensors import load_tensors
from recaster.settings.train import Schedule
from recaster.training import checkpoints, loop
from recaster.training.checkpoints import CheckpointInfo
from recaster.training.loop import learning_rate, train

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from recaster.progress import Update

PRESET = overridden(preset("fast-96"), learning_rate=1.0, warmup=4, decay_from=0.5, decay_to=0.1)


class Counter:
    """A trainee whose only weight adds up its learning rates."""

    def __init__(self, before: Callable[[int], None] = lambda _: None) -> None:
        self.preset = PRESET
        self.steps = 0
        self.sum = 0.0
        self.rates = []
        self.before = before

    def step(self, rate: float) -> Mapping[str, float]:
        self.before(self.steps)
        self.steps = self.steps + 1
        self.sum = self.sum + rate
        self.rates.append(rate)
        return {"loss": 1 / self.steps, "other": 1.0}

    def state(self) -> dict[str, np.ndarray]:
        return {"step": np.array(self.steps), "sum": np.array(self.sum)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.steps = int(state["step"])
        self.sum = float(state["sum"])

    def weights(self) -> dict[str, np.ndarray]:
        return {"sum": np.float32([self.sum])}

    def preview(self) -> np.ndarray:
        return np.full((8, 8, 3), self.steps, np.uint8)


class Clock:
    """Time that passes by one second a step."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def pass_second(self, step: int) -> None:
        self.now += 30.0 if step == 0 else 1.0


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    made = ModelFolder(tmp_path / "model")
    made.write(ModelCard(PRESET, "aa", "bb", seed=5))
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(loop, "time", made)
    return made


@pytest.mark.usefixtures("clock")
def test_a_whole_run_leaves_everything_behind(folder: ModelFolder) -> None:
    heard: list[Update] = []
    training = Counter()
    result = train(training, folder, Schedule(steps=30), heard.append)
    assert (result.steps, training.steps) == (30, 30)
    assert folder.read() == ModelCard(PRESET, "aa", "bb", 30, result.seconds, 5)
    assert load_tensors(folder.weights)["sum"][0] == pytest.approx(training.sum)
    assert [path.name for path in folder.previews.iterdir()] == ["step-00000030.png"]
    assert any(path.name.startswith("events") and path.stat().st_size > 200 for path in folder.logs.iterdir())
    assert (heard[-1].done, heard[-1].total, heard[-1].unit) == (30, 30, "steps")
    assert "loss" in heard[-1].detail
    assert heard[0].stage == "building the network"


def test_the_rate_rises_stays_and_falls() -> None:
    rates = [learning_rate(PRESET, step, step / 20) for step in range(20)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4:11] == [1.0] * 7
    assert rates[15] == pytest.approx(0.5)
    assert rates[19] == pytest.approx(0.1)
    assert learning_rate(PRESET, 500, 1.3) == pytest.approx(0.1)
    flat = dataclasses.replace(PRESET, decay_from=1.0, warmup=0)
    assert {learning_rate(flat, step, step / 20) for step in range(21)} == {1.0}


def test_resuming_by_steps_is_exact(folder: ModelFolder) -> None:
    whole = Counter()
    first = Counter()
    second = Counter()
    train(whole, ModelFolder(folder.path), Schedule(steps=20))

    def stop(step: int) -> None:
        if step == 9:
            os.kill(os.getpid(), signal.SIGINT)

    first.before = stop
    folder.checkpoints.rename(folder.path / "old")
    with pytest.raises(KeyboardInterrupt):
        train(first, folder, Schedule(steps=20))
    assert first.steps == 10  # the step was finished
    result = train(second, folder, Schedule(steps=20), resume=True)
    assert (result.steps, second.steps) == (20, 20)
    assert first.rates + second.rates == whole.rates
    assert second.sum == whole.sum


def test_ctrl_c_is_given_back_and_the_checkpoint_is_whole(folder: ModelFolder) -> None:
    before = signal.getsignal(signal.SIGINT)
    training = Counter(lambda step: os.kill(os.getpid(), signal.SIGINT) if step == 2 else None)
    with pytest.raises(KeyboardInterrupt):
        train(training, folder, Schedule(steps=9))
    assert signal.getsignal(signal.SIGINT) is before
    info, state = checkpoints.load_latest(folder.checkpoints)  # type: ignore[misc]
    assert (info.step, int(state["step"]), info.seed) == (3, 3, 5)
    assert folder.read().steps == 3


def test_nobody_waits_while_the_network_is_built(folder: ModelFolder) -> None:
    train(Counter(), folder, Schedule(steps=3))
    steps: list[int] = []

    def press(step: int) -> None:
        signal.raise_signal(signal.SIGINT)
        steps.append(step)  # never reached

    with pytest.raises(KeyboardInterrupt):
        train(Counter(press), folder, Schedule(steps=9), resume=True)
    assert steps == []
    assert train(Counter(), folder, Schedule(steps=9), resume=True).steps == 9


def test_outside_the_main_thread_it_trains_too(folder: ModelFolder) -> None:
    worker = threading.Thread(target=train, args=(Counter(), folder, Schedule(steps=3)))
    worker.start()
    worker.join()
    assert folder.read().steps == 3


def test_minutes_count_from_the_end_of_the_first_step(folder: ModelFolder, clock: Clock) -> None:
    heard: list[Update] = []
    training = Counter(clock.pass_second)
    result = train(training, folder, Schedule(minutes=1), heard.append)
    assert (result.first_step, result.seconds, result.steps) == (30, 60, 61)
    assert (heard[-1].done, heard[-1].total, heard[-1].unit) == (60, 60, "seconds")
    assert "step 61 (1.02/s)" in heard[-1].detail
    again = train(Counter(clock.pass_second), folder, Schedule(minutes=2), resume=True)
    assert (again.steps, again.seconds) == (122, 120)  # its own first step was free too
    done = train(Counter(clock.pass_second), folder, Schedule(minutes=2), resume=True)
    assert (done.steps, done.first_step) == (122, 0)


def test_marks_are_told_at_the_end_of_their_step(folder: ModelFolder) -> None:
    told: list[tuple[float, int, float]] = []
    training = Counter()

    def on_mark(mark: float, step: int, seconds: float) -> None:
        assert seconds >= 0
        told.append((mark, step, training.sum))

    train(training, folder, Schedule(steps=7), marks=(7, 2, 5), on_mark=on_mark)
    whole = np.cumsum(training.rates)
    assert told == [(2, 2, whole[1]), (5, 5, whole[4]), (7, 7, whole[6])]


def test_time_spent_on_marks_does_not_count(folder: ModelFolder, clock: Clock) -> None:
    told: list[tuple[float, int, float]] = []

    def on_mark(mark: float, step: int, seconds: float) -> None:
        told.append((mark, step, seconds))
        clock.now += 45

    training = Counter(clock.pass_second)
    schedule = Schedule(minutes=1, checkpoint_every=25)
    result = train(training, folder, schedule, marks=(0.2, 0.5, 1), on_mark=on_mark)
    assert told == [(0.2, 13, 12), (0.5, 31, 30), (1, 61, 60)]
    assert (result.steps, result.seconds) == (61, 60)
    assert [info.seconds for _, info in checkpoints.list_checkpoints(folder.checkpoints)] == [25, 50, 60]


def test_whoever_takes_what_was_saved_finds_it_whole_and_costs_no_time(
    folder: ModelFolder, clock: Clock
) -> None:
    told: list[tuple[int, int, int]] = []

    def on_saved(step: int) -> None:
        found, _ = checkpoints.load_latest(folder.checkpoints) or pytest.fail("there is no checkpoint")
        drawn = sum(path.stat().st_size for path in folder.logs.iterdir())
        told.append((step, found.step, len(folder.preview_sheets())))
        assert folder.read().steps == found.step
        assert drawn > 200  # the curves are there, too
        clock.now += 45

    schedule = Schedule(minutes=1, checkpoint_every=25, preview_every=40)
    result = train(Counter(clock.pass_second), folder, schedule, on_saved=on_saved)
    assert (result.steps, result.seconds) == (61, 60)
    assert told == [(26, 26, 0), (26, 26, 1), (61, 61, 1), (61, 61, 2)]


def test_previews_and_checkpoints_come_at_their_intervals(folder: ModelFolder, clock: Clock) -> None:
    schedule = Schedule(steps=41, checkpoint_every=8, preview_every=16)
    train(Counter(clock.pass_second), folder, schedule)
    assert [path.name for path in sorted(folder.previews.iterdir())] == [
        "step-00000017.png", "step-00000033.png", "step-00000041.png",
    ]  # fmt: skip
    assert [info.step for _, info in checkpoints.list_checkpoints(folder.checkpoints)] == [25, 33, 41]


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_checkpoint(
    folder: ModelFolder, clock: Clock
) -> None:
    class Diverging(Counter):
        def step(self, rate: float) -> Mapping[str, float]:
            losses = super().step(rate)
            return {**losses, "other": math.nan} if self.steps == 7 else losses

    training = Diverging(clock.pass_second)
    with pytest.raises(TrainingError, match=r"diverged at step 7: .*'other' is nan.* step 5 is whole"):
        train(training, folder, Schedule(steps=9, checkpoint_every=2))
    assert [info.step for _, info in checkpoints.list_checkpoints(folder.checkpoints)] == [3, 5]
    with pytest.raises(TrainingError, match="no checkpoint was written"):
        train(Diverging(), folder, Schedule(steps=9))


def test_weights_that_are_not_finite_are_never_saved(folder: ModelFolder) -> None:
    class Broken(Counter):
        def state(self) -> dict[str, np.ndarray]:
            return {"kernel": np.array([1.0, np.inf])}

    with pytest.raises(TrainingError, match="kernel holds values"):
        train(Broken(), folder, Schedule(steps=2))
    assert not folder.checkpoints.exists()


def test_a_full_disk_is_said_and_earlier_checkpoints_stay(
    folder: ModelFolder, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, tensors: object, metadata: object) -> None:
        if clock.now > 1033:
            raise OutputError(f"{path}: the disk is full")
        real(path, tensors, metadata)

    real = checkpoints.save_tensors
    monkeypatch.setattr(checkpoints, "save_tensors", full)
    with pytest.raises(OutputError, match="disk is full"):
        train(Counter(clock.pass_second), folder, Schedule(steps=9, checkpoint_every=2))
    assert [info.step for _, info in checkpoints.list_checkpoints(folder.checkpoints)] == [3]


def test_resume_without_a_checkpoint_starts_at_the_beginning(folder: ModelFolder) -> None:
    assert train(Counter(), folder, Schedule(steps=2), resume=True).steps == 2


@pytest.mark.parametrize(
    "budget", [{}, {"steps": 1, "minutes": 1.0}, {"steps": 0}, {"minutes": -1.0}, {"minutes": math.nan}]
)
def test_budgets_that_mean_nothing(budget: dict) -> None:
    with pytest.raises(UsageError, match=r"either the steps or the minutes|steps must be|minutes must be"):
        Schedule(**budget)


def info(step: int, loss: float) -> CheckpointInfo:
    return CheckpointInfo(step, 1.5, 3, loss, {"loss": loss}, {"steps": 9})


def test_the_last_three_and_the_best_are_kept(tmp_path: Path) -> None:
    for step, loss in ((1, 5.0), (2, 1.0), (3, 4.0), (4, 3.0), (5, 2.0), (6, 2.5)):
        checkpoints.save_checkpoint(tmp_path, info(step, loss), {"a": np.array(step)})
    assert [kept.step for _, kept in checkpoints.list_checkpoints(tmp_path)] == [2, 4, 5, 6]
    assert len(list(tmp_path.iterdir())) == 8
    newest, state = checkpoints.load_latest(tmp_path)  # type: ignore[misc]
    assert (newest, int(state["a"])) == (info(6, 2.5), 6)


def test_half_written_checkpoints_do_not_count(tmp_path: Path) -> None:
    assert checkpoints.load_latest(tmp_path / "nothing") is None
    checkpoints.save_checkpoint(tmp_path, info(1, 1.0), {"a": np.array(1)})
    path = checkpoints.save_checkpoint(tmp_path, info(2, 1.0), {"a": np.array(2)})
    path.unlink()
    assert checkpoints.load_latest(tmp_path)[0].step == 1  # type: ignore[index]
    checkpoints.save_checkpoint(tmp_path, info(3, 1.0), {"a": np.array(3)})
    assert sorted(left.stem for left in tmp_path.iterdir()) == ["step-00000001"] * 2 + ["step-00000003"] * 2


def test_broken_checkpoints_are_named(tmp_path: Path) -> None:
    path = checkpoints.save_checkpoint(tmp_path, info(1, 1.0), {"a": np.array(1)})
    text = path.read_text()
    path.write_text("{}")
    with pytest.raises(ModelError, match=r"step-00000001\.json: a broken checkpoint"):
        checkpoints.load_latest(tmp_path)
    path.write_text(text)
    path.with_suffix(".safetensors").write_bytes(b"12")
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        checkpoints.load_latest(tmp_path)


def test_the_loss_that_is_told_is_the_mean_at_first(folder: ModelFolder) -> None:
    result = train(Counter(), folder, Schedule(steps=3))
    assert result.losses["loss"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
