"""Transfer of the target's colours to the swapped face, steady over time.

"light" gives it the light that falls on the target, place by place (``appearance/relighting.py``); the
others draw one curve for each channel.

Statistics are taken inside the mask's core only, so that hair and background don't count, and are
averaged over neighbouring frames of the track before a curve is made of them: a curve fitted to
each frame by itself flickers. "mean" moves each channel's mean, as Reinhard et al. (2001) do; its
gain lies between theirs (the ratio of the deviations, which tints dark eyes) and that of a change of
light (the ratio of the means, which keeps black black but looks flat). "hist" is histogram matching
as in faceswap-GAN v2, through quantiles, with curves that are never steep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.relighting import Relighting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Image

    Measured = Floats | Relighting | None

GAIN: Final = (0.7, 1.4)
"""Least and largest slope that "mean" may give a curve, and the largest that "hist" may: steeper ones tear
the channels of a highlight apart into a rainbow where an evenly lit face meets a target with a beard."""
MIN_WEIGHT: Final = 0.75
"""Pixels count whose mask is at least this."""
MIN_PIXELS: Final = 64
"""With fewer than this nothing is measured."""
LEVELS: Final = np.linspace(0, 1, 33)
REACH_FRAMES: Final = 3
"""Frames to either side that a frame's statistics are averaged over."""
SIGMA_FRAMES: Final = 1.0
"""Standard deviation of that average's weights. On 100 frames of a man talking, the second difference
of the swapped face's mean colour was .69 levels without averaging (as in the clip itself), .44 with 1
frame, and .47 with 2.5 frames, which follow a change of light more slowly as well."""


def reach(mode: str) -> int:
    """Frames before and after one that its colour depends on."""
    return 0 if mode == "none" else REACH_FRAMES


def measure(
    swapped: Image,
    target: Image,
    mask: NDArray[np.float32],
    mode: str,
    normals: Floats | None = None,
    points: Floats | None = None,
) -> Measured:
    """Measures the colours of one face, as a mode needs them.

    Args:
        swapped, target: (size, size, 3) uint8 RGB, the swapped face and the target's in the same crop.
        mask: (size, size) float32, 0 to 1.
        mode: one of ``COLOURS``.
        normals: which way the face looks, if that is known ("light").
        points: (478, 3), the mesh in the crop's pixels, if that is known ("light").

    Returns:
        ``Relighting`` ("light"), or (2, K, 3) float64, first of the swapped face, then of the target's: mean
        and standard deviation ("mean") or quantiles ("hist"). None where there is nothing to measure.
    """
    if mode == "none":
        return None
    if mode == "light":
        return Relighting.measure(swapped, target, mask, normals, points)
    # Hair and background beside the face don't count.
    core = (mask >= MIN_WEIGHT).astype(np.uint8)
    if cv2.countNonZero(core) < MIN_PIXELS:
        return None
    describe = _compute_moments if mode == "mean" else _compute_quantiles
    return np.stack([describe(swapped, core), describe(target, core)])


def average_measured(statistics: Sequence[Measured], centre: int) -> Measured:
    """Averages a window of ``measure`` results; light is averaged over frames lit alike only."""
    lights = [value for value in statistics if isinstance(value, Relighting)]
    if not lights:
        return average([value for value in statistics if not isinstance(value, Relighting)], centre)
    window = [value if isinstance(value, Relighting) else None for value in statistics]
    return Relighting.average(window, centre, SIGMA_FRAMES)


def average(statistics: Sequence[Floats | None], centre: int) -> Floats | None:
    """Averages a window of arrays, weighted by the distance to ``centre``, so that nothing lags.

    None where nothing in the window was measured.
    """
    known = [(i, value) for i, value in enumerate(statistics) if value is not None]
    if not known:
        return None
    # Frames in which nothing was measured leave the others' shares as they are to each other.
    distance = np.array([i - centre for i, _ in known])
    weights = np.exp(-0.5 * (distance / SIGMA_FRAMES) ** 2)
    # In place, one after the other: a stack of masks takes several times as long.
    total = known[0][1] * weights[0]
    share = np.empty_like(total)
    for (_, value), weight in zip(known[1:], weights[1:], strict=True):
        total += np.multiply(value, weight, out=share)
    total /= weights.sum()
    return total


