"""Options of a training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - types of options are looked at

from recaster.errors import UsageError
from recaster.settings.choices import DEFAULT_MINUTES, DEFAULT_PRESET, Bounds
from recaster.settings.options import check_options, option


@dataclass(frozen=True)
class Schedule:
    """Budget of a training, and the seconds between checkpoints and between previews.

    Exactly one of ``steps`` and ``minutes`` (wall time without the first step of each run) is given; both
    count from the model's very first step, over all runs.
    """

    steps: int | None = option(None, "how many steps to train", bounds=Bounds(1, 1_000_000_000))
    minutes: float | None = option(
        None, f"how long to train (default: {DEFAULT_MINUTES:g})", bounds=Bounds(0.001, 5_256_000)
    )
    checkpoint_every: float = 120.0
    preview_every: float = 60.0

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise UsageError("give either the steps or the minutes to train")
        check_options(self)

    def spent(self, step: int, seconds: float) -> float:
        """Computes the share of the budget that is spent, 0 to 1 and beyond."""
        if self.steps is not None:
            return step / self.steps
        return seconds / (60 * (self.minutes or 1))


@dataclass(frozen=True)
class TrainSettings:
    """Choices of a training besides its budget and the hyperparameters of its preset (``models.presets``)."""

    preset: str | None = option(None, f"kind of model (default: {DEFAULT_PRESET}; resuming: the model's)")
    seed: int | None = option(
        None, "what every random number follows from (default: 0)", bounds=Bounds(0, 2**31 - 1)
    )
    vggface_weights: Path | None = option(
        None, "the .h5 file for --perceptual vggface; its licence allows research only", metavar="FILE"
    )
