"""Parts of a training: its data, its model and its preview."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from recaster.media.types import Image
    from recaster.models.presets import Preset

BatchT = TypeVar("BatchT")
BatchT_co = TypeVar("BatchT_co", covariant=True)
BatchT_contra = TypeVar("BatchT_contra", contravariant=True)


class TrainingData(Protocol[BatchT_co]):
    """Batches of training faces, each a function of (seed, step) alone."""

    def next(self, step: int) -> BatchT_co:
        """The batch of a step; steps are asked for in order."""
        ...

    def clear(self) -> None:
        """Forgets batches that were begun: the next step is another."""
        ...


class TrainableModel(Protocol[BatchT_contra]):
    """A network with its losses and optimisers.

    Randomness is a function of (seed, step) alone, so that a run which is stopped and resumed takes
    the same steps as one that was not.

    Attributes:
        preset: what it was built from.
        steps: optimisation steps done.
    """

    preset: Preset
    steps: int

    def step(self, batch: BatchT_contra, rate: float) -> Mapping[str, float]:
        """Takes one optimisation step at learning rate ``rate``; returns its losses by name.

        The losses must hold ``"loss"``, the total that decides which checkpoint is the best.
        """
        ...

    def state(self) -> dict[str, np.ndarray]:
        """All that exact resuming needs: weights, optimiser slots, averages, the step number."""
        ...

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes back to what ``state`` returned (ModelError where it is another model's)."""
        ...

    def weights(self) -> dict[str, np.ndarray]:
        """The arrays of a swap, by name (the moving average where there is one)."""
        ...


class Preview(Protocol):
    """Draws how far a model is."""

    def render(self) -> Image:
        """A sheet of a few training faces and what the network paints of them."""
        ...


@dataclass
class Training(Generic[BatchT]):
    """A model in training, as the loop drives it."""

    data: TrainingData[BatchT]
    model: TrainableModel[BatchT]
    sheet: Preview

    @property
    def preset(self) -> Preset:
        """The preset that the model was built from."""
        return self.model.preset

    def step(self, rate: float) -> Mapping[str, float]:
        """Takes one optimisation step; returns its losses by name."""
        return self.model.step(self.data.next(self.model.steps), rate)

    def state(self) -> dict[str, np.ndarray]:
        """The model's state."""
        return self.model.state()

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes back to an earlier ``state`` (ModelError where it is another model's)."""
        self.model.restore(state)
        self.data.clear()

    def weights(self) -> dict[str, np.ndarray]:
        """The arrays of a swap, by name."""
        return self.model.weights()

    def preview(self) -> Image:
        """A sheet that shows how far the model is."""
        return self.sheet.render()
