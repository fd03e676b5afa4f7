"""Judge of pixels inside and outside the face, frame by frame in constant memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.evaluation import image_metrics
from recaster.evaluation.face_window import Window, filled, luma
from recaster.evaluation.nan_stats import mean, ratio, relative
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
        """Judges one frame.

        Args:
            original: (H, W, 3) uint8 RGB.
            swapped: the same frame, swapped.
            points: (478, 3) mesh of the face in the original, pixels; None where there is none.
        """
        window = None if points is None else Window.around(points, original.shape)
        difference = image_metrics.difference(original, swapped)
        if window is None or points is None:
            values = [np.nan] * 6 + [
                float(difference.mean()),
                100 * float((difference > image_metrics.MIN_VISIBLE_LEVELS).mean()),
            ]
            self._rows.append(tuple(values))
            self._before = None
            return
        clear = ~filled(
            points[list(OVAL), :2], original.shape[1::-1], UNTOUCHED_GROWTH * eye_distance_3d(points)
        )
        beside = difference[clear]
        self._rows.append(
            (
                *self._in_window(window, original, swapped),
                _inside(window, difference),
                float(beside.mean()) if beside.size else 0.0,
                100 * float((beside > image_metrics.MIN_VISIBLE_LEVELS).mean()) if beside.size else 0.0,
            )
        )
        self._before = (original, swapped)

    def _in_window(self, window: Window, original: Image, swapped: Image) -> tuple[float, ...]:
        here = luma(window.cut(original))
        there = luma(window.cut(swapped))
        inside = window.face(DETAIL_GROWTH)
        values = [laplacian_variance(there, inside), laplacian_variance(here, inside)]
        if self._before is None:
            values += [np.nan, np.nan]
        else:
            earlier, earlier_swapped = (luma(window.cut(image)) for image in self._before)
            places = self._flow.places(here, earlier)
            values += [
                image_metrics.flow_change(there, earlier_swapped, places, inside),
                image_metrics.flow_change(here, earlier, places, inside),
            ]
        return (*values, image_metrics.seam(here, there, window.outline, window.eyes))

    def scores(self) -> Scores:
        """Sums up all frames."""
        table = np.array(self._rows, np.float64).reshape(-1, len(PER_FRAME))
        by = dict(zip(PER_FRAME, table.T, strict=True))
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
