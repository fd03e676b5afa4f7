"""One face in the light of another: a smooth gain over the face, found where both show skin.

What two evenly built faces differ in slowly, over the whole face, is taken for light: its level, its
colour, the side it comes from. Where the face's shape is known, its brightness may also depend on which way
each part looks: so a nose has a lit and a shaded side. What differs in places (a beard, brows, the shadow
of a fringe, a hand) is the people's own and is left out by robust weights (iteratively reweighted least
squares with Tukey's biweight; Holland and Welsch, 1977).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Image

CELLS: Final = 32
"""Light is measured on so many cells along each side of the crop."""
FEWEST: Final = 24
"""With fewer cells of face than this nothing is measured."""
TERMS: Final = 6
"""Level, slope across and down, and three curvatures."""
SHADES: Final = 3
"""What the three parts of a normal add to the brightness (a Lambertian face's, to first order)."""
GAIN: Final = (0.4, 2.5)
"""Least and largest gain anywhere."""
DETAIL: Final = (0.5, 2.5)
"""Least and largest gain of detail."""
_FINE: Final = 1.5 / 256
"""Standard deviation of the blur that tells detail from form, as a share of the crop's side."""
_FAINT: Final = np.float32(0.5)
"""Detail weaker than this, in grey levels, is noise."""
_DARK: Final = 12.0
"""Added to grey levels before their ratio is taken: in the dark it would be of noise."""
_RIDGE: Final = np.array([0.0, 0.01, 0.01, 0.05, 0.05, 0.1])
"""Curvatures need more evidence than slopes."""
_SHADE_RIDGE: Final = 0.04
_ROUNDS: Final = 5
_SIDE_DARK: Final = np.float32(4.0)
"""Likewise, where the dark side of a face is to be lit."""
_ODD_RIDGE: Final = np.array([0.002, 0.004, 0.002, 0.01, 0.02, 0.01])
_RIDGES: Final = np.r_[_RIDGE, np.full(SHADES, _SHADE_RIDGE)]
_SPREAD: Final = 0.07
"""Skin differs from a fit by this much (logarithm) even where light fits."""
MOUTH_SHARE: Final = 0.1
"""Below the nose, where beards grow, cells count for so much of those above."""
MOUTH_FROM: Final = 0.6
"""Where that begins, as a share of the crop's side."""


def _fitted(
    swapped: Image, target: Image, mask: NDArray[np.float32]
) -> tuple[Floats, Floats, NDArray[np.bool_]] | None:
    """The light (as many terms, 3), the weights (N,) of the N cells that show face, and which those are."""
    share = cv2.resize(mask, (CELLS, CELLS), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)
    here = share > 0.5
    if here.sum() < FEWEST:
        return None
    ours, theirs = (
        cv2.resize(image, (CELLS, CELLS), interpolation=cv2.INTER_AREA).reshape(-1, 3)[here] + _DARK
        for image in (swapped, target)
    )
    ratio, terms = np.log(theirs / ours), light_terms()[here]
    penalties = light_penalties(terms.shape[1])
    believed = np.where(terms[:, 2] > 2 * MOUTH_FROM - 1, MOUTH_SHARE, 1.0) * share[here]
    level = ratio.mean(-1)
    weights = believed * estimate_skin_weights(theirs.mean(-1)) * estimate_skin_weights(ours.mean(-1))
    for _ in range(_ROUNDS):
        used = weights
        shared = solve_ridge(terms, level, used, penalties)
        off = np.abs(level - terms @ shared)
        scale = max(_SPREAD, 1.4826 * float(np.median(off)))
        weights = believed * np.clip(1 - (off / (3 * scale)) ** 2, 0, 1) ** 2
    # Brightness by all terms, the channels' differences from it (whose mean is 0) by place alone.
    found = np.repeat(shared[:, None], 3, -1)
    found[:TERMS] += solve_ridge(terms[:, :TERMS], ratio - level[:, None], used, _RIDGE)
    return found, weights, here


def _gained(picture: NDArray[np.float32], light: Floats) -> NDArray[np.float32]:
    small = np.exp(light_terms() @ light).reshape(CELLS, CELLS, 3).clip(*GAIN).astype(np.float32)
    gain = cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    picture = (picture + np.float32(_DARK)) * gain - np.float32(_DARK)
    return np.clip(picture, 0, 255, out=picture)


def relight(picture: Image, other: Image, mask: NDArray[np.float32]) -> Image:
    """A picture in the light of another, its detail left as it is; unchanged where too little face shows.

    Args:
        picture: (size, size, 3) uint8 RGB.
        other: the same face in the same place.
        mask: (size, size) float32, 0 to 1, where the face is.
    """
    fitted = _fitted(picture, other, mask)
    if fitted is None:
        return picture
    return np.rint(_gained(picture.astype(np.float32), fitted[0])).astype(np.uint8)


def match_detail(picture: Image, other: Image) -> Image:
    """A picture whose fine detail is strengthened, place by place, up to that of another; never weakened.

    What a network learned from differences of pixels is soft, for misplaced detail costs more than none.

    Args:
        picture: (size, size, 3) uint8 RGB.
        other: about the same, not as soft.
    """
    exact = picture.astype(np.float32)
    fine = extract_detail(exact)
    ours, theirs = _strength(_grey(fine)), _strength(extract_detail(_grey(other.astype(np.float32))))
    more = np.clip((theirs + _FAINT) / (ours + _FAINT), 1, DETAIL[1]) - 1
    return np.asarray(cv2.add(exact, fine * more[..., None], dtype=cv2.CV_8U))


def _grey(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """(size, size): the mean of a picture's channels."""
    return np.asarray(cv2.transform(picture, np.full((1, 3), 1 / 3)))


def _strength(fine: NDArray[np.float32]) -> NDArray[np.float32]:
    """(size, size): how strong detail (size, size) is around each pixel, grey levels."""
    return np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 2 * _FINE * len(fine)))


