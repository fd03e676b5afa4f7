"""What the training loop knows about a model in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from recaster.media.types import Image
    from recaster.models.presets import Preset


class Training(Protocol):
    """A model in training.

    Randomness is a function of (seed, step) alone, so that a run which is stopped and resumed takes
    the same steps as one that was not.

    Attributes:
        preset: what it was built from.
    """

    preset: Preset

    def step(self, rate: float) -> Mapping[str, float]:
        """Take one optimisation step at learning rate ``rate``; returns its losses by name.

        The losses must hold ``"loss"``, the total that decides which checkpoint is the best.
        """
        ...

    def state(self) -> dict[str, np.ndarray]:
        """All that exact resuming needs: weights, optimiser slots, averages, the step number."""
        ...

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go back to what ``state`` returned (ModelError where it is another model's)."""
        ...

    def weights(self) -> dict[str, np.ndarray]:
        """What a swap needs, by name (the moving average where there is one)."""
        ...

    def preview(self) -> Image:
        """A sheet that shows how far the model is."""
        ...
