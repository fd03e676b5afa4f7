"""Smoothing over time: landmarks and boxes of one track, each coordinate by itself.

Measured on 250 frames each of three people talking (478 mesh points; jitter is the mean second
difference in percent of the eyes' distance; lids: how deep the deepest blinks still are; mouth: how
wide peaks still are; means of the three):

=================  ======  ====  =====  ============
method             jitter  lids  mouth  lag (frames)
=================  ======  ====  =====  ============
none                 1.40  1.00   1.00          0
ema                   .43   .60    .84          1.5
kalman                .37   .60    .84          1.8
Gaussian, sigma 1     .46   .84    .92          0
zero-phase            .86   .96    .97          0
zero-phase, 0.5       .54   .89    .94          0
=================  ======  ====  =====  ============

Smoother is not steadier: a face that does not quite follow its head's motion slides on it. See
docs/experiments.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.processes.shared_arrays import make_array

if TYPE_CHECKING:
    from recaster.faces.types import Floats
    from recaster.settings.detection import Smoothing


_REFERENCE_S: Final = 1 / 25  # time between frames that strengths are meant for
_MIN_STEP_S: Final = 1e-3  # time between frames, at least
_MAX_SOLVED_NUMBERS: Final = 1 << 24


def smooth(values: Floats, times: Floats, smoothing: Smoothing) -> Floats:
    """Smooths positions (T, ...) in frames of one track over time, which are (T,) seconds apart as they like.

    Nothing is rounded, and no state outlives the call. Frames that were filled in count like others.
    """
    values = np.asarray(values, np.float64)
    if len(values) < 3 or smoothing.name == "none":
        return values.copy()
    flat = values.reshape(len(values), -1)
    # Clips may repeat a time, and distances are divided by.
    steps = np.maximum(np.diff(times), _MIN_STEP_S)
    if smoothing.name == "ema":
        result = _ema(flat, smoothing.value)
    elif smoothing.name == "kalman":
        result = _kalman(flat, steps / np.median(steps), smoothing.value)
    else:
        result = _zero_phase(flat, steps, smoothing.value)
    return result.reshape(values.shape)


def _ema(values: Floats, keep: float) -> Floats:
    """Exponential moving average, frame by frame: keep * previous + (1 - keep) * new."""
    result = make_array(values.shape)
    result[0] = values[0]
    for i in range(1, len(values)):
        result[i] = keep * result[i - 1] + (1 - keep) * values[i]
    return result


def _kalman(values: Floats, steps: Floats, noise: float) -> Floats:
    """Kalman, "A new approach to linear filtering and prediction problems", 1960; constant velocity.

    Position and velocity each take up the process noise, as in faceswap-GAN v2.2; the gain is the same
    for every coordinate, so one small covariance serves all of them.
    """
    result = make_array(values.shape)
    result[0] = values[0]
    velocity = np.zeros(values.shape[1])
    covariance = np.diag([1.0, 1.0])
    for i, step in enumerate(steps, start=1):
        move = np.array([[1.0, step], [0.0, 1.0]])
        covariance = move @ covariance @ move.T + noise * step * np.eye(2)
        gain = covariance[:, 0] / (covariance[0, 0] + 1)
        expected = result[i - 1] + step * velocity
        error = values[i] - expected
        result[i] = expected + gain[0] * error
        velocity = velocity + gain[1] * error
        covariance = covariance - np.outer(gain, covariance[0])
    return result


def _zero_phase(values: Floats, steps: Floats, stiffness: float) -> Floats:
    """Whittaker, "On a new method of graduation", 1923 (Eilers, "A perfect smoother", 2003).

    The curve that balances the squared distance to the values against its squared acceleration, over
    the whole track at once. It is what a Rauch-Tung-Striebel smoother gives for a random acceleration,
    as one banded solve, and leaves straight motion as it is, at the ends too.
    """
    before = steps[:-1]
    after = steps[1:]
    # Rows of the second derivative at the inner frames, for unequal steps, weighted by time.
    span = (before + after) / 2
    rows = np.stack([1 / (before * span), -1 / (before * span) - 1 / (after * span), 1 / (after * span)])
    rows *= np.sqrt(stiffness * _REFERENCE_S**3 * span)
    count = len(values)
    bands = np.zeros((3, count))  # upper form: row 2 is the diagonal, 1 and 0 the ones above it
    bands[2] = 1.0
    for i in range(3):
        bands[2, i : count - 2 + i] += rows[i] ** 2
    for i in range(2):
        bands[1, i + 1 : count - 1 + i] += rows[i] * rows[i + 1]
    bands[0, 2:] += rows[0] * rows[2]
    # Few columns at once: of an hour all of them are gigabytes.
    width = max(1, _MAX_SOLVED_NUMBERS // count)
    result = make_array(values.shape)
    for begin in range(0, values.shape[1], width):
        columns = slice(begin, begin + width)
        result[:, columns] = values[:, columns]
        _solve_banded(bands, result[:, columns])
    return result


def _solve_banded(bands: Floats, values: Floats) -> None:
    """Solves a symmetric, positive definite system of five diagonals for columns (T, N), in place.

    By L D L^T, row by row: every column has the same bits on every machine, and next to how many others.

    Args:
        bands: (3, T), in LAPACK's upper form: the diagonal last, those above it before.
    """
    upper, above, diagonal = (band.tolist() for band in bands)
    count = len(diagonal)
    # Shares of the rows one and two before that are in each; none are before the first.
    near = [0.0] * count
    far = [0.0] * count
    pivots = [1.0] * count
    for i in range(count):
        if i > 1:
            far[i] = upper[i] / pivots[i - 2]
        if i > 0:
            near[i] = (above[i] - far[i] * near[i - 1] * pivots[i - 2]) / pivots[i - 1]
        pivots[i] = diagonal[i] - near[i] ** 2 * pivots[i - 1] - far[i] ** 2 * pivots[i - 2]
    part = np.empty(values.shape[1:])
    for i in range(1, count):
        _take_off(values, i, i - 1, near[i], part)
        if i > 1:
            _take_off(values, i, i - 2, far[i], part)
    values /= np.array(pivots)[:, None]
    for i in range(count - 2, -1, -1):
        _take_off(values, i, i + 1, near[i + 1], part)
        if i + 2 < count:
            _take_off(values, i, i + 2, far[i + 2], part)


def _take_off(values: Floats, row: int, other: int, share: float, part: Floats) -> None:
    """Takes a share of another row off a row; ``part`` is room for it."""
    np.multiply(values[other], share, out=part)
    values[row] -= part
