"""Light of a face as a smooth gain over it, fitted where two pictures both show skin.

What two evenly built faces differ in slowly, over the whole face, is taken for light: its level, its
colour, the side it comes from. Where the face's shape is known, its brightness may also depend on which way
each part looks: so a nose has a lit and a shaded side. What differs in places (a beard, brows, the shadow
of a fringe, a hand) is the people's own and is left out by robust weights (iteratively reweighted least
squares with Tukey's biweight; Holland and Welsch, 1977).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.picture_arithmetic import median_picture, repeat_channels
from recaster.faces import topology
from recaster.faces.mesh_surface import TRIANGLES, vertex_normals

if TYPE_CHECKING:
    from recaster.faces.types import Floats, Floats32, Uint8s
    from recaster.media.types import Image

LUMA: Final = np.array([0.299, 0.587, 0.114])  # weights of red, green and blue in brightness (ITU-R BT.601)
CELLS: Final = 32  # cells along each side of the crop on which light is measured
_CENTRES: Final = (np.arange(CELLS) + 0.5) / CELLS  # of the cells, as shares of the side
MIN_CELLS: Final = 24  # cells of face without which no light is measured
TERMS: Final = 6  # terms of place: level, slope across and down, and three curvatures
NORMAL_TERMS: Final = 3
"""Terms of shape: the three parts of a normal (a Lambertian face's brightness, to first order)."""
GAIN_RANGE: Final = (0.4, 2.5)  # bounds of a picture's gain anywhere
DETAIL_GAIN_RANGE: Final = (0.5, 2.5)  # bounds of the gain of detail
MOUTH_WEIGHT: Final = 0.1  # weight of cells below the nose, where beards grow, over that of those above
MOUTH_TOP: Final = 0.6  # beginning of those cells, as a share of the crop's side
_DETAIL_SIGMA: Final = 1.5 / 256
"""Standard deviation of the blur that tells detail from form, as a share of the crop's side."""
_DETAIL_NOISE: Final = np.float32(0.5)  # strength of detail, in grey levels, up to which it is noise
_DARK_OFFSET: Final = 12.0  # grey levels added before a ratio is taken: in the dark it would be of noise
_SIDE_DARK_OFFSET: Final = np.float32(4.0)
"""The same where the dark side of a face is to be lit: a larger one would leave it dark."""
_PLACE_RIDGE: Final = np.array([0.0, 0.01, 0.01, 0.05, 0.05, 0.1])
"""Penalties on the terms of place; curvatures need more evidence than slopes."""
_NORMAL_RIDGE: Final = 0.04
LIGHT_RIDGE: Final = np.r_[_PLACE_RIDGE, np.full(NORMAL_TERMS, _NORMAL_RIDGE)]
_ODD_RIDGE: Final = np.array([0.002, 0.004, 0.002, 0.01, 0.02, 0.01])
"""Penalties on the terms that are odd about the middle of a face."""
_NEIGHBOUR_SIGMA: Final = 0.0375
"""Standard deviation of the average over neighbouring points, as a share of the crop's side."""

_MESH_TRIANGLES: Final = TRIANGLES[(TRIANGLES < topology.MESH_POINTS).all(1)]
_ROUNDS: Final = 5
"""Rounds of reweighting."""
_SKIN_SPREAD: Final = 0.07  # differences of skin from a fit (logarithm) even where light fits


def _fit_light(swapped: Image, target: Image, mask: Floats32) -> Floats | None:
    """Fits the light that turns one picture into another: (TERMS, 3) coefficients; None of too few cells."""
    share = average_cells(mask).ravel()
    here = share > 0.5
    if here.sum() < MIN_CELLS:
        return None
    cells = [cv2.resize(image, (CELLS, CELLS), interpolation=cv2.INTER_AREA) for image in (swapped, target)]
    ours, theirs = (part.reshape(-1, 3)[here] + _DARK_OFFSET for part in cells)
    # In logarithms a gain is a sum, and twice as bright counts like half as bright.
    ratio = np.log(theirs / ours)
    terms = PLACE_TERMS[here]
    # Else a target's beard would darken a shaved face.
    believed = np.where(terms[:, 2] > 2 * MOUTH_TOP - 1, MOUTH_WEIGHT, 1.0) * share[here]
    level = ratio.mean(-1)
    weights = believed * estimate_skin_weights(theirs.mean(-1)) * estimate_skin_weights(ours.mean(-1))
    for _ in range(_ROUNDS):
        used = weights
        shared = solve_ridge(terms, level, used, _PLACE_RIDGE)
        weights = believed * tukey_weights(np.abs(level - terms @ shared), _SKIN_SPREAD)
    # Brightness first, then the channels' differences from it, whose mean is 0: with the same weights.
    light = np.repeat(shared[:, None], 3, -1)
    light += solve_ridge(terms, ratio - level[:, None], used, _PLACE_RIDGE)
    return light


def relight(picture: Image, other: Image, mask: Floats32) -> Image:
    """Brings a picture into the light of another of the same face in the same place.

    Not where too little face shows, by the mask (size, size) of 0 to 1.
    """
    light = _fit_light(picture, other, mask)
    if light is None:
        return picture
    small = np.exp(PLACE_TERMS @ light).reshape(CELLS, CELLS, 3).clip(*GAIN_RANGE).astype(np.float32)
    gain = cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    lit = (picture + np.float32(_DARK_OFFSET)) * gain - np.float32(_DARK_OFFSET)
    return np.rint(np.clip(lit, 0, 255)).astype(np.uint8)


def match_detail(picture: Image, other: Image) -> Image:
    """Strengthens a picture's fine detail, place by place, up to that of another; it is never weakened.

    What a network learned from differences of pixels is soft, for misplaced detail costs more than none.
    """

    def strength(fine: Floats32) -> Floats32:
        """Root mean square around each pixel, grey levels."""
        return np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 2 * _DETAIL_SIGMA * len(fine)))

    exact = picture.astype(np.float32)
    fine = extract_detail(exact)
    grey = np.full((1, 3), 1 / 3)
    ours = strength(cv2.transform(fine, grey))
    theirs = strength(extract_detail(cv2.transform(other.astype(np.float32), grey)))
    more = np.clip((theirs + _DETAIL_NOISE) / (ours + _DETAIL_NOISE), 1, DETAIL_GAIN_RANGE[1]) - 1
    return cv2.add(exact, cv2.multiply(fine, repeat_channels(more)), dtype=cv2.CV_8U)


