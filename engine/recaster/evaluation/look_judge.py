"""Judge of tint, light, softness and grain of a swapped face, by the target's.

No model is asked and nothing is taken over from how a swap is coloured: skin is found by the original's
mesh and by each picture's own values, and compared in CIE Lab over a narrower band than any light is
fitted with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.evaluation.face_window import Window
from recaster.evaluation.nan_stats import columns, mean
from recaster.evaluation.types import Figure, Mask, Plane, Scores
from recaster.faces.region_masks import fill_hull
from recaster.faces.topology import BROW_LEFT, BROW_RIGHT, EYE_LEFT, EYE_RIGHT, LIPS_OUTER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.faces.types import Floats
    from recaster.media.types import Image

OVAL_GROWTH: Final = -0.12
"""The oval is shrunk by this share of the eye distance: hair and background are not face."""
LIGHT_SIGMA: Final = 0.2
"""Sigma of the band in which light and tint are compared, in eye distances."""
FEATURES: Final = (
    (EYE_LEFT, 0.18), (EYE_RIGHT, 0.18), (BROW_LEFT, 0.1), (BROW_RIGHT, 0.1), (LIPS_OUTER, 0.1),
)  # fmt: skip
"""Parts that are not skin, each grown by eye distances (lashes, shadows of lids, corners of lips)."""
SKIN_LIGHTNESS: Final = (0.75, 1.35)
"""Least and most of skin's lightness over that of the skin around it."""
MIN_BEARD_TINT: Final = 0.1
"""Distance of a and b over lightness, from the face's median, at which nothing is its skin."""
MAX_SIGMA_PX: Final = 4.0
"""Wider Gaussians are made in smaller pictures, which takes a fraction of the time."""
SURROUNDINGS_SIGMA: Final = 0.5
"""Sigma of "the skin around it", in eye distances."""
MIN_SKIN_PX: Final = 64
"""With fewer pixels of skin in common nothing is compared."""
OCTAVES: Final = (0.7, 1.4, 2.8, 5.6)
"""Sigmas, in pixels of the window, between which lie the three bands of detail."""
BAND_NOISE_LEVELS: Final = 0.15
"""Added to each band's strength before their ratio: 8 bits hold no less."""
BINS: Final = np.linspace(0, 150, 1501)
COLOUR_PERCENTILE: Final = 99.5
"""Percentile that stands for the strongest colour in a face: single pixels may be the encoder's."""

PER_FRAME: Final = (
    "tint", "light", "detail_fine", "detail_middle", "detail_coarse", "detail_colour",
    "colour", "colour_original",
)  # fmt: skip


class LookJudge:
    """Judge that takes frame after frame with ``add``, and sums up with ``scores``.

    Args:
        notes: of others of its kind, on the frames before.
    """

    def __init__(self, notes: Mapping[str, Floats] | None = None) -> None:
        self._rows: list[tuple[float, ...]] = [] if notes is None else list(map(tuple, notes["looks"]))
        # Counts, which are whole numbers: their sum doesn't depend on an order.
        empty = np.zeros((1, len(BINS) - 1))
        self._tints = (empty if notes is None else notes["tints"]).sum(axis=0)
        self._lights = (empty if notes is None else notes["lights"]).sum(axis=0)

    def add(self, original: Image, swapped: Image, points: Floats | None, hidden: Mask | None = None) -> None:
        """Judges one frame, (H, W, 3) uint8 RGB.

        Args:
            points: (478, 3) mesh of the face in the original, pixels; None where there is none.
            hidden: (H, W), mask of occluders before the face.
        """
        row = None if points is None else self._judge(original, swapped, points, hidden)
        self._rows.append(row or (np.nan,) * len(PER_FRAME))

    def notes(self) -> dict[str, Floats]:
        """All that was measured, for another one of its kind to sum up."""
        rows = np.array(self._rows, np.float64).reshape(-1, len(PER_FRAME))
        return {"looks": rows, "tints": self._tints[None], "lights": self._lights[None]}

    def _judge(
        self, original: Image, swapped: Image, points: Floats, hidden: Mask | None
    ) -> tuple[float, ...] | None:
        """Judges a frame with a face; None where the face or its skin is not in sight."""
        window = Window.around(points, original.shape)
        if window is None:
            return None
        ours, theirs = (lab(window.cut(image)) for image in (swapped, original))
        face = window.face(OVAL_GROWTH)
        if hidden is not None:
            face &= window.cut(hidden.astype(np.uint8) * 255) == 0
        bare = face & ~feature_mask(window, points)
        skin = skin_mask(ours[..., 0], bare, window.eyes)
        skin &= skin_mask(theirs[..., 0], remove_beard(theirs, bare), window.eyes)
        if skin.sum() < MIN_SKIN_PX:
            return None
        low, lower = (smoothed(one, skin, LIGHT_SIGMA * window.eyes) for one in (ours, theirs))
        tints = np.linalg.norm(low[..., 1:] - lower[..., 1:], axis=-1)[skin]
        lights = np.abs(low[..., 0] - lower[..., 0])[skin]
        self._tints += np.histogram(tints, BINS)[0]
        self._lights += np.histogram(lights, BINS)[0]
        chromas = (np.linalg.norm(picture[..., 1:], axis=-1)[face] for picture in (ours, theirs))
        colours = [float(np.percentile(chroma, COLOUR_PERCENTILE)) for chroma in chromas]
        return (float(np.median(tints)), float(np.median(lights)), *detail(ours, theirs, skin), *colours)

    def scores(self) -> Scores:
        """Sums up all frames."""
        by = columns(self._rows, PER_FRAME)
        figures = (
            Figure("tint", _percentile(self._tints, 50)),
            Figure("tint_95", _percentile(self._tints, 95)),
            Figure("light", _percentile(self._lights, 50)),
            Figure("light_95", _percentile(self._lights, 95)),
            *(Figure(name, float(np.exp2(mean(by[name])))) for name in PER_FRAME[2:6]),
            Figure("colour", mean(by["colour"]), {"original": mean(by["colour_original"])}),
        )
        return Scores(figures, {name: by[name] for name in ("tint", "light")})


