"""Parts of a training: its batches, its model and its preview."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

import numpy as np

from recaster.training.optimiser import require_array

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import keras

    from recaster.media.types import Image
    from recaster.models.presets import Preset
    from recaster.training.optimiser import Adam, MovingAverage

BatchT = TypeVar("BatchT")


class TrainableModel(ABC, Generic[BatchT]):
    """A network with its losses and optimisers.

    Randomness is a function of (seed, step) alone, so that a run which is stopped and resumed takes
    the same steps as one that was not.

    Attributes:
        steps: optimisation steps done.
    """

    _average_name: ClassVar[str]  # of the moving average in checkpoints

    def __init__(self, preset: Preset, seed: int) -> None:
        self.preset = preset
        self.steps = 0
        self._seed = seed
        self._variables: dict[str, keras.Variable] = {}  # all that is trained, by its names in checkpoints
        self._swapping: dict[str, keras.Variable] = {}  # what a swap needs, by its names there
        self._adams: dict[str, Adam] = {}  # by their names in checkpoints
        self._average: MovingAverage | None = None

    @abstractmethod
    def step(self, batch: BatchT, rate: float) -> Mapping[str, float]:
        """Takes one optimisation step at learning rate ``rate``; returns its losses by name.

        The losses must hold ``"loss"``, the total that decides which checkpoint is the best.
        """

    def state(self) -> dict[str, np.ndarray]:
        """All that exact resuming needs: weights, optimiser slots, averages, the step number."""
        state = {"step": np.array(self.steps), **_arrays(self._variables)}
        for name, adam in self._adams.items():
            state |= adam.state(name)
        return state if self._average is None else state | self._average.state(self._average_name)

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes back to what ``state`` returned (ModelError where it is another model's)."""
        self._assign(state)
        for name, adam in self._adams.items():
            adam.restore(state, name)
        if self._average is not None:
            self._average.restore(state, self._average_name)
        self.steps = int(require_array(state, "step", ()))

    def weights(self) -> dict[str, np.ndarray]:
        """The arrays of a swap, by name (the moving average where there is one)."""
        return _arrays(self._swapping) if self._average is None else self._average.values()

    def _assign(self, weights: Mapping[str, np.ndarray]) -> None:
        for name, variable in self._variables.items():
            variable.assign(require_array(weights, name, tuple(variable.shape)))

    def _end_step(self) -> None:
        self.steps += 1
        if self._average is not None and self.steps % self.preset.ema_every == 0:
            self._average.update()


@dataclass
class Training(Generic[BatchT]):
    """A model in training, as the loop drives it.

    Attributes:
        batches: gives the batch of a step, a function of (seed, step) alone.
        preview: draws a sheet of a few training faces and what the network paints of them.
    """

    batches: Callable[[int], BatchT]
    model: TrainableModel[BatchT]
    preview: Callable[[], Image]

    @property
    def preset(self) -> Preset:
        """The preset that the model was built from."""
        return self.model.preset

    def step(self, rate: float) -> Mapping[str, float]:
        """Takes one optimisation step; returns its losses by name."""
        return self.model.step(self.batches(self.model.steps), rate)

    def state(self) -> dict[str, np.ndarray]:
        """The model's state."""
        return self.model.state()

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes back to an earlier ``state`` (ModelError where it is another model's)."""
        self.model.restore(state)

    def weights(self) -> dict[str, np.ndarray]:
        """The arrays of a swap, by name."""
        return self.model.weights()


def _arrays(variables: Mapping[str, keras.Variable]) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in variables.items()}
