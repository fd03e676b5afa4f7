"""Judge of a swap's pixels against the true swap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.evaluation.face_window import luma
from recaster.evaluation.nan_stats import mean
from recaster.evaluation.sface import cut_chip
from recaster.evaluation.types import Figure, Scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.evaluation.sface import SFace
    from recaster.faces.types import Floats
    from recaster.media.types import Image

PERCEPTUAL_EVERY: Final = 5
"""Frames from one look to the next: it costs more than all else here."""
PEAK: Final = 255.0
MIN_ERROR: Final = 1e-3
"""Mean squared error, levels squared, that counts as none: 78 dB."""


class GroundTruthJudge:
    """Comparison with the truth inside its face mask: ``add`` frame after frame, then ``scores``."""

    def __init__(self, sface: SFace) -> None:
        self._sface = sface
        self._rows: list[tuple[float, ...]] = []

    def add(
        self, swapped: Image, truth: Image, original: Image, mask: NDArray[np.bool_], points: Floats
    ) -> None:
        """Judges one frame, (H, W, 3) uint8 RGB.

        Args:
            mask: (H, W), the face in the truth.
            points: (68, 2) of the truth's face, pixels; NaN where it was not found.
        """
        sees_layers = np.isfinite(points).all() and mask.any() and len(self._rows) % PERCEPTUAL_EVERY == 0
        row = []
        for image in (swapped, original):
            row += [mean_squared_error(image, truth, mask), structural_similarity(image, truth, mask)]
            row.append(perceptual(self._sface, image, truth, mask, points) if sees_layers else np.nan)
        row.append(mean_squared_error(swapped, original, ~mask))
        self._rows.append(tuple(row))

    def scores(self) -> Scores:
        """Sums up all frames."""
        error, like, far, error0, like0, far0, beside = np.array(self._rows, np.float64).reshape(-1, 7).T
        figures = (
            Figure("psnr_inside", decibels(mean(error)), {"no swap": decibels(mean(error0))}),
            Figure("ssim_inside", mean(like), {"no swap": mean(like0)}),
            Figure("perceptual_inside", mean(far), {"no swap": mean(far0)}),
            Figure("psnr_outside", decibels(mean(beside))),
        )
        frames = {"psnr_inside": np.array([*map(decibels, error)]), "ssim_inside": like}
        return Scores(figures, frames)


def mean_squared_error(first: Image, second: Image, mask: NDArray[np.bool_]) -> float:
    """Computes the mean squared difference of a region's channels, levels squared; NaN for an empty one."""
    if not mask.any():
        return float("nan")
    apart = first[mask].astype(np.float64) - second[mask]
    return float(np.mean(apart**2))


def decibels(error: float) -> float:
    """Computes the peak signal-to-noise ratio of a mean squared error; at most 78 dB."""
    return float(10 * np.log10(PEAK**2 / max(error, MIN_ERROR))) if np.isfinite(error) else float("nan")


def structural_similarity(first: Image, second: Image, mask: NDArray[np.bool_]) -> float:
    """Computes the structural similarity of brightness in a region, -1 to 1.

    Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004:
    Gaussian windows of sigma 1.5.
    """
    if not mask.any():
        return float("nan")
    a, b = (luma(image).astype(np.float64) for image in (first, second))

    def local(values: Floats) -> Floats:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    mean_a = local(a)
    mean_b = local(b)
    var_a = local(a * a) - mean_a**2
    var_b = local(b * b) - mean_b**2
    both = local(a * b) - mean_a * mean_b
    c1 = (0.01 * PEAK) ** 2
    c2 = (0.03 * PEAK) ** 2
    ssim = (
        (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    )
    return float(ssim[mask].mean())


def perceptual(sface: SFace, first: Image, second: Image, mask: NDArray[np.bool_], points: Floats) -> float:
    """Computes the distance of two pictures in the inner layers of a network, 0 for equal ones.

    As LPIPS does it (Zhang et al., "The unreasonable effectiveness of deep features as a perceptual
    metric", CVPR 2018), without learned weights and with SFace's layers: feature vectors at length 1,
    squared differences, mean over the region (H, W) and over four depths. ``points`` (68, 2), pixels, are
    the face's in both.
    """
    layers = [sface.features(cut_chip(image, points)) for image in (first, second)]
    region = cut_chip(mask.astype(np.float32), points)
    apart = []
    for one, other in zip(*layers, strict=True):
        weight = cv2.resize(region, one.shape[:0:-1], interpolation=cv2.INTER_AREA)
        distance = ((_unit(one) - _unit(other)) ** 2).sum(axis=0)
        apart.append(float((distance * weight).sum() / max(weight.sum(), 1e-6)))
    return float(np.mean(apart))


def _unit(features: Floats) -> Floats:
    return features / (np.linalg.norm(features, axis=0, keepdims=True) + 1e-6)
