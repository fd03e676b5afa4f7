"""Adam as one fused kernel per variable, and a moving average of the weights.

Keras' own optimiser spends more time between kernels than in them on small networks; both also have
to give and take their state as plain arrays, so that resuming is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from recaster.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import keras
    import numpy as np


class Adam:
    """Adam (Kingma and Ba, 2015) over Keras variables, whose order names the slots.

    ``clip`` is the largest global norm of the gradients; 0 clips nothing.
    """

    def __init__(
        self, variables: Sequence[keras.Variable], beta1: float, beta2: float, clip: float = 0.0
    ) -> None:
        self.variables = list(variables)
        self._betas = (beta1, beta2)
        self._clip = clip
        self._first = [tf.Variable(tf.zeros(v.shape, tf.float32), trainable=False) for v in variables]
        self._second = [tf.Variable(tf.zeros(v.shape, tf.float32), trainable=False) for v in variables]
        self._steps = tf.Variable(0.0, trainable=False)

    def apply(self, gradients: Sequence[tf.Tensor], rate: tf.Tensor) -> None:
        """Takes one step; call it inside a ``tf.function``."""
        if self._clip:
            gradients, _ = tf.clip_by_global_norm(gradients, self._clip)
        self._steps.assign_add(1.0)
        beta1, beta2 = self._betas
        powers = tf.pow(beta1, self._steps), tf.pow(beta2, self._steps)
        slots = zip(self.variables, self._first, self._second, gradients, strict=True)
        for variable, first, second, gradient in slots:
            # One fused kernel a variable; epsilon as in Keras' Adam.
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle, m=first.handle, v=second.handle,
                beta1_power=powers[0], beta2_power=powers[1], lr=rate,
                beta1=beta1, beta2=beta2, epsilon=1e-7, grad=gradient,
            )  # fmt: skip

    def state(self, prefix: str) -> dict[str, np.ndarray]:
        """The slots as arrays, named ``prefix/first/0`` and so on."""
        return {name: slot.numpy() for name, slot in self._slots(prefix).items()}

    def restore(self, state: Mapping[str, np.ndarray], prefix: str) -> None:
        """Takes the slots back from ``state`` (ModelError where one is missing or of another shape)."""
        for name, slot in self._slots(prefix).items():
            slot.assign(require_array(state, name, tuple(slot.shape)))

    def _slots(self, prefix: str) -> dict[str, tf.Variable]:
        slots = {f"{prefix}/steps": self._steps}
        for index, (first, second) in enumerate(zip(self._first, self._second, strict=True)):
            slots |= {f"{prefix}/first/{index}": first, f"{prefix}/second/{index}": second}
        return slots


class MovingAverage:
    """An exponential moving average of variables, that follows fast at first and slowly later.

    ``decay`` is the share of the average that an update keeps, once enough were made.
    """

    def __init__(self, variables: Mapping[str, keras.Variable], decay: float) -> None:
        self._variables = dict(variables)
        self._decay = decay
        self._averages = {
            name: tf.Variable(tf.convert_to_tensor(variable), trainable=False)
            for name, variable in variables.items()
        }
        self._updates = tf.Variable(0.0, trainable=False)

    @tf.function
    def update(self) -> None:
        """Moves the average towards the variables' values."""
        self._updates.assign_add(1.0)
        kept = tf.minimum(self._decay, (1 + self._updates) / (10 + self._updates))
        for name, average in self._averages.items():
            average.assign_sub((average - tf.convert_to_tensor(self._variables[name])) * (1 - kept))

    def values(self) -> dict[str, np.ndarray]:
        """The averages by the variables' names."""
        return {name: average.numpy() for name, average in self._averages.items()}

    def state(self, prefix: str) -> dict[str, np.ndarray]:
        """The averages and the count of updates, as arrays."""
        named = {f"{prefix}/{name}": value for name, value in self.values().items()}
        return {f"{prefix}/updates": self._updates.numpy(), **named}

    def restore(self, state: Mapping[str, np.ndarray], prefix: str) -> None:
        """Takes the averages back from ``state`` (ModelError where one is missing)."""
        self._updates.assign(require_array(state, f"{prefix}/updates", ()))
        for name, average in self._averages.items():
            average.assign(require_array(state, f"{prefix}/{name}", tuple(average.shape)))


def require_array(state: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """``state[name]`` (ModelError where it is missing or of another shape: it is another model's)."""
    value = state.get(name)
    if value is None or value.shape != shape:
        what = "missing" if value is None else f"{value.shape}"
        raise ModelError(
            f"the checkpoint does not fit this model: {name} is {what}, expected {shape}; "
            "resume with the preset and flags it was trained with"
        )
    return value
