"""Sharpness, seams, steadiness and changes beside the face, from the pixels of two frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from scipy.ndimage import maximum_filter1d

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Image

    Grey = NDArray[np.uint8]
    Mask = NDArray[np.bool_]

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


def _ring(outline: Floats) -> tuple[NDArray[np.float32], Floats]:
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


def _sample(picture: Image, places: NDArray[np.float32]) -> Image:
    return cv2.remap(
        picture, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


class Flow:
    """Optical flow from each picture to the one before.

    Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016, by OpenCV.
    """

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def places(self, now: Grey, before: Grey) -> NDArray[np.float32]:
        """Computes (H, W, 2): the pixel of ``before`` that each pixel of ``now`` shows."""
        flow = self._dis.calc(now, before, None)
        ys, xs = np.mgrid[: now.shape[0], : now.shape[1]].astype(np.float32)
        return np.stack([xs + flow[..., 0], ys + flow[..., 1]], axis=-1)


def flow_change(now: Grey, before: Grey, places: NDArray[np.float32], inside: Mask) -> float:
    """Computes the mean change of brightness in a region along a flow, levels; NaN for an empty region."""
    return float(cv2.absdiff(now, _sample(before, places))[inside].mean()) if inside.any() else float("nan")


def difference(first: Image, second: Image) -> Grey:
    """Computes the largest difference of each pixel's channels (H, W), levels, of softened pictures.

    That takes out most of what encoding adds, and nothing of what an eye sees.
    """
    soft = [cv2.GaussianBlur(image, (0, 0), COMPARISON_SIGMA_PX) for image in (first, second)]
    return cv2.absdiff(*soft).max(axis=2)


def difference_within(first: Image, second: Image, mask: Mask) -> NDArray[np.float32]:
    """Computes ``difference`` (N,) of the N pixels in a mask, which are softened among themselves.

    What is beside a thin thing, and changed, does not count to it.
    """
    weight = mask.astype(np.float32)
    apart = (first.astype(np.float32) - second) * weight[..., None]
    sums, weights = (cv2.GaussianBlur(part, (0, 0), COMPARISON_SIGMA_PX)[mask] for part in (apart, weight))
    return np.asarray(np.abs(sums / weights[:, None]).max(axis=1))