def normalize_lighting(pictures: Uint8s, mask: Floats32) -> Uint8s:
    """Brings pictures of one face (K, size, size, 3) in the same place into the light of their median."""
    usual = median_picture(pictures).astype(np.uint8)
    return np.stack([relight(picture, usual, mask) for picture in pictures])


def symmetrize_lighting(pictures: Uint8s, mask: Floats32, middle: float) -> Uint8s:
    """Lights pictures of one face (K, size, size, 3), seen from the front, on one side as on the other.

    A face's own colours are much the same on both of its sides: what of the median's logarithm is odd about
    the middle, smoothly or in a step there, is taken for the side that the light came from. What lies on one
    side only, hair or the edge of a shadow, is left out by robust weights. ``middle`` is the column of the
    middle of the face, in pixels.
    """
    size = len(mask)
    mirror = np.array([[-1, 0, 2 * middle], [0, 1, 0]])

    def both_sides(picture: Floats32) -> tuple[Floats, Floats]:
        other = cv2.warpAffine(picture, mirror, (size, size), borderMode=cv2.BORDER_REPLICATE)
        return average_cells(picture), average_cells(other)

    usual = median_picture(pictures).astype(np.float32) + _SIDE_DARK_OFFSET
    # Only where the face shows on both sides can they be compared.
    share = np.minimum(*both_sides(mask)).ravel()
    if (share > 0.5).sum() < MIN_CELLS:
        return pictures
    here, there = both_sides(usual)
    odd = np.log(here / there).reshape(-1, 3) / 2
    gain = np.exp(-_fit_odd_light(odd, share, middle / size)).reshape(CELLS, CELLS, 3).astype(np.float32)
    gain = cv2.resize(gain, (size, size), interpolation=cv2.INTER_CUBIC)
    lit = ((picture + _SIDE_DARK_OFFSET) * gain - _SIDE_DARK_OFFSET for picture in pictures)
    return np.stack([np.clip(np.rint(picture), 0, 255).astype(np.uint8) for picture in lit])


def _fit_odd_light(odd: Floats, share: Floats, middle: float) -> Floats:
    """Fits the light in a face's odd part (CELLS * CELLS, 3), the same shape."""
    here = share > 0.5
    # Terms that are odd about the middle: a slope and two steps, and each by height.
    down, across = np.meshgrid((_CENTRES - 0.45) / 0.3, (_CENTRES - middle) / 0.3, indexing="ij")
    steps = np.stack([across, np.tanh(1.5 * across), np.tanh(5 * across)], -1).reshape(-1, 3)
    terms = np.hstack([steps, steps * down.reshape(-1, 1)])
    values = odd[here]
    inside = terms[here]
    weights = share[here]
    for _ in range(_ROUNDS):
        light = solve_ridge(inside, values, weights, _ODD_RIDGE)
        weights = share[here] * tukey_weights(np.linalg.norm(values - inside @ light, axis=-1), _SKIN_SPREAD)
    # Outside of the face its terms would go on rising.
    reach = np.abs(inside @ light).max(axis=0)
    return np.clip(terms @ light, -reach, reach)


