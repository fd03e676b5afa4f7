"""Edges of a learned mask, placed by the picture itself, in a crop of twice the resolution.

Where a mask's probability changes, a second classifier looks at each pixel: at its colour beside those of
what is in front and of the face around it (as in matting), at its neighbours, and at the coarse mask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.face_appearance import FINE_PX
from recaster.masking.face_samples import SHARPER, outline_region
from recaster.masking.pixel_classifier import learn_classifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from recaster.faces.types import Bools, Floats32
    from recaster.masking.face_samples import MaskedFace
    from recaster.masking.pixel_classifier import PixelClassifier
    from recaster.media.types import Image

SHARP_PX: Final = SHARPER * FINE_PX
PIXELS_PER_FACE: Final = 4000
_BAND_PX: Final = 15
"""Width of the band about the coarse mask's edge in which pixels are looked at again."""
_UNSURE: Final = 0.15
"""Change of the probability within that width from which on there is an edge."""
_MARGIN_PX: Final = 15
"""Width by which the face's outline is widened, outside of which nothing is learned."""
_SOFT: Final = 0.7
_AROUND: Final = (1.2, 3, 7)
_NEAR: Final = (4, 12)
"""Standard deviations: of the colour of a pixel (sharp), and of what is around it (coarse)."""
_MASK_AROUND: Final = (1.5, 4, 9)
_STEPS: Final = (2, 4, 7)
"""Distances of neighbours, sharp pixels."""
_WAYS: Final = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1))
_MAX_LOGIT: Final = 6.2


def to_logits(hidden: Floats32) -> Floats32:
    """Logits of probabilities, within bounds."""
    return np.clip(np.log((hidden + 1e-6) / (1 + 1e-6 - hidden)), -_MAX_LOGIT, _MAX_LOGIT)


def to_probabilities(logits: Floats32) -> Floats32:
    """Probabilities of logits."""
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def learn_edges(
    faces: Iterable[tuple[MaskedFace, Floats32]], random: np.random.Generator, tick: Callable[[int], None]
) -> PixelClassifier:
    """Learns the edges of masks of sharp faces (SHARP_PX), each with its coarse mask (FINE_PX, FINE_PX).

    The coarse ones come out too well, as they were learned of the same frames: so they are spoilt some.
    """
    features = []
    wanted = []
    for face, found in faces:
        hidden = _spoil(found, random)
        band = _find_band(hidden) & (outline_region(face.points, _MARGIN_PX) > 0)
        places = np.flatnonzero(_enlarge(band))
        if len(places):
            chosen = random.choice(places, PIXELS_PER_FACE)
            features.append(_find_features(face.image, hidden, chosen).astype(np.float16))
            wanted.append(face.mask.reshape(-1, 1)[chosen])
    if not features:  # nothing is in front in any of them
        blank = np.zeros((SHARP_PX, SHARP_PX, 3), np.uint8), np.zeros((FINE_PX, FINE_PX), np.float32)
        features = [_find_features(*blank, np.zeros(1, np.int64)).astype(np.float16)]
        wanted = [np.zeros((1, 1), np.float32)]
    return learn_classifier(np.concatenate(features), np.concatenate(wanted), random, tick)


def refine(image: Image, hidden: Floats32, edges: PixelClassifier) -> Floats32:
    """Refines a mask (FINE_PX, FINE_PX) by the sharp crop (SHARP_PX, SHARP_PX, 3): (SHARP_PX, SHARP_PX)."""
    sharp = cv2.resize(hidden, (SHARP_PX, SHARP_PX), interpolation=cv2.INTER_LINEAR).ravel()
    places = np.flatnonzero(_enlarge(_find_band(hidden)))
    if len(places):
        sharp[places] = edges.probabilities(_find_features(image, hidden, places))[:, 0]
    return np.asarray(sharp.reshape(SHARP_PX, SHARP_PX), np.float32)


def _find_features(image: Image, hidden: Floats32, places: NDArray[np.int64]) -> Floats32:
    """Features (N, F) of chosen pixels (N,), counted by rows, of a sharp crop and its coarse mask."""
    unit = image.astype(np.float32) / np.float32(255)
    coarse = np.asarray(cv2.resize(unit, (FINE_PX, FINE_PX), interpolation=cv2.INTER_AREA), np.float32)
    logits = to_logits(hidden) / np.float32(4)
    soft = _blur(hidden, _MASK_AROUND[0])
    usual = [_usual(coarse, share**3, sigma) for sigma in _NEAR for share in (hidden, 1 - hidden)]
    maps = [*usual, *(_blur(coarse, sigma) for sigma in _AROUND), logits]
    maps += [_blur(hidden, sigma) for sigma in _MASK_AROUND]
    maps += [4 * cv2.Sobel(soft, cv2.CV_32F, *way) for way in ((1, 0), (0, 1))]
    around = _sample(np.dstack(maps), places)
    seen = _blur(unit, _SOFT).reshape(-1, 3)[places]
    found = [seen, around]
    for number in range(len(_NEAR)):
        front, behind = (around[:, 6 * number + step : 6 * number + step + 3] for step in (0, 3))
        found += _compare(seen, front, behind)
    light = np.asarray(unit.mean(-1), np.float32)
    sharp_logits = np.asarray(cv2.resize(logits, light.shape, interpolation=cv2.INTER_LINEAR), np.float32)
    middle = light.ravel()[places]
    for step in _STEPS:
        beside = [_look_beside(places, step, way) for way in _WAYS]
        found += [4 * (light.ravel()[near] - middle)[:, None] for near in beside]
        if step > _STEPS[0]:
            found += [sharp_logits.ravel()[near][:, None] for near in beside]
    return np.concatenate(found, -1).astype(np.float32)


