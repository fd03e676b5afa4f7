"""What the pixels of two frames say: sharpness, edges at the outline, steadiness, what else was changed."""

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

ANGLES: Final = 144
BINS: Final = 36
NEAR, FAR, RINGS = 0.88, 1.4, 52
"""The ring around the oval in which a seam is looked for, in radii of the oval, and its samples."""
MOVED: Final = 14
"""Samples by which an edge of the original may have moved without being a new one (.15 radii)."""

VISIBLE: Final = 8
"""Levels from which a changed pixel counts: more than encoding at the usual quality does to one."""

SOFT: Final = 1.5
"""Sigma, in pixels, of the softening before pixels are compared."""


def sharpness(grey: Grey, inside: Mask) -> float:
    """Variance of the Laplacian in a region; NaN for an empty one.

    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000. It grows with noise
    as with detail: only the ratio of two pictures at one scale means anything.
    """
    if not inside.any():
        return float("nan")
    return float(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 0.8), cv2.CV_64F)[inside].var())


def seam(original: Grey, swapped: Grey, outline: Floats, eyes: float) -> float:
    """How much of an edge runs along the face's outline that wasn't there, levels per % of eye distance.

    Around the oval, 36 sectors of 10 degrees: brightness by radius, averaged along the outline within a
    sector (an edge along it stays, texture averages out), its slope in the swap less the steepest that
    the original has thereabouts (another face's outline may lie elsewhere); the largest such excess,
    mean over the sectors. 0 for an unchanged picture.

    Args:
        original: (H, W) uint8.
        swapped: (H, W) uint8.
        outline: (N, 2), the oval in pixels.
        eyes: the eye distance in pixels.
    """
    places, step = _ring(outline)
    slopes = []
    for grey in (original, swapped):
        smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), eyes / 96)
        values = cv2.remap(
            smooth, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        by_radius = np.gradient(values, axis=1) / step[:, None]
        slopes.append(np.abs(by_radius.reshape(BINS, -1, RINGS).mean(axis=1)))
    had = maximum_filter1d(slopes[0], 2 * MOVED + 1, axis=1, mode="nearest")
    more = np.maximum(slopes[1] - had, 0).max(axis=1)
    return float(more.mean() * eyes / 100)


def _ring(outline: Floats) -> tuple[NDArray[np.float32], Floats]:
    """Sample places (ANGLES, RINGS, 2) around an outline, and the pixels between two of a ray (ANGLES,)."""
    centre = outline.mean(axis=0)
    away = outline - centre
    angles, radii = np.arctan2(away[:, 1], away[:, 0]), np.hypot(away[:, 0], away[:, 1])
    rays = np.linspace(-np.pi, np.pi, ANGLES, endpoint=False)
    radius = np.interp(rays, *_sorted(angles, radii), period=2 * np.pi)
    shares = np.linspace(NEAR, FAR, RINGS)
    direction = np.stack([np.cos(rays), np.sin(rays)], axis=-1)
    places = centre + direction[:, None] * (radius[:, None] * shares)[..., None]
    return places.astype(np.float32), radius * (shares[1] - shares[0])


def _sorted(angles: Floats, radii: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(angles)
    return angles[order], radii[order]


class Flow:
    """Where every pixel of a picture was in the one before.

    Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016, by OpenCV.
    """

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def places(self, now: Grey, before: Grey) -> NDArray[np.float32]:
        """(H, W, 2): pixel of ``before`` that each pixel of ``now`` shows."""
        flow = self._dis.calc(now, before, None)
        ys, xs = np.mgrid[: now.shape[0], : now.shape[1]].astype(np.float32)
        return np.stack([xs + flow[..., 0], ys + flow[..., 1]], axis=-1)


def changed(now: Grey, before: Grey, places: NDArray[np.float32], inside: Mask) -> float:
    """Mean change of brightness in a region from one picture to the next along a flow, levels."""
    carried = cv2.remap(
        before, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return float(cv2.absdiff(now, carried)[inside].mean()) if inside.any() else float("nan")


def difference(first: Image, second: Image) -> Grey:
    """(H, W): the largest difference of a pixel's channels, levels, after both pictures were softened.

    That takes out most of what encoding adds, and nothing of what an eye sees.
    """
    soft = [cv2.GaussianBlur(image, (0, 0), SOFT) for image in (first, second)]
    return cv2.absdiff(*soft).max(axis=2)


def difference_within(first: Image, second: Image, mask: Mask) -> NDArray[np.float32]:
    """(N,): the same of the N pixels in a mask, softened among themselves.

    What is beside a thin thing, and changed, does not count to it.
    """
    weight = mask.astype(np.float32)
    apart = (first.astype(np.float32) - second) * weight[..., None]
    soft = cv2.GaussianBlur(apart, (0, 0), SOFT)[mask] / cv2.GaussianBlur(weight, (0, 0), SOFT)[mask][:, None]
    return np.asarray(np.abs(soft).max(axis=1))