def extract_detail(image: Floats32) -> Floats32:
    """Detail of an image: its difference from a blur."""
    return image - cv2.GaussianBlur(image, (0, 0), _DETAIL_SIGMA * len(image))


def measure_detail(grey: Floats32) -> Floats:
    """Mean magnitude of a picture's detail (size, size) in every cell, (CELLS, CELLS), grey levels."""
    return average_cells(np.abs(extract_detail(grey)))


def average_cells(picture: Floats32) -> Floats:
    """Averages a picture over each cell, (CELLS, CELLS, ...)."""
    return cv2.resize(picture, (CELLS, CELLS), interpolation=cv2.INTER_AREA).astype(np.float64)


def estimate_skin_weights(light: Floats) -> Floats:
    """First weights (N,) of cells by their light: those far darker than the brighter half are no skin."""
    # Hair, eyes and a mouth: the fit begins without them, or it would take them for shadow.
    rank = int(0.6 * (len(light) - 1))
    return np.clip(light / np.partition(light, rank)[rank] * 2.5 - 1.25, 0.02, 1)


def rgb_to_lab(picture: Uint8s | Floats32) -> Floats32:
    """Converts sRGB (..., 3), 0 to 255, to CIE Lab."""
    return cv2.cvtColor(picture.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab)


def solve_ridge(terms: Floats, values: Floats, weights: Floats, ridge: Floats) -> Floats:
    """Weighted ridge regression of ``values`` (N,) or (N, C) on ``terms`` (N, K): (K,) or (K, C)."""
    weighted = (terms * weights[:, None]).T
    squares = weighted @ terms
    squares.ravel()[:: len(squares) + 1] += ridge * weights.sum()
    return np.asarray(np.linalg.solve(squares, weighted @ values))


def tukey_weights(residuals: Floats, spread: float) -> Floats:
    """Weights (N,) of residuals by Tukey's biweight: 0 beyond three deviations, ``spread`` at least."""
    scale = max(spread, 1.4826 * median(residuals))
    return np.clip(1 - (residuals / (3 * scale)) ** 2, 0, 1) ** 2


def median(values: Floats) -> float:
    """Median of values (N,) without NaNs; NumPy's takes four times as long for as few as there are cells."""
    middle = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, middle)[middle])
    low, high = np.partition(values, (middle - 1, middle))[middle - 1 : middle + 1]
    return float((low + high) / 2)


def percentile(values: Floats, share: float) -> float:
    """Value below which a share (percent) of values (N,) lies, as NumPy interpolates it (``median``)."""
    place = (len(values) - 1) * (share / 100)
    low = int(place)
    near = [low, min(low + 1, len(values) - 1)]
    below, above = np.partition(values, near)[near]
    away = place - low
    step = above - below
    return float(below + step * away if away < 0.5 else above - step * (1 - away))


def _place_terms() -> Floats:
    """Terms 1, x, y, xx, xy, yy at the cells' centres, x and y from -1 to 1: (CELLS * CELLS, TERMS)."""
    along = (np.arange(CELLS) + 0.5) * 2 / CELLS - 1
    y, x = (grid.ravel() for grid in np.meshgrid(along, along, indexing="ij"))
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)


PLACE_TERMS: Final = _place_terms()


def compute_normals(points: Floats, size: int) -> Floats | None:
    """Computes normals of a face in each cell of its crop, (CELLS * CELLS, 3), smoothly continued around it.

    They are one long; x points right, y down and z away from the camera, as the mesh (478, 3) has them. None
    where the points are not the mesh's.
    """
    if len(points) != topology.POINTS:
        return None
    at_points = vertex_normals(points[: topology.MESH_POINTS], _MESH_TRIANGLES)
    places = (points[: topology.MESH_POINTS, :2] + 0.5) / size
    x, y = (np.square(_CENTRES[:, None] - places[:, axis]) for axis in (0, 1))
    # A Gaussian falls apart into one across and one down; a little is left of it far from all points.
    wide, high = (np.exp(-part / (2 * _NEIGHBOUR_SIGMA**2)) + 1e-6 / (1e-3 + part) for part in (x, y))
    on_grid = np.stack([(high * part) @ wide.T for part in at_points.T], -1).reshape(-1, 3)
    return on_grid / np.maximum(np.linalg.norm(on_grid, axis=1, keepdims=True), 1e-9)