def _sample(maps: Floats32, places: NDArray[np.int64]) -> Floats32:
    """Values (N, C) of coarse maps (FINE_PX, FINE_PX, C) at sharp pixels, linear between theirs."""
    axes = []
    for place in np.divmod(places, SHARP_PX):
        at = np.clip((place + 0.5) / SHARPER - 0.5, 0, FINE_PX - 1)
        first = np.minimum(at.astype(np.int64), FINE_PX - 2)
        axes.append((first, (at - first).astype(np.float32)[:, None]))
    (row, down), (column, across) = axes
    upper, lower = (
        maps[row + step, column] * (1 - across) + maps[row + step, column + 1] * across for step in (0, 1)
    )
    return np.asarray(upper * (1 - down) + lower * down, np.float32)


def _look_beside(places: NDArray[np.int64], step: int, way: tuple[int, int]) -> NDArray[np.int64]:
    """Pixels so far to one side of others, or at the border."""
    row, column = np.divmod(places, SHARP_PX)
    moved = [
        np.clip(place + step * toward, 0, SHARP_PX - 1)
        for place, toward in zip((row, column), way, strict=True)
    ]
    return np.asarray(moved[0] * SHARP_PX + moved[1], np.int64)


def _compare(seen: Floats32, front: Floats32, behind: Floats32) -> list[Floats32]:
    """Compares colours with those of what is in front and behind: differences, share, and which is nearer."""
    to_front = seen - front
    to_behind = seen - behind
    apart = front - behind
    squared = (apart * apart).sum(-1, keepdims=True) + np.float32(1e-3)
    share = np.clip((to_behind * apart).sum(-1, keepdims=True) / squared, -0.5, 1.5)
    nearer = [np.log(np.linalg.norm(each, axis=-1, keepdims=True) + 0.01) for each in (to_front, to_behind)]
    return [2 * to_front, 2 * to_behind, share, nearer[0] - nearer[1], 2 * np.sqrt(squared)]


def _usual(picture: Floats32, weight: Floats32, sigma: float) -> Floats32:
    """Usual colours around each pixel, by weights."""
    return _blur(picture * weight[..., None], sigma) / (_blur(weight, sigma) + np.float32(1e-4))[..., None]


def _blur(values: Floats32, sigma: float) -> Floats32:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)


def _find_band(hidden: Floats32) -> Bools:
    brush = np.ones((_BAND_PX, _BAND_PX), np.uint8)
    return np.asarray(cv2.dilate(hidden, brush) - cv2.erode(hidden, brush) > _UNSURE, np.bool_)


def _enlarge(band: Bools) -> Bools:
    return np.repeat(np.repeat(band, SHARPER, 0), SHARPER, 1)


def _spoil(hidden: Floats32, random: np.random.Generator) -> Floats32:
    """Moves, softens and tints a mask by fields that change slowly."""
    moved = _field(random, 6, 24, 2) * np.float32(random.uniform(0, 2.2))
    down, across = np.mgrid[:FINE_PX, :FINE_PX].astype(np.float32)
    places = across + moved[..., 0], down + moved[..., 1]
    spoilt = cv2.remap(hidden, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    logits = to_logits(np.asarray(spoilt, np.float32)) * np.float32(random.uniform(0.4, 1))
    return to_probabilities(logits + _field(random, 5, 30, 1)[..., 0] * np.float32(random.uniform(0, 1.5)))


def _field(random: np.random.Generator, low: int, high: int, channels: int) -> NDArray[np.float32]:
    """Values (FINE_PX, FINE_PX, channels) that change slowly, with a standard deviation of one."""
    cells = int(random.integers(low, high))
    coarse = random.normal(0, 1, (cells, cells, channels)).astype(np.float32)
    field = cv2.resize(coarse, (FINE_PX, FINE_PX), interpolation=cv2.INTER_CUBIC)
    return np.asarray(field, np.float32).reshape(FINE_PX, FINE_PX, channels)