def normalize_lighting(pictures: NDArray[np.uint8], mask: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pictures of one face (K, size, size, 3) in the same place, all in the light of their median.

    Args:
        pictures: uint8 RGB.
        mask: (size, size) float32, 0 to 1, where the face is.
    """
    usual = np.median(pictures, 0).astype(np.uint8)
    return np.stack([relight(picture, usual, mask) for picture in pictures])


def symmetrize_lighting(
    pictures: NDArray[np.uint8], mask: NDArray[np.float32], middle: float
) -> NDArray[np.uint8]:
    """Pictures of one face (K, size, size, 3), lit on one side as on the other.

    A face's own colours are much the same on both of its sides: what of the median's logarithm is odd about
    the middle, smoothly or in a step there, is taken for the side that the light came from. What lies on one
    side only, hair or the edge of a shadow, is left out by robust weights.

    Args:
        pictures: uint8 RGB, seen from the front.
        mask: (size, size) float32, 0 to 1, where the face is.
        middle: column of the middle of the face, pixels.
    """
    size = len(mask)
    mirror = np.array([[-1, 0, 2 * middle], [0, 1, 0]])

    def cells(picture: NDArray[np.float32], *, mirrored: bool) -> Floats:
        if mirrored:
            picture = cv2.warpAffine(picture, mirror, (size, size), borderMode=cv2.BORDER_REPLICATE)
        return cv2.resize(picture, (CELLS, CELLS), interpolation=cv2.INTER_AREA).astype(np.float64)

    usual = np.median(pictures, 0).astype(np.float32) + _SIDE_DARK
    share = np.minimum(cells(mask, mirrored=False), cells(mask, mirrored=True)).ravel()
    if (share > 0.5).sum() < FEWEST:
        return pictures
    odd = np.log(cells(usual, mirrored=False) / cells(usual, mirrored=True)).reshape(-1, 3) / 2
    gain = np.exp(-_odd_light(odd, share, middle / size)).reshape(CELLS, CELLS, 3).astype(np.float32)
    gain = cv2.resize(gain, (size, size), interpolation=cv2.INTER_CUBIC)
    lit = ((one.astype(np.float32) + _SIDE_DARK) * gain - _SIDE_DARK for one in pictures)
    return np.stack([np.clip(np.rint(one), 0, 255).astype(np.uint8) for one in lit])


def _odd_light(odd: Floats, share: Floats, middle: float) -> Floats:
    """(CELLS * CELLS, 3): the light that a face's odd part (CELLS * CELLS, 3) is of, where it is face."""
    here, terms = share > 0.5, _odd_terms(middle)
    values, inside, weights = odd[here], terms[here], share[here]
    for _ in range(_ROUNDS):
        found = solve_ridge(inside, values, weights, _ODD_RIDGE)
        off = np.linalg.norm(values - inside @ found, axis=-1)
        scale = max(_SPREAD, 1.4826 * float(np.median(off)))
        weights = share[here] * np.clip(1 - (off / (3 * scale)) ** 2, 0, 1) ** 2
    reach = np.abs(inside @ found).max(axis=0)
    return np.clip(terms @ found, -reach, reach)


def extract_detail(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is finer than a blur of an image."""
    return image - cv2.GaussianBlur(image, (0, 0), _FINE * len(image))


def measure_detail(grey: NDArray[np.float32]) -> Floats:
    """(CELLS, CELLS): mean magnitude of detail of a picture (size, size) in every cell, grey levels."""
    fine = np.abs(extract_detail(grey))
    return cv2.resize(fine, (CELLS, CELLS), interpolation=cv2.INTER_AREA).astype(np.float64)


def estimate_skin_weights(light: Floats) -> Floats:
    """(N,): first weights: cells much darker than the brighter half are hair, eyes or a mouth."""
    rank = int(0.6 * (len(light) - 1))
    return np.clip(light / np.partition(light, rank)[rank] * 2.5 - 1.25, 0.02, 1)


def solve_ridge(terms: Floats, values: Floats, weights: Floats, ridge: Floats) -> Floats:
    """(K,) or (K, C): ``values`` (N,) or (N, C) by weighted ``terms`` (N, K), with a penalty on each."""
    weighted = (terms * weights[:, None]).T
    return np.asarray(np.linalg.solve(weighted @ terms + np.diag(ridge * weights.sum()), weighted @ values))


def light_penalties(terms: int) -> Floats:
    """The penalties on the first so many terms of light."""
    return _RIDGES[:terms]


def light_terms(normals: Floats | None = None) -> Floats:
    """(CELLS * CELLS, TERMS or TERMS + SHADES): the terms of light, those of shape where that is known."""
    terms = _terms(CELLS)
    return terms if normals is None else np.hstack([terms, normals])


@lru_cache(maxsize=2)
def _terms(cells: int) -> Floats:
    """(cells * cells, TERMS): 1, x, y, xx, xy, yy at the cells' centres, x and y from -1 to 1."""
    along = (np.arange(cells) + 0.5) * 2 / cells - 1
    y, x = (grid.ravel() for grid in np.meshgrid(along, along, indexing="ij"))
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)


def _odd_terms(middle: float) -> Floats:
    """Terms that are odd about a column (share of the width), (CELLS * CELLS, 6).

    A slope, two steps, and how each changes downwards.
    """
    along = (np.arange(CELLS) + 0.5) / CELLS
    down, across = np.meshgrid((along - 0.45) / 0.3, (along - middle) / 0.3, indexing="ij")
    steps = np.stack([across, np.tanh(1.5 * across), np.tanh(5 * across)], -1).reshape(-1, 3)
    return np.hstack([steps, steps * down.reshape(-1, 1)])
