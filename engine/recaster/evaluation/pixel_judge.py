"""Judge of pixels inside and outside the face, frame by frame in constant memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.evaluation import image_metrics
from recaster.evaluation.face_window import Window, filled, luma
from recaster.evaluation.nan_stats import columns, mean, ratio, relative
from recaster.evaluation.types import Figure, Scores
from recaster.faces.geometry import eye_distance_3d
from recaster.faces.sharpness import laplacian_variance
from recaster.faces.topology import OVAL

if TYPE_CHECKING:
    from recaster.faces.types import Floats
    from recaster.media.types import Image

DETAIL_GROWTH: Final = -0.15
"""The oval is shrunk by this share of the eye distance where detail is compared: no hair, no ground."""
UNTOUCHED_GROWTH: Final = 0.4
"""And grown by this where nothing should have changed: swaps may soften their edge so far."""
MIN_SWAP_LEVELS: Final = 2.0
"""Mean difference inside the face, levels, below which a frame was not swapped: encoding makes about 1."""

PER_FRAME: Final = (
    "sharpness", "sharpness_original", "change", "change_original", "seam",
    "inside", "outside", "outside_share",
)  # fmt: skip


class PixelJudge:
    """Judge that takes frame after frame with ``add``, and sums up with ``scores``."""

    def __init__(self) -> None:
        self._flow = image_metrics.Flow()
        self._before: tuple[Image, Image] | None = None
        self._rows: list[tuple[float, ...]] = []

    def add(self, original: Image, swapped: Image, points: Floats | None) -> None:
        """Judges one frame (H, W, 3) uint8 RGB; ``points`` (478, 3) is the original's mesh or None."""
        window = None if points is None else Window.around(points, original.shape)
        difference = image_metrics.difference(original, swapped)
        if window is None or points is None:
            beside = difference
            row = [np.nan] * 6
            self._before = None
        else:
            reach = UNTOUCHED_GROWTH * eye_distance_3d(points)
            beside = difference[~filled(points[list(OVAL), :2], original.shape[1::-1], reach)]
            row = [*self._in_window(window, original, swapped), _inside(window, difference)]
            self._before = (original, swapped)
        visible = beside > image_metrics.MIN_VISIBLE_LEVELS
        shares = (float(beside.mean()), 100 * float(visible.mean())) if beside.size else (0.0, 0.0)
        self._rows.append((*row, *shares))

    def _in_window(self, window: Window, original: Image, swapped: Image) -> tuple[float, ...]:
        here = luma(window.cut(original))
        there = luma(window.cut(swapped))
        inside = window.face(DETAIL_GROWTH)
        changes = [np.nan, np.nan]
        if self._before is not None:
            earlier, earlier_swapped = (luma(window.cut(image)) for image in self._before)
            places = self._flow.places(here, earlier)
            changes[0] = image_metrics.flow_change(there, earlier_swapped, places, inside)
            changes[1] = image_metrics.flow_change(here, earlier, places, inside)
        details = (laplacian_variance(there, inside), laplacian_variance(here, inside))
        return (*details, *changes, image_metrics.seam(here, there, window.outline, window.eyes))

    def scores(self) -> Scores:
        """Sums up all frames."""
        by = columns(self._rows, PER_FRAME)
        known = np.isfinite(by["inside"])
        missed = np.where(known, by["inside"] < MIN_SWAP_LEVELS, np.nan)
        figures = (
            Figure("sharpness", ratio(by["sharpness"], by["sharpness_original"])),
            Figure("flicker", ratio(by["change"], by["change_original"])),
            Figure("seam", mean(by["seam"])),
            Figure("outside_change", mean(by["outside"])),
            Figure("outside_share", mean(by["outside_share"])),
            Figure("missed", 100 * mean(missed), {"frames with a face": float(known.sum())}),
        )
        frames = {
            "sharpness": relative(by["sharpness"], by["sharpness_original"]),
            "flicker": relative(by["change"], by["change_original"]),
            "seam": by["seam"],
            "outside_change": by["outside"],
            "missed": missed,
        }
        return Scores(figures, frames)


def _inside(window: Window, difference: np.ndarray) -> float:
    part = difference[window.top : window.bottom, window.left : window.right]
    stretch = np.array([part.shape[1] / window.size[0], part.shape[0] / window.size[1]])
    face = filled((window.outline + 0.5) * stretch - 0.5, part.shape[1::-1], 0)
    return float(part[face].mean()) if face.any() else float("nan")