def lab(image: Image) -> Plane:
    """Converts an sRGB picture (H, W, 3) uint8 to CIE Lab (D65), float32."""
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB))


def feature_mask(window: Window, points: Floats) -> Mask:
    """Mask (height, width) of eyes, brows and lips in a window, with a margin."""
    mask = np.zeros(window.size[::-1], bool)
    for outline, grown in FEATURES:
        part = fill_hull(window.place(points[list(outline)]), window.size[::-1])
        width = max(1, round(grown * window.eyes))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
        mask |= cv2.dilate(part, kernel) > 0
    return mask


def remove_beard(original: Plane, bare: Mask) -> Mask:
    """Removes from a mask what has another tint than most of the original's face: a beard, hair, a strap."""
    tints = original[..., 1:] / (original[..., :1] + 5)
    middle = np.median(tints[bare], axis=0) if bare.any() else np.zeros(2)
    off = np.linalg.norm(tints - middle, axis=-1)
    scale = float(np.median(off[bare])) if bare.any() else 0.0
    return bare & (off < max(MIN_BEARD_TINT, 3 * scale))


def skin_mask(lightness: Plane, bare: Mask, eyes: float) -> Mask:
    """Mask of a face that is about as light as the skin around it: no hair, rims, nostrils, highlights."""
    skin = bare
    for _ in range(2):
        around = smoothed(lightness[..., None], skin, SURROUNDINGS_SIGMA * eyes)[..., 0]
        share = (lightness + 1) / (around + 1)  # in the black, ratios are of noise
        skin = bare & (share > SKIN_LIGHTNESS[0]) & (share < SKIN_LIGHTNESS[1])
    return skin


def smoothed(picture: Plane, mask: Mask, sigma: float) -> Plane:
    """Computes the mean (H, W, C) of the masked pixels around each pixel, weighted by a Gaussian.

    Wide Gaussians are those of a smaller picture, which takes a fraction of the time.
    """
    weight = mask.astype(np.float32)[..., None]
    sums = np.concatenate([picture * weight, weight], axis=-1)
    step = max(1, int(sigma / MAX_SIGMA_PX))
    size = tuple(-(-length // step) for length in mask.shape[::-1])
    small = cv2.resize(sums, size, interpolation=cv2.INTER_AREA) if step > 1 else sums
    soft = cv2.GaussianBlur(small, (0, 0), sigma / step, borderType=cv2.BORDER_CONSTANT)
    soft = cv2.resize(soft, mask.shape[::-1], interpolation=cv2.INTER_LINEAR) if step > 1 else soft
    return np.asarray(soft[..., :-1] / np.maximum(soft[..., -1:], 1e-4))


def detail(ours: Plane, theirs: Plane, skin: Mask) -> list[float]:
    """Computes detail against the original's: log2 of the ratio in three octaves, and of colour's finest."""
    ratios = []
    for channels, bands in ((slice(0, 1), 3), (slice(1, 3), 1)):
        ladders = [
            [cv2.GaussianBlur(one[..., channels], (0, 0), sigma) for sigma in OCTAVES[: bands + 1]]
            for one in (ours, theirs)
        ]
        for at in range(bands):
            swap, target = (
                float((rungs[at] - rungs[at + 1])[skin].std()) + BAND_NOISE_LEVELS for rungs in ladders
            )
            ratios.append(float(np.log2(swap / target)))
    return ratios


def _percentile(counts: Floats, share: float) -> float:
    """Finds the value below which a share (percent) of a histogram over ``BINS`` lies, else NaN."""
    total = counts.sum()
    if total == 0:
        return float("nan")
    return float(BINS[1:][np.searchsorted(np.cumsum(counts), share / 100 * total)])
