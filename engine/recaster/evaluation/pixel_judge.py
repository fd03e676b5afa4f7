"""Judge of pixels in and beside the face, frame by frame: sharpness, seams, steadiness, changes beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from scipy.ndimage import maximum_filter1d

from recaster.evaluation.face_window import Window, filled, luma
from recaster.evaluation.nan_stats import columns, mean, ratio, relative
from recaster.evaluation.types import Figure, Mask, Plane, Scores
from recaster.faces.geometry import eye_distance_3d
from recaster.faces.sharpness import laplacian_variance
from recaster.faces.topology import OVAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Image

    Grey = NDArray[np.uint8]

DETAIL_GROWTH: Final = -0.15
"""The oval is shrunk by this share of the eye distance where detail is compared: no hair, no ground."""
UNTOUCHED_GROWTH: Final = 0.4
"""And grown by this where nothing should have changed: swaps may soften their edge so far."""
MIN_SWAP_LEVELS: Final = 2.0
"""Mean difference inside the face, levels, below which a frame was not swapped: encoding makes about 1."""
RAYS: Final = 144
SECTORS: Final = 36
RING_START = 0.88
RING_END = 1.4
RINGS = 52
"""The ring around the oval in which a seam is looked for, in radii of the oval, and its samples."""
EDGE_SHIFT_SAMPLES: Final = 14
"""An edge of the original may have moved by so much (.15 radii) without being a new one."""
MIN_VISIBLE_LEVELS: Final = 8
"""A pixel that changed by this counts: more than encoding at the usual quality does to one."""
COMPARISON_SIGMA_PX: Final = 1.5
"""Softening before pixels are compared: takes out most of what encoding adds."""

PER_FRAME: Final = (
    "sharpness", "sharpness_original", "change", "change_original", "seam",
    "inside", "outside", "outside_share",
)  # fmt: skip


class PixelJudge:
    """Judge that takes frame after frame with ``add``, and sums up with ``scores``.

    Args:
        notes: of others of its kind, on the frames before.
    """

    def __init__(self, notes: Mapping[str, Floats] | None = None) -> None:
        self._flow = Flow()
        self._before: tuple[Image, Image] | None = None
        self._rows: list[tuple[float, ...]] = [] if notes is None else list(map(tuple, notes["pixels"]))

    def add(self, original: Image, swapped: Image, points: Floats | None) -> None:
        """Judges one frame (H, W, 3) uint8 RGB; ``points`` (478, 3) is the original's mesh or None."""
        window = None if points is None else Window.around(points, original.shape)
        change = difference(original, swapped)
        if window is None or points is None:
            beside = change
            row = [np.nan] * 6
            self._before = None
        else:
            reach = UNTOUCHED_GROWTH * eye_distance_3d(points)
            beside = change[~filled(points[list(OVAL), :2], original.shape[1::-1], reach)]
            row = [*self._in_window(window, original, swapped), _inside(window, change)]
            self._before = (original, swapped)
        visible = beside > MIN_VISIBLE_LEVELS
        shares = (float(beside.mean()), 100 * float(visible.mean())) if beside.size else (0.0, 0.0)
        self._rows.append((*row, *shares))

    def remember(self, original: Image, swapped: Image, points: Floats | None) -> None:
        """Looks at the frame before the first one that is judged, for the change from it to that."""
        is_seen = points is not None and Window.around(points, original.shape) is not None
        self._before = (original, swapped) if is_seen else None

    def notes(self) -> dict[str, Floats]:
        """All that was measured, frame by frame, for another one of its kind to sum up."""
        return {"pixels": np.array(self._rows, np.float64).reshape(-1, len(PER_FRAME))}

    def _in_window(self, window: Window, original: Image, swapped: Image) -> tuple[float, ...]:
        here = luma(window.cut(original))
        there = luma(window.cut(swapped))
        inside = window.face(DETAIL_GROWTH)
        changes = [np.nan, np.nan]
        if self._before is not None:
            earlier, earlier_swapped = (luma(window.cut(image)) for image in self._before)
            places = self._flow.places(here, earlier)
            changes[0] = flow_change(there, earlier_swapped, places, inside)
            changes[1] = flow_change(here, earlier, places, inside)
        details = (laplacian_variance(there, inside), laplacian_variance(here, inside))
        return (*details, *changes, seam(here, there, window.outline, window.eyes))

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