def apply(image: Image, statistics: Measured, mode: str, seed: int = 0) -> NDArray[np.float32]:
    """Applies measured colours to a face: (size, size, 3) float32, 0 to 255.

    Args:
        statistics: the average of what was measured; None leaves it as it is.
        mode: one of ``COLOURS``.
        seed: what grain follows from.
    """
    if isinstance(statistics, Relighting):
        return statistics.apply(image, seed)
    return correct(image, fit_curves(statistics, mode))


def fit_curves(statistics: Floats | None, mode: str) -> NDArray[np.float32]:
    """Computes the curve of each channel: (256, 3) float32, the new value of each 8-bit value, 0 to 255."""
    values = np.arange(256, dtype=np.float64)[:, None]
    if statistics is None or mode == "none":
        return np.repeat(values, 3, axis=1).astype(np.float32)
    (swapped, target) = statistics
    if mode == "mean":
        # Ratios of the deviations and of the means: the gain lies between both, as said above.
        contrast, light = target[[1, 0]] / np.maximum(swapped[[1, 0]], 1e-3)
        gain = np.clip(np.sqrt(np.clip(contrast, *GAIN) * light), *GAIN)
        corrected = (values - swapped[0]) * gain + target[0]
    else:
        corrected = np.stack([_match_quantiles(swapped[:, c], target[:, c]) for c in range(3)], axis=1)
    return np.clip(corrected, 0, 255).astype(np.float32)


def correct(image: Image, curves: NDArray[np.float32]) -> NDArray[np.float32]:
    """Applies curves to a face: (size, size, 3) float32, 0 to 255."""
    return np.asarray(cv2.LUT(image, curves.reshape(1, 256, 3)), dtype=np.float32)


def _compute_moments(image: Image, core: NDArray[np.uint8]) -> Floats:
    """Computes mean and standard deviation of each channel, (2, 3)."""
    mean, deviation = cv2.meanStdDev(image, mask=core)
    return np.stack([mean[:, 0], deviation[:, 0]])


def _compute_quantiles(image: Image, core: NDArray[np.uint8]) -> Floats:
    """Computes the values below which ``LEVELS`` of the pixels lie, (len(LEVELS), 3)."""
    columns = []
    for channel in range(3):
        counts = cv2.calcHist([image], [channel], core, [256], [0, 256]).ravel().astype(np.float64)
        filled = np.flatnonzero(counts)
        # A value stands for the middle of its bin's share, so that a flat colour maps on itself.
        shares = np.cumsum(counts)[filled] - counts[filled] / 2
        columns.append(np.interp(LEVELS, shares / counts.sum(), filled))
    return np.stack(columns, axis=1)


def _match_quantiles(swapped: Floats, target: Floats) -> Floats:
    """Computes a monotone curve through (swapped, target) quantiles; shifted, not stretched, beyond them.

    Where it would be steeper than ``GAIN`` allows, it goes through their medians only.
    """
    values = np.arange(256, dtype=np.float64)
    # A value that is the quantile of several levels stands for the mean of what they become.
    levels, first = np.unique(swapped, return_index=True)
    last = len(swapped) - np.unique(swapped[::-1], return_index=True)[1]
    means = np.array([target[a:b].mean() for a, b in zip(first, last, strict=True)])
    shift = np.where(values < levels[0], values - levels[0], np.maximum(values - levels[-1], 0))
    curve = np.interp(values, levels, means) + shift
    # Steps are limited one by one, and the whole is moved so that the medians still meet.
    limited = np.concatenate([[0.0], np.cumsum(np.minimum(np.diff(curve), GAIN[1]))])
    middle = np.median(swapped)
    return np.asarray(limited + np.interp(middle, values, curve - limited))