def _inside(window: Window, change: Grey) -> float:
    part = change[window.top : window.bottom, window.left : window.right]
    stretch = np.array([part.shape[1] / window.size[0], part.shape[0] / window.size[1]])
    face = filled((window.outline + 0.5) * stretch - 0.5, part.shape[1::-1], 0)
    return float(part[face].mean()) if face.any() else float("nan")


def seam(original: Grey, swapped: Grey, outline: Floats, eyes: float) -> float:
    """Measures new edges along the face's outline, levels per % of eye distance.

    Around the oval, 36 sectors of 10 degrees: brightness by radius, averaged along the outline within a
    sector (an edge along it stays, texture averages out), its slope in the swap less the steepest that
    the original has thereabouts (another face's outline may lie elsewhere); the largest such excess,
    mean over the sectors. 0 for an unchanged picture. ``outline`` (N, 2) is the oval, ``eyes`` the eye
    distance, both in pixels.
    """
    places, step = _ring(outline)
    slopes = []
    for grey in (original, swapped):
        # In proportion to the face, so that near and far faces are held to the same width of an edge.
        smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), eyes / 96)
        by_radius = np.gradient(_sample(smooth, places), axis=1) / step[:, None]
        slopes.append(np.abs(by_radius.reshape(SECTORS, -1, RINGS).mean(axis=1)))
    # The steepest thereabouts, since another face has its outline elsewhere.
    had = maximum_filter1d(slopes[0], 2 * EDGE_SHIFT_SAMPLES + 1, axis=1, mode="nearest")
    more = np.maximum(slopes[1] - had, 0).max(axis=1)
    return float(more.mean() * eyes / 100)


def _ring(outline: Floats) -> tuple[Plane, Floats]:
    """Sample places (RAYS, RINGS, 2) around an outline, and the pixels between two of a ray (RAYS,)."""
    centre = outline.mean(axis=0)
    away = outline - centre
    angles = np.arctan2(away[:, 1], away[:, 0])
    order = np.argsort(angles)
    rays = np.linspace(-np.pi, np.pi, RAYS, endpoint=False)
    radius = np.interp(rays, angles[order], np.hypot(*away[order].T), period=2 * np.pi)
    shares = np.linspace(RING_START, RING_END, RINGS)
    direction = np.stack([np.cos(rays), np.sin(rays)], axis=-1)
    places = centre + direction[:, None] * (radius[:, None] * shares)[..., None]
    return places.astype(np.float32), radius * (shares[1] - shares[0])


def _sample(picture: Image, places: Plane) -> Image:
    return cv2.remap(
        picture, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


class Flow:
    """Optical flow from each picture to the one before.

    Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016, by OpenCV.
    """

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def places(self, now: Grey, before: Grey) -> Plane:
        """Computes (H, W, 2): the pixel of ``before`` that each pixel of ``now`` shows."""
        flow = self._dis.calc(now, before, None)
        ys, xs = np.mgrid[: now.shape[0], : now.shape[1]].astype(np.float32)
        return np.stack([xs + flow[..., 0], ys + flow[..., 1]], axis=-1)


def flow_change(now: Grey, before: Grey, places: Plane, inside: Mask) -> float:
    """Computes the mean change of brightness in a region along a flow, levels; NaN for an empty region."""
    return float(cv2.absdiff(now, _sample(before, places))[inside].mean()) if inside.any() else float("nan")


def difference(first: Image, second: Image) -> Grey:
    """Computes the largest difference of each pixel's channels (H, W), levels, of softened pictures.

    That takes out most of what encoding adds, and nothing of what an eye sees.
    """
    soft = [cv2.GaussianBlur(image, (0, 0), COMPARISON_SIGMA_PX) for image in (first, second)]
    return cv2.absdiff(*soft).max(axis=2)


def difference_within(first: Image, second: Image, mask: Mask) -> Plane:
    """Computes ``difference`` (N,) of the N pixels in a mask, which are softened among themselves.

    What is beside a thin thing, and changed, does not count to it.
    """
    weight = mask.astype(np.float32)
    apart = (first.astype(np.float32) - second) * weight[..., None]
    sums, weights = (cv2.GaussianBlur(part, (0, 0), COMPARISON_SIGMA_PX)[mask] for part in (apart, weight))
    return np.asarray(np.abs(sums / weights[:, None]).max(axis=1))
